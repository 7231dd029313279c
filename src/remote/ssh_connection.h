#ifndef KPLAN_REMOTE_SSH_CONNECTION_H_
#define KPLAN_REMOTE_SSH_CONNECTION_H_

// The one connection to a host (ssh's ControlMaster), which all steps of a run share. Whoever comes first
// opens it, and it ends by itself when nobody has used it for a minute.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/conversation.h"
#include "src/base/files.h"
#include "src/remote/remote_host.h"

namespace kplan {

class SshConnection {
 public:
  // Connects unless somebody has. HOST is not this machine. Errors: ConnectionError (ssh_errors.h).
  static absl::StatusOr<SshConnection> Open(const RemoteHost& host);

  // Starts SCRIPT (see RemoteShell) there, with become as the host has it. Never opens a connection: when
  // this one is gone, ssh ends with 255. It is waited for with PATIENCE.
  absl::StatusOr<Conversation> Start(absl::string_view script, const Patience& patience) const;

  // Holds off the other processes of this folder: only one at a time copies kplan to HOST.
  static absl::StatusOr<UniqueFd> LockForPlacing(const RemoteHost& host);

  // Makes the folder of the sockets and locks where there is none, for us alone.
  static absl::Status MakeFolder();

 private:
  explicit SshConnection(const RemoteHost& host);
  absl::StatusOr<UniqueFd> Lock(absl::string_view what) const;

  RemoteHost host_;
  std::string socket_;
};

}  // namespace kplan

#endif  // KPLAN_REMOTE_SSH_CONNECTION_H_
