#ifndef KPLAN_REMOTE_REMOTE_STEP_H_
#define KPLAN_REMOTE_REMOTE_STEP_H_

// Steps of hosts at the other end of an ssh connection.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/dialer.h"
#include "src/base/record.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/remote_host.h"
#include "src/step/step.h"

namespace kplan {

// Does the step of RECORD, of a kind that works on hosts (Where::kOnHost), on HOST, by the same function that
// would do it here. The digest is the same as well; the result has no files, because none is here.
absl::StatusOr<StepResult> RunRemoteStep(const RemoteHost& host, const std::string& label,
                                         const Json& record);

// The answer of HOST to QUESTION (step/questions.h).
absl::StatusOr<Json> AskRemote(const RemoteHost& host, const Json& question);

// Has the agent on HOST do REQUEST, whose root and claim are filled in here: refused by any other machine
// than the one that the host's own step found. Errors: AskAgent's (agent_session.h).
absl::StatusOr<Json> AskClaimed(const RemoteHost& host, Request request);

// Connections to TARGETS, and to nobody else, by way of HOST (tunnel.h). Errors as AskClaimed's.
absl::StatusOr<std::unique_ptr<Dialer>> DialFromRemote(const RemoteHost& host,
                                                       const std::vector<HostPort>& targets);

// The function of the kind that has WORD in its record and is about the way to a host (KPLAN_REMOTE_KIND in
// step/kinds.def); null for any other.
StepFunction FindRemoteStep(absl::string_view word);

}  // namespace kplan

#endif  // KPLAN_REMOTE_REMOTE_STEP_H_
