#ifndef KPLAN_REMOTE_REMOTE_STEP_H_
#define KPLAN_REMOTE_REMOTE_STEP_H_

// Steps of hosts at the other end of an ssh connection.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/record.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/remote_host.h"
#include "src/step/step.h"

namespace kplan {

// Does the step of RECORD ("install", "install-pair", "unit", "dir", "sysusers", "service", "activate") on
// HOST, by the same function that would do it here. The digest is the same as well; the result has no files,
// because none is here.
absl::StatusOr<StepResult> RunRemoteStep(const RemoteHost& host, const std::string& label,
                                         const Record& record);

// The answer of HOST to QUESTION (steps/questions.h).
absl::StatusOr<Json> AskRemote(const RemoteHost& host, const Record& question);

// Has the agent on HOST do REQUEST, whose root and claim are filled in here: refused by any other machine
// than the one that the host's own step found. Errors: AskAgent's (agent_session.h).
absl::StatusOr<Json> AskClaimed(const RemoteHost& host, Request request);

// Connects to a host, puts the agent there and claims the host for its name; its facts go to
// .kplan/hosts/NAME.json. Record: see docs/steps.md.
absl::StatusOr<StepResult> HostStep(const StepContext& context, const Record& record);

// Brings to a host what the steps of its files are going to put in place, as far as it is not there.
absl::StatusOr<StepResult> SendStep(const StepContext& context, const Record& record);

// The function of the two kinds above; null for any other.
StepFunction FindRemoteStep(absl::string_view kind);

}  // namespace kplan

#endif  // KPLAN_REMOTE_REMOTE_STEP_H_
