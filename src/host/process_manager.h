#ifndef KPLAN_HOST_PROCESS_MANAGER_H_
#define KPLAN_HOST_PROCESS_MANAGER_H_

// Services without systemd (service-manager: process): started in the background by start-stop-daemon
// (dpkg's), with the pid file ROOT/run/NAME.pid and the log ROOT/var/log/NAME.log. No root rights are needed.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/host/process_info.h"

namespace kplan {

struct ProcessSpec {
  std::string root;  // absolute
  std::string name;
  std::vector<std::string> argv;         // argv[0]: the program, absolute
  std::vector<std::string> environment;  // "NAME=value"; the child has these and PATH, nothing else

  std::string Exe() const;  // argv[0] as /proc will name it: links on the way resolved
};

// The running instance of SPEC: the one the pid file names; failing that, one process of this user with
// exactly this program and these arguments (the pid file was lost, or kplan was killed before it was
// written). AWAIT_START: a start that another process has begun is waited for.
std::optional<Instance> FindRunning(const ProcessSpec& spec, bool await_start = true);

// Makes the pid file name INSTANCE, when it does not already.
absl::Status EnsurePidFile(const ProcessSpec& spec, const Instance& instance);

// Starts SPEC and waits until the program itself runs (not until it answers). Aborted, with the last log
// lines, when it ended at once; NotFound when there is no start-stop-daemon.
absl::StatusOr<Instance> StartProcess(const ProcessSpec& spec);

// SIGTERM, 10 s later SIGKILL, and waits for the end. Through a pidfd and not by start-stop-daemon --stop,
// whose match on the program fails once that was replaced on disk.
absl::Status StopInstance(const Instance& instance);

}  // namespace kplan

#endif  // KPLAN_HOST_PROCESS_MANAGER_H_
