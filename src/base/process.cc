#include "src/base/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/spawn.h"

namespace kplan {
namespace {

constexpr size_t kMaxOutput = 1 << 20;

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
  SpawnOptions spawn;
  spawn.environment = options.environment;
  spawn.working_folder = options.working_folder;
  spawn.content = options.input;
  spawn.inherit_errors = options.inherit_errors;
  spawn.new_session = options.new_session;
  absl::StatusOr<Child> child = Spawn(program, argv, spawn);
  if (!child.ok()) return child.status();
  RunResult result;
  const absl::Time deadline = absl::Now() + options.timeout;
  int pid_fd_number = static_cast<int>(syscall(SYS_pidfd_open, child->pid, 0));
  UniqueFd pid_fd(pid_fd_number);
  bool out_open = true, err_open = true, terminated = false;
  absl::Time next = deadline;
  for (;;) {
    struct pollfd fds[3] = {{pid_fd.get(), POLLIN, 0},
                            {out_open ? child->out.get() : -1, POLLIN, 0},
                            {err_open ? child->err.get() : -1, POLLIN, 0}};
    // At most a day at a time: an infinite timeout fits in no integer.
    absl::Duration wait = std::min(next - absl::Now(), absl::Hours(24));
    int wait_ms = static_cast<int>(std::max<int64_t>(0, absl::ToInt64Milliseconds(wait) + 1));
    int ready = poll(fds, 3, wait_ms);
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "cannot poll");
    if (out_open && (fds[1].revents != 0)) out_open = Drain(child->out.get(), kMaxOutput, &result.out);
    if (err_open && (fds[2].revents != 0)) err_open = Drain(child->err.get(), kMaxOutput, &result.err);
    if (fds[0].revents != 0) break;
    if (absl::Now() >= next) {
      result.timed_out = true;
      kill(child->pid, terminated ? SIGKILL : SIGTERM);
      next = terminated ? absl::InfiniteFuture() : absl::Now() + absl::Seconds(1);
      if (terminated) break;
      terminated = true;
    }
  }
  result.exit_code = AwaitExit(child->pid);
  if (out_open) Drain(child->out.get(), kMaxOutput, &result.out);
  if (err_open) Drain(child->err.get(), kMaxOutput, &result.err);
  if (child->exec_error != 0) {
    return ErrnoStatus(child->exec_error, absl::StrCat("cannot run ", program));
  }
  return result;
}

}  // namespace kplan
