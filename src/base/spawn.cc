#include "src/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"

namespace kplan {
namespace {

struct Pipe {
  UniqueFd read, write;

  static absl::StatusOr<Pipe> Make() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "cannot make a pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
};

// A file in memory with CONTENT, to be read from its start. It has no name, and goes with who reads it.
absl::StatusOr<UniqueFd> Content(absl::string_view content) {
  UniqueFd fd(memfd_create("input", MFD_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, "cannot make a file in memory");
  if (absl::Status status = WriteAll(fd.get(), content, "a file in memory"); !status.ok()) return status;
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return ErrnoStatus(errno, "cannot go back in memory");
  return fd;
}

}  // namespace

bool Drain(int fd, size_t max, std::string* out) {
  constexpr size_t kPipe = 1 << 20;  // pipe(7): the most that a user may give one
  char block[8192];
  for (size_t taken = 0; taken < kPipe;) {
    ssize_t n = read(fd, block, sizeof(block));
    if (n < 0 && errno == EINTR) continue;
    if (n > 0) {
      taken += static_cast<size_t>(n);
      if (out->size() < max) out->append(block, std::min<size_t>(n, max - out->size()));
      continue;
    }
    return n < 0 && errno == EAGAIN;
  }
  return true;
}

absl::StatusOr<Child> Spawn(const std::string& program, const std::vector<std::string>& argv,
                            const SpawnOptions& options) {
  std::vector<std::string> environment = options.environment;
  const char* path = getenv("PATH");
  environment.push_back(absl::StrCat("PATH=", path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin"));
  std::vector<char*> args, env;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  for (const std::string& variable : environment) env.push_back(const_cast<char*>(variable.c_str()));
  args.push_back(nullptr);
  env.push_back(nullptr);

  absl::StatusOr<Pipe> out = Pipe::Make(), err = Pipe::Make(), error = Pipe::Make();
  for (const absl::StatusOr<Pipe>* each : {&out, &err, &error}) {
    if (!each->ok()) return each->status();
  }
  Pipe in;
  if (options.input) {
    absl::StatusOr<Pipe> made = Pipe::Make();
    if (!made.ok()) return made.status();
    in = *std::move(made);
  } else if (!options.content.empty()) {
    absl::StatusOr<UniqueFd> content = Content(options.content);
    if (!content.ok()) return content.status();
    in.read = *std::move(content);
  } else {
    in.read = UniqueFd(disk::Open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

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
    if (options.new_session) setsid();
    dup2(in.read.get(), 0);
    dup2(out->write.get(), 1);
    if (!options.inherit_errors) dup2(err->write.get(), 2);
    // Whatever else is open here (ninja's or a test's descriptors) is not the child's.
    syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    signal(SIGPIPE, SIG_DFL);
    if (options.working_folder.empty() || chdir(options.working_folder.c_str()) == 0) {
      execve(program.c_str(), args.data(), env.data());
    }
    int error_number = errno;
    ssize_t ignored = write(error->write.get(), &error_number, sizeof(error_number));
    (void)ignored;
    _exit(127);
  }
  error->write = UniqueFd();
  ssize_t n;
  do {
    n = read(error->read.get(), &child.exec_error, sizeof(child.exec_error));
  } while (n < 0 && errno == EINTR);
  if (n != sizeof(child.exec_error)) child.exec_error = 0;
  for (int fd : {in.write.get(), out->read.get(), err->read.get()}) {
    if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  child.in = std::move(in.write);
  child.out = std::move(out->read);
  child.err = std::move(err->read);
  return child;
}

int AwaitExit(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace kplan
