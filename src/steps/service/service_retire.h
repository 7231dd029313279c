#ifndef KPLAN_STEPS_SERVICE_SERVICE_RETIRE_H_
#define KPLAN_STEPS_SERVICE_SERVICE_RETIRE_H_

// The end of a service that the plan has no longer: stopped for good, so that it does not come back at the
// next boot either. RECORD is a ServiceRecord or an ActivateRecord; InvalidArgument
// for any other.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/step/any_record.h"

namespace kplan {

// What there still is of a service.
struct ServiceRemains {
  bool running = false;
  bool enabled = false;            // systemd starts it at boot
  std::vector<std::string> files;  // marker and pid file, as seen from here

  bool none() const { return !running && !enabled && files.empty(); }
};

// Changes nothing. A service that was started outside kplan counts when it is this very program with these
// arguments below this root.
absl::StatusOr<ServiceRemains> LookAtRemains(const AnyRecord& record);

// Stops the service and waits for its end, under systemd also takes away what starts it at boot, and removes
// marker and pid file. Its unit, its data and its log stay; once the unit's file is gone too, ForgetUnit
// (systemd/systemctl.h) is due. Doing it again does nothing.
absl::Status RetireService(const AnyRecord& record);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_RETIRE_H_
