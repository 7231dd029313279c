#ifndef KPLAN_STEPS_KINDS_H_
#define KPLAN_STEPS_KINDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {

// What does the steps of a kind, and what looks at them. The kinds that are about the way to a host have
// their functions elsewhere (step/kinds.def).
struct StepFunctions {
  absl::string_view word;  // of its records
  StepFunction run;
  LookFunction look;
};

// Null when this kplan has no steps of the kind WORD.
const StepFunctions* FindStepFunctions(absl::string_view word);

// What there is to say of a record of the kind WORD that nobody here knows, and what to do.
absl::Status UnknownKind(absl::string_view word);

// The look of the step LABEL that has RECORD (canonical JSON).
absl::StatusOr<Outlook> LookAtStep(const std::string& label, absl::string_view record, absl::Time now,
                                   const Foreseen& foreseen);

}  // namespace kplan

#endif  // KPLAN_STEPS_KINDS_H_
