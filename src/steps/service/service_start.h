#ifndef KPLAN_STEPS_SERVICE_SERVICE_START_H_
#define KPLAN_STEPS_SERVICE_SERVICE_START_H_

// How a service is started, told to read its files again, and waited for. Deadlines are of CLOCK.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/host/process_manager.h"
#include "src/steps/service/service_decision.h"
#include "src/steps/service/service_state.h"
#include "src/systemd/systemctl.h"

namespace kplan {

// What runs by the STATE of a unit, of a service that is systemd's.
absl::StatusOr<RunningService> RunningUnit(const absl::StatusOr<UnitState>& state);

// The main process of a unit that is on its way up, in another invocation than OLD_INVOCATION ("": any).
// Waits until it is active, or as `await_start` says, only there.
absl::StatusOr<Instance> AwaitMainProcess(const ServiceSpec& service, const std::string& old_invocation,
                                          absl::Time deadline, Clock* clock);

// Stops what runs, if anything does, and starts the service. Not done before its instance is known.
absl::StatusOr<Instance> StartService(const ServiceSpec& service, const RunningService& running,
                                      absl::Time deadline, Clock* clock);

// Has INSTANCE read its files again; gives the instance that did.
absl::StatusOr<Instance> ReloadService(const ServiceSpec& service, const Instance& instance,
                                       absl::Time deadline, Clock* clock);

// Restarts a service that others start, unless the one that runs has ended meanwhile.
absl::StatusOr<std::optional<Instance>> RestartIfRunning(const ServiceSpec& service);

// How long a start of SERVICE is waited for: its `timeout`, which follows its own unit; and where a drop-in
// of somebody else's says another (TimeoutStartSec=, TimeoutSec=), no less than systemd gives it, which has
// to have read that. Where there is no bound, an hour, as where a unit of ours has none
// (model/start_timeout.h).
absl::Duration StartTimeout(const ServiceSpec& service);

// Waits until INSTANCE itself accepts connections at every address of `answers`. It does so in the kernel,
// for the end of the process or for a socket: what CLOCK says is left until DEADLINE is here the real time's.
absl::Status AwaitAnswers(const ServiceSpec& service, const Instance& instance, absl::Time deadline,
                          Clock* clock);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_START_H_
