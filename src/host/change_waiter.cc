#include "src/host/change_waiter.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace kplan {
namespace {

constexpr uint32_t kEvents = IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_DELETE_SELF |
                             IN_MOVED_FROM | IN_MOVED_TO | IN_MOVE_SELF;
constexpr int kPollMilliseconds = 5000;
constexpr int kQuietMilliseconds = 100;
constexpr absl::Duration kLongest = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<ChangeWaiter>> ChangeWaiter::Create() {
  std::unique_ptr<ChangeWaiter> waiter(new ChangeWaiter);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  if (sigprocmask(SIG_BLOCK, &ends, nullptr) != 0) return ErrnoStatus(errno, "cannot block signals");
  waiter->signals_ = UniqueFd(signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!waiter->signals_.ok()) return ErrnoStatus(errno, "cannot wait for signals");
  waiter->timer_ = UniqueFd(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!waiter->timer_.ok()) return ErrnoStatus(errno, "cannot make a timer");
  waiter->inotify_ = UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  // The user's limits (fs.inotify): then everything is looked at every few seconds.
  waiter->too_many_ = !waiter->inotify_.ok();
  return waiter;
}

void ChangeWaiter::WatchFile(absl::string_view path) {
  std::string folder, name;
  if (absl::EndsWith(path, "/")) {
    folder = std::string(absl::StripSuffix(path, "/"));
  } else {
    folder = FolderOf(path);
    name = std::string(path.substr(path.rfind('/') + 1));
  }
  for (;;) {
    const int watch = inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
    if (watch >= 0) {
      names_[watch].insert(name);
      return;
    }
    // Where there is no folder yet, its coming is what can be waited for.
    if ((errno != ENOENT && errno != ENOTDIR) || folder == "/" || folder == ".") {
      too_many_ = true;
      return;
    }
    name = folder.substr(folder.rfind('/') + 1);
    folder = FolderOf(folder);
  }
}

void ChangeWaiter::WatchFiles(const std::vector<std::string>& paths) {
  if (!inotify_.ok()) return;
  too_many_ = false;
  for (const std::string& path : paths) WatchFile(path);
}

void ChangeWaiter::WatchProcesses(const std::vector<Instance>& instances) {
  processes_.clear();
  process_ended_ = false;
  for (const Instance& instance : instances) {
    UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, instance.pid, 0)));
    // A process id may have gone to another process in the meantime.
    std::optional<Instance> now = FindInstance(instance.pid);
    if (!fd.ok() || !now.has_value() || !(*now == instance)) {
      process_ended_ = true;
    } else {
      processes_.push_back(std::move(fd));
    }
  }
}

absl::Status ChangeWaiter::WakeAt(absl::Time when) {
  struct itimerspec timer = {};
  int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  // Never is in a hundred years: a timer that is not set would not notice that the clock is.
  const absl::Duration wait = std::min(when - absl::Now(), absl::Hours(24 * 36500));
  timer.it_value = absl::ToTimespec(absl::DurationFromTimespec(now) + std::max(wait, absl::Milliseconds(1)));
  if (timerfd_settime(timer_.get(), flags, &timer, nullptr) != 0 && errno != ECANCELED) {
    return ErrnoStatus(errno, "cannot set a timer");
  }
  return absl::OkStatus();
}

// Takes what has come; true when something of it is of interest.
bool ChangeWaiter::ReadFileEvents() {
  alignas(struct inotify_event) char buffer[64 * 1024];
  bool interesting = false;
  for (;;) {
    const ssize_t size = read(inotify_.get(), buffer, sizeof(buffer));
    if (size <= 0) return interesting;
    for (const char* at = buffer; at < buffer + size;) {
      const auto* event = reinterpret_cast<const struct inotify_event*>(at);
      at += sizeof(struct inotify_event) + event->len;
      if ((event->mask & IN_Q_OVERFLOW) != 0) interesting = true;
      auto names = names_.find(event->wd);
      if (names == names_.end()) continue;
      const std::string name = event->len > 0 ? event->name : "";
      if (name.empty() || names->second.contains(name) || names->second.contains("")) interesting = true;
      if ((event->mask & IN_IGNORED) != 0) names_.erase(names);
    }
  }
}

// Waits for one change, at most TIMEOUT_MS (-1: for ever); false when none came. *END when this is the end.
absl::StatusOr<bool> ChangeWaiter::AwaitOne(int timeout_ms, bool* end) {
  const absl::Time deadline =
      timeout_ms < 0 ? absl::InfiniteFuture() : absl::Now() + absl::Milliseconds(timeout_ms);
  for (;;) {
    // Nothing is expected of stdout but that its reader goes away.
    std::vector<struct pollfd> fds = {{signals_.get(), POLLIN, 0},
                                      {STDOUT_FILENO, 0, 0},
                                      {timer_.get(), POLLIN, 0},
                                      {inotify_.get(), POLLIN, 0}};
    for (const UniqueFd& process : processes_) fds.push_back({process.get(), POLLIN, 0});
    int wait = -1;
    if (timeout_ms >= 0)
      wait = static_cast<int>(std::max<int64_t>(absl::ToInt64Milliseconds(deadline - absl::Now()), 0));
    const int ready = poll(fds.data(), fds.size(), wait);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return ErrnoStatus(errno, "cannot wait");
    if (ready == 0) return false;
    struct signalfd_siginfo taken;
    const bool signaled = fds[0].revents != 0 && read(signals_.get(), &taken, sizeof(taken)) > 0;
    if (signaled || (fds[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
      *end = true;
      return true;
    }
    bool change = false;
    if (fds[2].revents != 0) {
      uint64_t expirations;
      change = read(timer_.get(), &expirations, sizeof(expirations)) >= 0 || errno == ECANCELED;
    }
    if (fds[3].revents != 0) change = ReadFileEvents() || change;
    for (size_t i = 4; i < fds.size(); ++i) change = change || fds[i].revents != 0;
    if (change) return true;
  }
}

absl::StatusOr<ChangeWaiter::Event> ChangeWaiter::Wait() {
  bool end = false;
  if (!process_ended_) {
    absl::StatusOr<bool> change = AwaitOne(poll_ || too_many_ ? kPollMilliseconds : -1, &end);
    if (!change.ok()) return change.status();
  }
  // An ended process stays ready: it is not to be waited for again.
  processes_.clear();
  process_ended_ = false;
  for (const absl::Time latest = absl::Now() + kLongest; !end && absl::Now() < latest;) {
    absl::StatusOr<bool> more = AwaitOne(kQuietMilliseconds, &end);
    if (!more.ok()) return more.status();
    if (!*more) break;
  }
  return end ? Event::kEnd : Event::kChange;
}

}  // namespace kplan
