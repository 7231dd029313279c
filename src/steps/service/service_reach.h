#ifndef KPLAN_STEPS_SERVICE_SERVICE_REACH_H_
#define KPLAN_STEPS_SERVICE_SERVICE_REACH_H_

// Whether the user that a service of systemd runs as gets to the files that its command names. One that does
// not is started all the same, and runs, and serves nobody: etcd reads its certificate at each handshake.

#include <string>

#include "absl/status/status.h"
#include "src/step/outlook.h"

namespace kplan {

// PermissionDenied names user, folder and remedy (host/may_reach.h). TEXT: that of the unit of the service
// NAME, as it is or will be. FORESEEN: folders that a step before is going to make, or to put right.
absl::Status CheckReach(const std::string& name, std::string text, const Foreseen& foreseen);

// The same by the unit that is in place.
absl::Status CheckReachOf(const std::string& name);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_REACH_H_
