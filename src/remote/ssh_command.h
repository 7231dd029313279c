#ifndef KPLAN_REMOTE_SSH_COMMAND_H_
#define KPLAN_REMOTE_SSH_COMMAND_H_

// The command lines of ssh(1). No secret is in one, and of cluster.yaml only a host, a user and a port.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/remote/remote_host.h"

namespace kplan {

// InvalidArgument when a part of TARGET could be anything but what it is called: an option, a URL, a shell's
// word. Letters, digits, ".", "_" and "-", not at the beginning, and ":" in an IPv6 address.
absl::Status CheckTarget(const SshTarget& target);

// The file in .kplan/ssh of the connection to TARGET: short, and the same for the same target only.
std::string ControlSocket(const SshTarget& target);

// Opens the connection and leaves it in the background, where sessions find it at SOCKET. What must hold
// stands on the command line, which comes before every config: ssh asks nobody anything, refuses a host whose
// key is unknown or another one, and forwards nothing.
std::vector<std::string> MasterCommand(const SshTarget& target, const std::string& socket);

// Runs the remote COMMAND over the connection at SOCKET, and never over one of its own.
std::vector<std::string> SessionCommand(const std::string& socket, const std::string& command);

// Ends the connection at SOCKET.
std::vector<std::string> ExitCommand(const std::string& socket);

// Prints what ssh makes of TARGET by the user's config, one "key value" a line (ssh -G). Connects nowhere.
std::vector<std::string> ConfigCommand(const SshTarget& target);

// SCRIPT, run by sh whatever the login shell is, as root when BECOME. It must be one line without the
// characters that login shells (csh, fish) know between single quotes: ' ! \ (asserted).
std::string RemoteShell(absl::string_view script, bool become);

}  // namespace kplan

#endif  // KPLAN_REMOTE_SSH_COMMAND_H_
