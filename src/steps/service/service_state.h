#ifndef KPLAN_STEPS_SERVICE_SERVICE_STATE_H_
#define KPLAN_STEPS_SERVICE_SERVICE_STATE_H_

// Services by name, whoever manages them.

#include <string>

#include "absl/status/statusor.h"

namespace kplan {

// Whether the service NAME runs, cheaply enough to ask each time: process costs no child process, systemd one
// `systemctl is-active`, none is always false. ROOT may be relative. A service that was started outside kplan
// under "process" counts as not running; the step then adopts it.
absl::StatusOr<bool> ServiceIsRunning(const std::string& manager, const std::string& root,
                                      const std::string& name);

// Why the service NAME is not as its step left it, as cheaply: it does not run, or systemd has not read its
// unit as it is on disk, or its user does not get to its files (service_reach.h); else "".
absl::StatusOr<std::string> WhyServiceIsStale(const std::string& manager, const std::string& root,
                                              const std::string& name);

// False when waiting for NAME to answer is in vain: it has ended, and nothing is going to start it by itself.
// For a member that is elsewhere, or started outside kplan, this cannot be told, and is true.
absl::StatusOr<bool> ServiceMayComeUp(const std::string& manager, const std::string& root,
                                      const std::string& name);

// Stops it and waits for its end. False when it did not run.
absl::StatusOr<bool> StopService(const std::string& manager, const std::string& root,
                                 const std::string& name);

// What the service logged last, in the form of LastLines (host/service_log.h): of the journal, or of the
// current start in ROOT/var/log/NAME.log.
std::string LastLogLines(const std::string& manager, const std::string& root, const std::string& name,
                         size_t first = 0);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_STATE_H_
