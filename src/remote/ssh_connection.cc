#include "src/remote/ssh_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/disk.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/base/process.h"
#include "src/remote/ssh_command.h"
#include "src/remote/ssh_errors.h"

extern char** environ;

namespace kplan {
namespace {

// ConnectTimeout is for the first words of the other side; a key exchange, and whatever a host does before it
// lets somebody in, come on top.
constexpr absl::Duration kConnect = absl::Seconds(45);

// ssh is the user's, with the user's agent, config and the programs that the config names. Only that it opens
// no window to ask for something.
std::vector<std::string> SshEnvironment() {
  std::vector<std::string> environment;
  for (char** each = environ; *each != nullptr; ++each) {
    if (absl::StartsWith(*each, "PATH=") || absl::StartsWith(*each, "SSH_ASKPASS_REQUIRE=")) continue;
    environment.push_back(*each);
  }
  environment.push_back("SSH_ASKPASS_REQUIRE=never");
  return environment;
}

// Whether somebody listens at SOCKET.
bool IsOpen(const std::string& socket_path) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) return false;
  memcpy(address.sun_path, socket_path.data(), socket_path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return false;
  return connect(fd.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) == 0;
}

// An error that another process had with this connection after SINCE; OK when there is none.
absl::Status ErrorSince(int lock, absl::Time since) {
  struct stat info;
  if (fstat(lock, &info) != 0 || info.st_size == 0 || absl::TimeFromTimespec(info.st_mtim) < since)
    return absl::OkStatus();
  std::string text(static_cast<size_t>(info.st_size), '\0');
  const ssize_t n = disk::ReadAt(lock, &text[0], text.size(), 0);
  if (n <= 0) return absl::OkStatus();
  return absl::UnavailableError(absl::string_view(text).substr(0, n));
}

// What is lost when this cannot be written is time.
void KeepError(int lock, const absl::Status& error) {
  const absl::string_view message = error.message();
  if (disk::Truncate(lock, 0) != 0 || message.empty()) return;
  if (disk::WriteAt(lock, message.data(), message.size(), 0) < 0) return;
}

}  // namespace

SshConnection::SshConnection(const RemoteHost& host)
    : host_(host), socket_(absl::StrCat(paths::kSsh, "/", ControlSocket(host.ssh))) {}

absl::Status SshConnection::MakeFolder() {
  if (absl::Status status = MakePrivateFolder(paths::kState); !status.ok()) return status;
  if (absl::Status status = MakeFolders(paths::kSsh, Durability::kUnsynced); !status.ok()) return status;
  return chmod(paths::kSsh, 0700) == 0 ? absl::OkStatus() : ErrnoStatus(errno, paths::kSsh);
}

absl::StatusOr<UniqueFd> SshConnection::LockForPlacing(const RemoteHost& host) {
  if (absl::Status status = MakeFolder(); !status.ok()) return status;
  return SshConnection(host).Lock(".placing");
}

absl::StatusOr<UniqueFd> SshConnection::Lock(absl::string_view what) const {
  const std::string path = absl::StrCat(socket_, what);
  UniqueFd fd(disk::Open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  if (absl::Status status = AwaitLock(fd.get(), LOCK_EX, path); !status.ok()) return status;
  return fd;
}

absl::StatusOr<SshConnection> SshConnection::Open(const RemoteHost& host) {
  if (absl::Status status = CheckTarget(host.ssh); !status.ok()) return status;
  SshConnection connection(host);
  if (IsOpen(connection.socket_)) return connection;
  const absl::Time begun = absl::Now();
  if (absl::Status status = MakeFolder(); !status.ok()) return status;
  absl::StatusOr<UniqueFd> lock = connection.Lock(".opening");
  if (!lock.ok()) return lock.status();
  if (IsOpen(connection.socket_)) return connection;  // by whoever had the lock
  if (absl::Status status = ErrorSince(lock->get(), begun); !status.ok()) return status;

  RunOptions options;
  options.environment = SshEnvironment();
  options.timeout = kConnect;
  options.new_session = true;
  // What a killed connection leaves; ssh does not bind over it.
  unlink(connection.socket_.c_str());
  absl::StatusOr<RunResult> result = Run(MasterCommand(host.ssh, connection.socket_), options);
  if (!result.ok()) return result.status();
  if (result->ok() && IsOpen(connection.socket_)) {
    KeepError(lock->get(), absl::OkStatus());
    return connection;
  }
  absl::Status error;
  if (result->ok()) {
    error = absl::FailedPreconditionError(
        absl::StrCat("host ", host.name, ": ssh connected, but made no socket ", connection.socket_,
                     "; is this folder on a file system without sockets?\n", LastSaid(result->err)));
  } else {
    absl::StatusOr<RunResult> config = Run(ConfigCommand(host.ssh), options);
    std::string said = result->err;
    if (result->timed_out) absl::StrAppend(&said, "\ntimed out");
    error = ConnectionError(host, SshConfig::Parse(config.ok() ? config->out : ""), said);
  }
  KeepError(lock->get(), error);
  return error;
}

absl::StatusOr<Conversation> SshConnection::Start(absl::string_view script, const Patience& patience) const {
  SpawnOptions options;
  options.environment = SshEnvironment();
  options.new_session = true;
  return Conversation::Start(SessionCommand(socket_, RemoteShell(script, host_.become)), std::move(options),
                             patience);
}

}  // namespace kplan
