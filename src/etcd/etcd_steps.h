#ifndef KPLAN_ETCD_ETCD_STEPS_H_
#define KPLAN_ETCD_ETCD_STEPS_H_

// What is done about a running etcd, as steps (src/step/step.h): only here, above the steps that any service
// is made of, is it known what etcd is. Each is in the file of its name; the record's keys are described
// there.

#include "absl/status/statusor.h"
#include "src/base/record.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {

absl::StatusOr<StepResult> SurveyEtcdStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> RolloutEtcdStep(const StepContext&, const Record&);
// Not of the plan: a part of `kplan restore`, on the host of a member.
absl::StatusOr<StepResult> RestoreEtcdStep(const StepContext&, const Record&);
absl::StatusOr<StepResult> VerifyEtcdStep(const StepContext&, const Record&);

// Looks only at data folders of this machine.
absl::StatusOr<Outlook> SurveyEtcdLook(const LookContext&, const Record&);
absl::StatusOr<Outlook> RolloutEtcdLook(const LookContext&, const Record&);
absl::StatusOr<Outlook> RestoreEtcdLook(const LookContext&, const Record&);
// A verdict is about a moment: it is never "right already". This says only with what it would fail at once.
absl::StatusOr<Outlook> VerifyEtcdLook(const LookContext&, const Record&);

}  // namespace kplan

#endif  // KPLAN_ETCD_ETCD_STEPS_H_
