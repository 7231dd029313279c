#include "src/remote/remote_host.h"

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

absl::StatusOr<RemoteHost> RemoteHost::From(const Record& record) {
  if (record.StringOr("kind", "") != "host") return absl::InvalidArgumentError("this is no record of a host");
  RemoteHost host;
  host.name = record.String("name");
  host.cluster = record.StringOr("cluster", "");
  host.arch = record.StringOr("arch", "");
  host.manager = record.String("manager");
  host.root = record.String("root");
  host.ssh.host = record.String("ssh-host");
  host.ssh.user = record.StringOr("ssh-user", "");
  const int64_t port = record.IntOr("ssh-port", 0);
  const std::string become = record.StringOr("become", "");
  if (absl::Status status = record.status(); !status.ok()) return status;
  if (port < 0 || port > 65535) return absl::InvalidArgumentError(absl::StrCat("there is no port ", port));
  host.ssh.port = static_cast<int>(port);
  if (!become.empty() && become != "sudo") {
    return absl::InvalidArgumentError(absl::StrCat("kplan cannot become root by \"", become, "\""));
  }
  host.become = !become.empty();
  if (absl::Status status = CheckTarget(host.ssh); !status.ok()) return status;
  return host;
}

absl::StatusOr<absl::optional<RemoteHost>> FindRemoteHost(const std::string& name) {
  absl::StatusOr<std::string> shard = ReadFile(paths::Shard(name));
  if (absl::IsNotFound(shard.status())) return absl::optional<RemoteHost>();
  if (!shard.ok()) return shard.status();
  const absl::string_view text = FindRecordText(*shard, absl::StrCat("host/", name));
  if (text.empty()) return absl::optional<RemoteHost>();
  absl::StatusOr<Record> record = Record::Parse(text);
  if (!record.ok()) return record.status();
  absl::StatusOr<RemoteHost> host = RemoteHost::From(*record);
  if (!host.ok()) return host.status();
  return absl::optional<RemoteHost>(*std::move(host));
}

}  // namespace kplan
