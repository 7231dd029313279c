#ifndef KPLAN_MODEL_RENEWAL_UNITS_H_
#define KPLAN_MODEL_RENEWAL_UNITS_H_

// The units of `kplan renew-timer`: a service that runs gen and ninja once, and the timer that starts it.

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct RenewalPlan {
  std::string folder;        // absolute: where build.ninja is
  std::string spec;          // as `kplan gen` in that folder takes it
  std::string kplan, ninja;  // absolute paths of the programs
  uid_t owner = 0;           // who owns the folder, and so runs both
  std::string calendar;      // as OnCalendar takes it (systemd.time(7))
};

struct RenewalUnits {
  std::string service, timer;  // the texts
};

// "kplan-renew-srv-prod" for the folder /srv/prod, as `systemd-escape --path` has it, so that every plan of a
// machine has its own. InvalidArgument when systemd takes no name of that length.
absl::StatusOr<std::string> RenewalUnitName(absl::string_view folder);

// InvalidArgument when systemd cannot be told one of the paths.
absl::StatusOr<RenewalUnits> MakeRenewalUnits(const RenewalPlan& plan);

}  // namespace kplan

#endif  // KPLAN_MODEL_RENEWAL_UNITS_H_
