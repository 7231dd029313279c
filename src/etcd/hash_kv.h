#ifndef KPLAN_ETCD_HASH_KV_H_
#define KPLAN_ETCD_HASH_KV_H_

// What the members of a cluster have in their stores, by `endpoint hashkv` (etcd 3.4 to 3.6).

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/etcd/etcd_cluster.h"

namespace kplan {

// What one member says of its store at a revision.
struct HashKv {
  std::string cluster_id, member_id;
  int64_t revision = 0;  // the newest that it has
  uint32_t hash = 0;
  int64_t compacted = 0;  // what was compacted is not in the hash: only equal ones can be compared
};

using HashKvs = std::vector<HashKv>;

// JSON is the output of `endpoint hashkv --write-out=json`. DataLoss when it is none.
absl::StatusOr<HashKvs> ParseHashKvs(absl::string_view json);

// Asks all members for it at REVISION.
absl::StatusOr<HashKvs> AskHashKvs(const PlannedCluster& cluster, int64_t revision);

// That all members of CLUSTER, with their planned ids, have said the same, and have REVISION. DataLoss
// otherwise.
absl::Status CompareHashKvs(const PlannedCluster& cluster, const HashKvs& hashes, int64_t revision);

// How many keys there are at REVISION.
absl::StatusOr<int64_t> CountKeys(const PlannedCluster& cluster, int64_t revision);

}  // namespace kplan

#endif  // KPLAN_ETCD_HASH_KV_H_
