#ifndef KPLAN_STEPS_SERVICE_SERVICE_RELOAD_H_
#define KPLAN_STEPS_SERVICE_SERVICE_RELOAD_H_

// What is done to a service that runs without starting it: it reads its files again; and what is special
// about one that others start.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/host/process_info.h"
#include "src/steps/service/service_decision.h"
#include "src/systemd/systemctl.h"

namespace kplan {

// FailedPrecondition when INSTANCE of the service NAME does not heed SIGHUP, which would end it; Aborted when
// it has ended.
absl::Status HeedsReload(const std::string& name, const Instance& instance);

// SIGHUP to INSTANCE; errors as above.
absl::Status ReloadProcess(const std::string& name, const Instance& instance);

// As PrepareUnit, for the unit of a service that others start: known to systemd as it is on disk, and not
// enabled, unless it says itself what wants it ([Install]).
absl::StatusOr<UnitState> PrepareUnitOfOthers(const ServiceSpec& service);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_RELOAD_H_
