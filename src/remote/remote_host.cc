#include "src/remote/remote_host.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/remote/ssh_command.h"

namespace kplan {

std::string SshTarget::shown() const {
  const bool brackets = host.find(':') != std::string::npos;
  return absl::StrCat(user, user.empty() ? "" : "@", brackets ? "[" : "", host, brackets ? "]" : "",
                      port == 0 ? "" : absl::StrCat(":", port));
}

absl::StatusOr<RemoteHost> RemoteHost::From(const HostRecord& record) {
  RemoteHost host;
  host.name = record.name;
  host.cluster = record.cluster;
  host.arch = record.arch;
  host.manager = record.manager;
  host.root = record.root;
  host.ssh.host = record.ssh_host;
  host.ssh.user = record.ssh_user;
  if (record.ssh_port < 0 || record.ssh_port > 65535)
    return absl::InvalidArgumentError(absl::StrCat("there is no port ", record.ssh_port));
  host.ssh.port = static_cast<int>(record.ssh_port);
  if (!record.become.empty() && record.become != "sudo") {
    return absl::InvalidArgumentError(absl::StrCat("kplan cannot become root by \"", record.become, "\""));
  }
  host.become = !record.become.empty();
  if (host.here()) {
    if (host.become && host.ssh.user.empty() && host.ssh.port == 0) return host;
    return absl::InvalidArgumentError(absl::StrCat("nothing says how ", host.name, " is reached"));
  }
  if (absl::Status status = CheckTarget(host.ssh); !status.ok()) return status;
  return host;
}

absl::StatusOr<std::optional<RemoteHost>> FindRemoteHost(const std::string& name) {
  absl::StatusOr<std::string> shard = ReadFile(paths::Shard(name));
  if (absl::IsNotFound(shard.status())) return std::optional<RemoteHost>();
  if (!shard.ok()) return shard.status();
  const absl::string_view text = FindRecordText(*shard, absl::StrCat("host/", name));
  if (text.empty()) return std::optional<RemoteHost>();
  absl::StatusOr<HostRecord> record = FromText<HostRecord>(text);
  if (!record.ok()) return record.status();
  absl::StatusOr<RemoteHost> host = RemoteHost::From(*record);
  if (!host.ok()) return host.status();
  return std::optional<RemoteHost>(*std::move(host));
}

}  // namespace kplan
