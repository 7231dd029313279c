#include "src/host/process_info.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace kplan {
namespace {

std::string ProcPath(pid_t pid, absl::string_view name) { return absl::StrCat("/proc/", pid, "/", name); }

// The kernel stamps files from a clock that moves once a jiffy, 10 ms at the slowest (HZ=100).
constexpr absl::Duration kFileClockStep = absl::Milliseconds(10);

absl::Duration ClockNow(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return absl::DurationFromTimespec(now);
}

absl::StatusOr<std::vector<std::string>> NulSeparated(pid_t pid, const char* name) {
  absl::StatusOr<std::string> text = ReadFile(ProcPath(pid, name));
  if (!text.ok()) return text.status();
  if (text->empty()) return std::vector<std::string>();
  if (text->back() == '\0') text->pop_back();
  return std::vector<std::string>(absl::StrSplit(*text, '\0'));
}

// Of /proc/PID/stat.
struct ProcStat {
  std::string name;
  char state = 0;
  pid_t parent = 0;
  uint64_t start_ticks = 0;
};

std::optional<ProcStat> ReadStat(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  absl::StatusOr<std::string> text = ReadFile(ProcPath(pid, "stat"));
  if (!text.ok()) return std::nullopt;
  // The second field is the program's name in parentheses, and may itself hold blanks and parentheses.
  const size_t begin = text->find('('), end = text->rfind(')');
  if (end == std::string::npos || begin > end) return std::nullopt;
  std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(*text).substr(end + 1), ' ', absl::SkipEmpty());
  // fields[0] is field 3, the state.
  ProcStat stat;
  if (fields.size() < 20 || !absl::SimpleAtoi(fields[1], &stat.parent) ||
      !absl::SimpleAtoi(fields[19], &stat.start_ticks))
    return std::nullopt;
  stat.state = fields[0][0];
  stat.name = text->substr(begin + 1, end - begin - 1);
  return stat;
}

}  // namespace

std::string Instance::ToString() const { return absl::StrCat(boot, " ", pid, " ", start_ticks); }

std::string BootId() {
  absl::StatusOr<std::string> id = ReadFile("/proc/sys/kernel/random/boot_id");
  return id.ok() ? std::string(absl::StripAsciiWhitespace(*id)) : "";
}

uint64_t TicksSinceBoot() {
  return static_cast<uint64_t>(absl::ToInt64Nanoseconds(ClockNow(CLOCK_BOOTTIME)) /
                               (1000000000 / sysconf(_SC_CLK_TCK)));
}

absl::Time StartOf(const Instance& instance, absl::Time now) {
  const auto ticks = static_cast<double>(TicksSinceBoot() - instance.start_ticks);
  return now - absl::Seconds(ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

std::optional<Instance> FindInstance(pid_t pid) {
  const std::optional<ProcStat> stat = ReadStat(pid);
  if (!stat.has_value() || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  Instance instance;
  instance.pid = pid;
  instance.start_ticks = stat->start_ticks;
  instance.boot = BootId();
  return instance;
}

std::optional<ProcessName> NameOf(pid_t pid) {
  std::optional<ProcStat> stat = ReadStat(pid);
  if (!stat.has_value()) return std::nullopt;
  return ProcessName{pid, stat->parent, std::move(stat->name)};
}

std::string ExeOf(pid_t pid) {
  char target[PATH_MAX];
  ssize_t size = readlink(ProcPath(pid, "exe").c_str(), target, sizeof(target));
  if (size <= 0) return "";
  absl::string_view exe(target, size);
  return std::string(absl::StripSuffix(exe, " (deleted)"));
}

std::string ExeContentPath(pid_t pid) { return ProcPath(pid, "exe"); }

absl::StatusOr<std::vector<std::string>> ArgvOf(pid_t pid) { return NulSeparated(pid, "cmdline"); }

absl::StatusOr<std::vector<std::string>> EnvironmentOf(pid_t pid) { return NulSeparated(pid, "environ"); }

std::vector<pid_t> ProcessesRunning(absl::string_view exe) {
  std::vector<pid_t> pids;
  std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (proc == nullptr) return pids;
  while (const dirent* entry = readdir(proc.get())) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(entry->d_name, &pid) && ExeOf(pid) == exe) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

absl::StatusOr<bool> UnchangedSinceStart(const std::string& path, const Instance& instance) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  // The change time and not the modification time: a file is written first and renamed into place later, and
  // only the change time moves with the rename (and cannot be set back by anybody).
  absl::Time changed = absl::TimeFromTimespec(info.st_ctim);
  // Everything is rounded towards "changed": start_ticks is rounded down already, and the file clock may be a
  // step behind. A process reads its files after its start, so a file that changed before that is the one it
  // read. This trusts that nobody set the wall clock forward between a change of the file and now; and it is
  // only asked when the marker, which needs no clock, is gone.
  absl::Duration start = absl::Nanoseconds(instance.start_ticks * (1000000000 / sysconf(_SC_CLK_TCK)));
  absl::Time started = absl::UnixEpoch() + ClockNow(CLOCK_REALTIME) - ClockNow(CLOCK_BOOTTIME) + start;
  return changed + kFileClockStep <= started;
}

absl::StatusOr<ProcessHandle> ProcessHandle::Open(const Instance& instance) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, instance.pid, 0)));
  if (!fd.ok()) {
    return ErrnoStatus(errno == ESRCH ? ENOENT : errno, absl::StrCat("cannot open process ", instance.pid));
  }
  // Asked only now that the descriptor pins whatever has this id.
  std::optional<Instance> now = FindInstance(instance.pid);
  if (!now.has_value() || !(*now == instance)) {
    return absl::NotFoundError(absl::StrCat("process ", instance.pid, " has ended"));
  }
  return ProcessHandle(std::move(fd));
}

bool ProcessHandle::AwaitEnd(absl::Duration wait) const {
  const absl::Time deadline = absl::Now() + wait;
  for (;;) {
    struct pollfd poll_fd = {fd_.get(), POLLIN, 0};
    int64_t left = std::max<int64_t>(0, absl::ToInt64Milliseconds(deadline - absl::Now()));
    int ready = poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left, 1 << 30)));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

absl::Status ProcessHandle::Signal(int signal_number) const {
  if (syscall(SYS_pidfd_send_signal, fd_.get(), signal_number, nullptr, 0) == 0) return absl::OkStatus();
  if (errno == ESRCH) return absl::OkStatus();  // it ended by itself
  return ErrnoStatus(errno, absl::StrCat("cannot send signal ", signal_number, " to the process"));
}

}  // namespace kplan
