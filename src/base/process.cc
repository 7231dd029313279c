#include "src/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "src/base/files.h"

namespace kplan {
namespace {

constexpr size_t kMaxOutput = 1 << 20;

// Reads what there is; false at the end of the stream.
bool Drain(int fd, std::string* out) {
  char block[8192];
  for (;;) {
    ssize_t n = read(fd, block, sizeof(block));
    if (n > 0) {
      if (out->size() < kMaxOutput) out->append(block, std::min<size_t>(n, kMaxOutput - out->size()));
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    return n < 0 && errno == EAGAIN;
  }
}

struct Child {
  pid_t pid = -1;
  UniqueFd out, err;
  int exec_error = 0;
};

absl::StatusOr<Child> Spawn(const std::string& program, const std::vector<std::string>& argv,
                            const RunOptions& options) {
  std::vector<std::string> environment = options.environment;
  const char* path = getenv("PATH");
  environment.push_back(absl::StrCat("PATH=", path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin"));
  std::vector<char*> args, env;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  for (const std::string& variable : environment) env.push_back(const_cast<char*>(variable.c_str()));
  args.push_back(nullptr);
  env.push_back(nullptr);

  int out_pipe[2], err_pipe[2], error_pipe[2];
  if (pipe2(out_pipe, O_CLOEXEC) != 0) return ErrnoStatus(errno, "cannot make a pipe");
  UniqueFd out_read(out_pipe[0]), out_write(out_pipe[1]);
  if (pipe2(err_pipe, O_CLOEXEC) != 0) return ErrnoStatus(errno, "cannot make a pipe");
  UniqueFd err_read(err_pipe[0]), err_write(err_pipe[1]);
  if (pipe2(error_pipe, O_CLOEXEC) != 0) return ErrnoStatus(errno, "cannot make a pipe");
  UniqueFd error_read(error_pipe[0]), error_write(error_pipe[1]);
  UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));

  Child child;
  const pid_t parent = getpid();
  child.pid = fork();
  if (child.pid < 0) return ErrnoStatus(errno, "cannot fork");
  if (child.pid == 0) {
    // Only async-signal-safe calls from here to the exec.
    // A child must not outlive a killed kplan: an orphaned download would go on writing to the file that the
    // next run continues. What the child itself leaves behind (a daemon) does not inherit this.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(127);
    dup2(null.get(), 0);
    if (!options.inherit_output) {
      dup2(out_write.get(), 1);
      dup2(err_write.get(), 2);
    }
    // Whatever else is open here (ninja's or a test's descriptors) is not the child's.
    syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    signal(SIGPIPE, SIG_DFL);
    if (options.working_folder.empty() || chdir(options.working_folder.c_str()) == 0) {
      execve(program.c_str(), args.data(), env.data());
    }
    int error = errno;
    ssize_t ignored = write(error_write.get(), &error, sizeof(error));
    (void)ignored;
    _exit(127);
  }
  error_write = UniqueFd();
  ssize_t n;
  do {
    n = read(error_read.get(), &child.exec_error, sizeof(child.exec_error));
  } while (n < 0 && errno == EINTR);
  if (n != sizeof(child.exec_error)) child.exec_error = 0;
  fcntl(out_read.get(), F_SETFL, O_NONBLOCK);
  fcntl(err_read.get(), F_SETFL, O_NONBLOCK);
  child.out = std::move(out_read);
  child.err = std::move(err_read);
  return child;
}

}  // namespace

std::string FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = getenv("PATH");
  for (absl::string_view folder :
       absl::StrSplit(path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin", ':', absl::SkipEmpty())) {
    std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  // An ordinary user's PATH often lacks the sbin folders, where start-stop-daemon lives.
  for (const char* folder : {"/usr/local/sbin/", "/usr/sbin/", "/sbin/"}) {
    std::string candidate = folder + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

absl::StatusOr<RunResult> Run(const std::vector<std::string>& argv, const RunOptions& options) {
  std::string program = FindProgram(argv[0]);
  if (program.empty()) return absl::NotFoundError(absl::StrCat("there is no program ", argv[0], " here"));
  absl::StatusOr<Child> child = Spawn(program, argv, options);
  if (!child.ok()) return child.status();
  RunResult result;
  const absl::Time deadline = absl::Now() + options.timeout;
  int pid_fd_number = static_cast<int>(syscall(SYS_pidfd_open, child->pid, 0));
  UniqueFd pid_fd(pid_fd_number);
  bool out_open = true, err_open = true, terminated = false;
  absl::Time next = deadline;
  int wait_status = 0;
  for (;;) {
    struct pollfd fds[3] = {{pid_fd.get(), POLLIN, 0},
                            {out_open ? child->out.get() : -1, POLLIN, 0},
                            {err_open ? child->err.get() : -1, POLLIN, 0}};
    // At most a day at a time: an infinite timeout fits in no integer.
    absl::Duration wait = std::min(next - absl::Now(), absl::Hours(24));
    int wait_ms = static_cast<int>(std::max<int64_t>(0, absl::ToInt64Milliseconds(wait) + 1));
    int ready = poll(fds, 3, wait_ms);
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "cannot poll");
    if (out_open && (fds[1].revents != 0)) out_open = Drain(child->out.get(), &result.out);
    if (err_open && (fds[2].revents != 0)) err_open = Drain(child->err.get(), &result.err);
    if (fds[0].revents != 0) break;
    if (absl::Now() >= next) {
      result.timed_out = true;
      kill(child->pid, terminated ? SIGKILL : SIGTERM);
      next = terminated ? absl::InfiniteFuture() : absl::Now() + absl::Seconds(1);
      if (terminated) break;
      terminated = true;
    }
  }
  while (waitpid(child->pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  if (out_open) Drain(child->out.get(), &result.out);
  if (err_open) Drain(child->err.get(), &result.err);
  if (child->exec_error != 0) {
    return ErrnoStatus(child->exec_error, absl::StrCat("cannot run ", program));
  }
  result.exit_code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
  return result;
}

}  // namespace kplan
