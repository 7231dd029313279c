#ifndef KPLAN_STEPS_FILES_INSTALL_CHECKED_H_
#define KPLAN_STEPS_FILES_INSTALL_CHECKED_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/record.h"
#include "src/host/install_file.h"
#include "src/step/step.h"

namespace kplan {

// The step "install" of RECORD, which asks CHECK when it is going to write, before anything is changed. What
// is checked is what is written: SOURCE is open.
absl::StatusOr<StepResult> InstallChecked(const Record& record,
                                          absl::FunctionRef<absl::Status(const InstallSource& source)> check);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_INSTALL_CHECKED_H_
