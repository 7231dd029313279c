#ifndef KPLAN_REMOTE_HOST_SESSION_H_
#define KPLAN_REMOTE_HOST_SESSION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/clock.h"
#include "src/base/conversation.h"
#include "src/remote/remote_host.h"

namespace kplan {

// A script that runs on a host, and has said a line that begins with kAgentWord (agent_protocol.h).
struct HostSession {
  Conversation conversation;
  std::string greeting;  // the line behind that word

  // Runs SCRIPT (see RemoteShell) on HOST: over ssh, connecting when nobody has, or on this machine as root.
  // Waits for its turn when sshd lets no further session share the connection, by CLOCK. Errors:
  // ConnectionError and SessionError (ssh_errors.h), SudoError (sudo_refusal.h).
  static absl::StatusOr<HostSession> Start(const RemoteHost& host, absl::string_view script,
                                           Clock* clock = Clock::Real());
};

// The error of a connection to HOST, or of sudo on it, that ended while kplan was at WHAT.
absl::Status ConnectionBroke(const RemoteHost& host, absl::string_view what);

}  // namespace kplan

#endif  // KPLAN_REMOTE_HOST_SESSION_H_
