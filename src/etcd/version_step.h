#ifndef KPLAN_ETCD_VERSION_STEP_H_
#define KPLAN_ETCD_VERSION_STEP_H_

// Which version a running cluster may go to.

#include <string>

#include "src/etcd/etcd_cluster.h"

namespace kplan {

// Why the members that answer in LIVE must not be restarted with CLUSTER's version, and what to do; "" when
// they may be, or when it cannot be seen. By etcd's rules (its documentation, "Upgrade policy" and "Upgrade
// etcd from v3.5 to v3.6"; membership.MustDetectDowngrade):
// - one minor version at a time;
// - not to an earlier minor version once all members run a later one, unless a downgrade to it was enabled;
//   while some do not, the cluster still has the earlier version, and an upgrade that was begun can be taken
//   back;
// - to 3.6 only from 3.5.26 on, which mends what kept members of older ones from starting.
std::string VersionProblem(const PlannedCluster& cluster, const LiveCluster& live);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERSION_STEP_H_
