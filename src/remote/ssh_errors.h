#ifndef KPLAN_REMOTE_SSH_ERRORS_H_
#define KPLAN_REMOTE_SSH_ERRORS_H_

// What ssh, sshd and the remote shell say when something goes wrong (OpenSSH 8 to 9), as errors of kplan:
// what was expected, what was seen, what to do. Of sudo: sudo_refusal.h.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/remote/remote_host.h"

namespace kplan {

// What ssh makes of a target by the user's config.
struct SshConfig {
  std::string host, port, user, host_key_alias, known_hosts;  // known_hosts: the first file

  // OUTPUT: of ConfigCommand (ssh_command.h).
  static SshConfig Parse(absl::string_view output);
};

// The last lines of SAID, what another side wrote to stderr, each safe for a terminal and indented by four
// blanks; empty when there are none.
std::string LastSaid(absl::string_view said);

// The error of a connection that was not made. SAID: ssh's stderr. Every one begins with the host's name.
absl::Status ConnectionError(const RemoteHost& host, const SshConfig& config, absl::string_view said);

// The error of a session whose shell ended with EXIT_CODE before an agent answered.
absl::Status SessionError(const RemoteHost& host, int exit_code, absl::string_view said);

}  // namespace kplan

#endif  // KPLAN_REMOTE_SSH_ERRORS_H_
