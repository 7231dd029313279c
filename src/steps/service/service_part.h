#ifndef KPLAN_STEPS_SERVICE_SERVICE_PART_H_
#define KPLAN_STEPS_SERVICE_SERVICE_PART_H_

// What some files of a service call for (ServiceRecord::only), and nothing else: everything but these is, and
// stays, what the running instance was started with, whatever the plan says of it and whatever else waits for
// its turn. So one thing is done at a time: trust is widened before anything else of a change is tried.

#include "absl/status/statusor.h"
#include "src/step/outlook.h"
#include "src/step/service_records.h"
#include "src/step/step.h"

namespace kplan {

// As the step of the service, and its look; RECORD has `only`.
absl::StatusOr<StepResult> PartOfServiceStep(const StepContext& context, const ServiceRecord& record);
absl::StatusOr<Outlook> PartOfServiceLook(const LookContext& context, const ServiceRecord& record);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_SERVICE_PART_H_
