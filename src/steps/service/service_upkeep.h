#ifndef KPLAN_STEPS_SERVICE_SERVICE_UPKEEP_H_
#define KPLAN_STEPS_SERVICE_SERVICE_UPKEEP_H_

// What is amiss with the unit of a service though the service runs: put right without a restart.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/base/reason.h"
#include "src/step/outlook.h"
#include "src/steps/service/service_decision.h"

namespace kplan {

// The text that the unit's own file has once all that FORESEEN has is written, and what waits is put in
// place. No value where that is not known before, nor without systemd. A file that is not there has none,
// either.
std::optional<std::string> UnitTextToCome(const ServiceSpec& service, const Foreseen& foreseen);

// Whether TEXT, that of SERVICE's unit, says that it is started at boot, and it is not enabled for good.
bool IsNotEnabled(const ServiceSpec& service, const std::optional<std::string>& text);

// How the step of a service begins to say what it did about these.
inline constexpr char kPutRight[] = "put right: ";

// The name of the reason of one that is only waited for.
inline constexpr char kComingUp[] = "coming-up";

// UNREAD: systemd has not read the unit as it is in place. PrepareUnit puts both right. COMING_UP: it has no
// main process yet, and is waited for.
std::vector<Reason> UnitUpkeep(bool unread, bool not_enabled, bool coming_up);

// What stands in the way of a start with TEXT, that of SERVICE's unit: FailedPrecondition when a drop-in
// takes away what it says, PermissionDenied when its user does not get to the files that it names. FORESEEN:
// as of CheckReach.
absl::Status CheckUnitOf(const ServiceSpec& service, const std::optional<std::string>& text,
                         const Foreseen& foreseen);

// The same of the service of RECORD; "" when nothing does, or it is not known what its unit will say.
std::string WhyUnitCannotStart(const ServiceRecord& record, const Foreseen& foreseen);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_UPKEEP_H_
