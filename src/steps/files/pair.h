#ifndef KPLAN_STEPS_FILES_PAIR_H_
#define KPLAN_STEPS_FILES_PAIR_H_

#include "absl/status/statusor.h"
#include "src/host/pair_swap.h"
#include "src/step/file_records.h"
#include "src/step/step.h"

namespace kplan {

// PairStep with other than the usual options, for tests.
absl::StatusOr<StepResult> InstallPair(const PairRecord& record, PairSwapOptions options);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_PAIR_H_
