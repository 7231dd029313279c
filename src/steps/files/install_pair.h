#ifndef KPLAN_STEPS_FILES_INSTALL_PAIR_H_
#define KPLAN_STEPS_FILES_INSTALL_PAIR_H_

#include "absl/status/statusor.h"
#include "src/base/record.h"
#include "src/host/pair_swap.h"
#include "src/step/step.h"

namespace kplan {

// InstallPairStep with other than the usual options, for tests.
absl::StatusOr<StepResult> InstallPair(const Record& record, PairSwapOptions options);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_INSTALL_PAIR_H_
