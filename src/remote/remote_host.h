#ifndef KPLAN_REMOTE_REMOTE_HOST_H_
#define KPLAN_REMOTE_REMOTE_HOST_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "src/step/host_records.h"

namespace kplan {

// Where ssh connects to. The values come from a record, that is, from cluster.yaml.
struct SshTarget {
  std::string host;  // a name, an address (IPv6 without brackets), or an alias of the user's ssh config
  std::string user;  // "": as ssh's config says
  int port = 0;      // 0: as ssh's config says

  std::string shown() const;  // "ops@10.0.0.11:2222"
};

// A host whose steps an agent does, over ssh or on this machine as root by sudo: the record host/NAME.
struct RemoteHost {
  std::string name;
  std::string cluster;  // metadata.name, or ""
  std::string arch;     // "amd64"; "" when cluster.yaml leaves it open
  std::string manager;  // "systemd", "process", "none"
  std::string root;
  SshTarget ssh;        // without a host: it is this machine
  bool become = false;  // by `sudo -n`; always so of this machine

  bool here() const { return ssh.host.empty(); }

  // InvalidArgument when RECORD names a target that could be taken for anything but a host, a user and a
  // port, or none and no other user either.
  static absl::StatusOr<RemoteHost> From(const HostRecord& record);
};

// The host NAME as its shard in .kplan/steps has it; nothing when that has no record host/NAME, which means
// that NAME is this machine, and whoever runs kplan does its steps.
absl::StatusOr<std::optional<RemoteHost>> FindRemoteHost(const std::string& name);

}  // namespace kplan

#endif  // KPLAN_REMOTE_REMOTE_HOST_H_
