#ifndef KPLAN_STEPS_FILES_FILE_CHECKED_H_
#define KPLAN_STEPS_FILES_FILE_CHECKED_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/host/install_file.h"
#include "src/step/file_records.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {

// The step of the file RECORD, which asks CHECK when it is going to write, before anything is changed. What
// is checked is what is written: SOURCE is open.
absl::StatusOr<StepResult> FileChecked(const FileFields& record,
                                       absl::FunctionRef<absl::Status(const InstallSource& source)> check);

// The same of a file whose content is CONTENT, public, instead of that of RECORD::from.
absl::StatusOr<StepResult> FileOfText(const FileFields& record, const std::string& content);

// The look of such a step, which checks nothing.
absl::StatusOr<Outlook> LookAtFile(const LookContext& context, const FileFields& record);

// What stands before every error of such a step: "cannot install FROM as PATH".
std::string DoingInstall(const FileFields& record);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_FILE_CHECKED_H_
