#ifndef KPLAN_ETCD_SNAPSHOT_AUTH_H_
#define KPLAN_ETCD_SNAPSHOT_AUTH_H_

// What a snapshot brings with it of etcd's auth: whoever restores it gets its users and roles, too.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace kplan {

struct SnapshotAuth {
  bool enabled = false;
  // The roles of the user that was asked for; nothing: there is no such user.
  std::optional<std::vector<std::string>> roles;

  bool IsRoot() const;  // that user may do everything
};

// Of the snapshot PATH, and the user NAME in it. DataLoss when it is no database of etcd 3.4 to 3.6.
absl::StatusOr<SnapshotAuth> ReadSnapshotAuth(const std::string& path, const std::string& name);

}  // namespace kplan

#endif  // KPLAN_ETCD_SNAPSHOT_AUTH_H_
