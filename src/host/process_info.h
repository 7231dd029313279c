#ifndef KPLAN_HOST_PROCESS_INFO_H_
#define KPLAN_HOST_PROCESS_INFO_H_

// What /proc knows about a process, and a hold on it that a recycled process id cannot loosen (proc(5),
// pidfd_open(2)).

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/files.h"

namespace kplan {

// One run of a program: a process id is used again, but not with the same start time in the same boot.
struct Instance {
  std::string boot;  // the kernel's boot id, a UUID
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // clock ticks after boot, rounded down (/proc/PID/stat, field 22)

  std::string ToString() const;  // "BOOT PID TICKS"
  friend bool operator==(const Instance& a, const Instance& b) {
    return a.pid == b.pid && a.start_ticks == b.start_ticks && a.boot == b.boot;
  }
};

// The process that has PID now; nothing when there is none, or only its zombie.
std::optional<Instance> FindInstance(pid_t pid);

// What a process is called and who started it (or took it over), as the kernel says: NAME has at most 15
// bytes, of any kind.
struct ProcessName {
  pid_t pid = 0, parent = 0;
  std::string name;
};
std::optional<ProcessName> NameOf(pid_t pid);

// This moment in the unit and on the clock of Instance::start_ticks.
uint64_t TicksSinceBoot();
// When INSTANCE began, by a clock that says NOW.
absl::Time StartOf(const Instance& instance, absl::Time now);
std::string BootId();

// Where the program of PID is, as the kernel names it, without the " (deleted)" of one that was replaced
// since. Empty when there is no such process, or it is another user's.
std::string ExeOf(pid_t pid);

// The program that PID runs, readable also when its file has been replaced or deleted.
std::string ExeContentPath(pid_t pid);

absl::StatusOr<std::vector<std::string>> ArgvOf(pid_t pid);
absl::StatusOr<std::vector<std::string>> EnvironmentOf(pid_t pid);  // as it was given at the start

// Every process whose program is EXE (see ExeOf), by scanning /proc.
std::vector<pid_t> ProcessesRunning(absl::string_view exe);

// True when nothing can have changed the file PATH since INSTANCE was started: what the process read then is
// what is there now. Unsure is false.
absl::StatusOr<bool> UnchangedSinceStart(const std::string& path, const Instance& instance);

// A hold on one instance.
class ProcessHandle {
 public:
  // NotFound when INSTANCE is no longer there (also when its process id has gone to another).
  static absl::StatusOr<ProcessHandle> Open(const Instance& instance);

  // Waits for the end of the process, at most WAIT; true when it has ended.
  bool AwaitEnd(absl::Duration wait) const;
  absl::Status Signal(int signal_number) const;
  int fd() const { return fd_.get(); }  // a pidfd: readable once the process has ended

 private:
  explicit ProcessHandle(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace kplan

#endif  // KPLAN_HOST_PROCESS_INFO_H_
