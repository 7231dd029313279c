#ifndef KPLAN_REMOTE_AGENT_SESSION_H_
#define KPLAN_REMOTE_AGENT_SESSION_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/conversation.h"
#include "src/base/record.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/remote_host.h"

namespace kplan {

// Sends REQUEST to the agent on HOST, and what of its sources is not there, and gives the answer. Connects
// when nobody has, and puts the agent there when it is not. Errors: the agent's own; Unavailable when the
// host cannot be reached or the connection breaks; FailedPrecondition when the host cannot have an agent;
// DeadlineExceeded when it does not answer within BOUNDS.
absl::StatusOr<Json> AskAgent(const RemoteHost& host, const Request& request, const Patience::Bounds& bounds);

// Within BoundsOf(REQUEST).
absl::StatusOr<Json> AskAgent(const RemoteHost& host, const Request& request);

// Has the agent on HOST say OK to REQUEST, which goes on after that: the session, as it is then. Errors as
// AskAgent's.
absl::StatusOr<Conversation> BeginWithAgent(const RemoteHost& host, const Request& request);

// ERROR with "host NAME: " in front of its message, where it is not yet.
absl::Status OnHost(const RemoteHost& host, const absl::Status& error);

}  // namespace kplan

#endif  // KPLAN_REMOTE_AGENT_SESSION_H_
