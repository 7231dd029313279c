#ifndef KPLAN_ETCD_DEFRAG_H_
#define KPLAN_ETCD_DEFRAG_H_

// Gives the room that a cluster's members no longer use back to their disks, one member after the other, and
// takes the alarm NOSPACE away when its cause is gone.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "src/base/clock.h"
#include "src/etcd/etcd_cluster.h"

namespace kplan {

struct DefragPlan {
  PlannedCluster cluster;
  std::vector<int64_t> quotas;  // of each member: bytes (etcd's flag quota-backend-bytes); 0: none
  bool compact = false;         // the history is removed first, as etcd's `compact` does
};

// What etcd's flag VALUE of quota-backend-bytes means: 2 GiB where it is 0 or not written, 0 (none) below
// that (etcd v3.4, etcdserver/quota.go).
int64_t QuotaOf(const std::string& value);

// Does it. TELL is told of each thing that was done, as a line. FailedPrecondition when a member does not
// serve, or does not come back; PermissionDenied when auth forbids it.
absl::Status DefragCluster(const DefragPlan& plan, Clock* clock,
                           absl::FunctionRef<void(const std::string&)> tell);

}  // namespace kplan

#endif  // KPLAN_ETCD_DEFRAG_H_
