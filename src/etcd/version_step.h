#ifndef KPLAN_ETCD_VERSION_STEP_H_
#define KPLAN_ETCD_VERSION_STEP_H_

// Which version a cluster may go to: by what its members run, and by what their data is of.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/etcd_data.h"

namespace kplan {

// Why members must not be started with CLUSTER's version, and what to do; "" when they may be, or when it
// cannot be seen. FOUND: their data, with versions; LIVE: what they said; both in the order of CLUSTER's
// members. The data tells it of those that are silent, too. By etcd's rules (its documentation, "Upgrade
// policy" and "Upgrade etcd from v3.5 to v3.6"; membership.MustDetectDowngrade):
// - one minor version at a time;
// - not to an earlier minor version than the cluster has, unless a downgrade to it was enabled. The cluster
//   has a later one once all members have run it; while some do not, an upgrade that was begun can be taken
//   back;
// - to 3.6 only from 3.5.26 on, which mends what kept members of older ones from starting;
// - to 3.6 only with logs in which nothing is left to be read again that it refuses (raft_entry.h).
std::string VersionProblem(const PlannedCluster& cluster, const std::vector<absl::StatusOr<EtcdData>>& found,
                           const LiveCluster& live);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERSION_STEP_H_
