#ifndef KPLAN_STEP_HOST_ACCESS_H_
#define KPLAN_STEP_HOST_ACCESS_H_

// How a step that is about several hosts reaches them. Where a host is, this machine or the other end of an
// ssh connection, makes no difference to the step; src/remote knows.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/dialer.h"
#include "src/base/record.h"
#include "src/step/step.h"

namespace kplan {

class HostAccess {
 public:
  virtual ~HostAccess() = default;

  // Does the step of RECORD (ToJson) on HOST, by the function that would do it here. LABEL is for messages.
  // The error is the step's own; Unavailable when the host cannot be reached.
  virtual absl::StatusOr<StepResult> RunStep(const std::string& host, const std::string& label,
                                             const Json& record) = 0;

  // HOST's answer to a QUESTION (questions.h), which changes nothing there, but for a note in /run of who
  // takes members away (claim_question.h). Unavailable as above.
  virtual absl::StatusOr<Json> Ask(const std::string& host, const Json& question) = 0;

  // Connections to TARGETS, and to nobody else, as they come about on HOST: it carries their bytes, and can
  // read no more of them than any other on the way. Null where HOST is this machine. Unavailable as above;
  // Unimplemented where hosts carry nothing.
  virtual absl::StatusOr<std::unique_ptr<Dialer>> DialFrom(const std::string& /*host*/,
                                                           const std::vector<HostPort>& /*targets*/) {
    return absl::UnimplementedError("hosts carry no connections here");
  }
};

}  // namespace kplan

#endif  // KPLAN_STEP_HOST_ACCESS_H_
