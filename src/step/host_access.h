#ifndef KPLAN_STEP_HOST_ACCESS_H_
#define KPLAN_STEP_HOST_ACCESS_H_

// How a step that is about several hosts reaches them. Where a host is, this machine or the other end of an
// ssh connection, makes no difference to the step; src/remote knows.

#include <string>

#include "absl/status/statusor.h"
#include "src/base/record.h"
#include "src/step/step.h"

namespace kplan {

class HostAccess {
 public:
  virtual ~HostAccess() = default;

  // Does the step of RECORD on HOST, by the function that would do it here. LABEL is for messages. The error
  // is the step's own; Unavailable when the host cannot be reached.
  virtual absl::StatusOr<StepResult> RunStep(const std::string& host, const std::string& label,
                                             const Record& record) = 0;

  // HOST's answer to a question (steps/questions.h), which changes nothing there. Unavailable as above.
  virtual absl::StatusOr<Json> Ask(const std::string& host, const Record& question) = 0;
};

}  // namespace kplan

#endif  // KPLAN_STEP_HOST_ACCESS_H_
