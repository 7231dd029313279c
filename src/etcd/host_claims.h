#ifndef KPLAN_ETCD_HOST_CLAIMS_H_
#define KPLAN_ETCD_HOST_CLAIMS_H_

// What holds others off while a cluster takes no lock itself (cluster_lock.h): a note on the host of every
// member (host/host_claim.h). All of them have to be had, in the order of the members; whoever does not get
// one gives back those that he has before he waits.

#include <memory>

#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/etcd/cluster_lock.h"
#include "src/etcd/etcd_cluster.h"
#include "src/step/host_access.h"

namespace kplan {

// Those of CLUSTER, which nobody has yet; each Hold() is good for LASTS, which has to be longer than what is
// done after it. Hold() fails with what the asking of a host fails with.
std::unique_ptr<ClusterLock> MakeHostClaims(const PlannedCluster& cluster, HostAccess* hosts,
                                            absl::Duration lasts, Clock* clock);

}  // namespace kplan

#endif  // KPLAN_ETCD_HOST_CLAIMS_H_
