#ifndef KPLAN_ETCD_PLANNED_ETCD_H_
#define KPLAN_ETCD_PLANNED_ETCD_H_

// The etcd of a plan, by the records in .kplan/steps that ninja's steps go by; cluster.yaml is not read, so
// that what was generated is what counts.

#include "absl/status/statusor.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/restore.h"
#include "src/step/host_access.h"

namespace kplan {

// The cluster that WANTED means ("etcd-events" or "events"; "": the only one), or the one member on this
// machine, in the plan in the current folder. HOSTS: as of ReadPlannedCluster. FailedPrecondition when there
// is no plan, no etcd in it that runs, none of that name, or several of which nobody says which.
absl::StatusOr<PlannedCluster> ReadClusterRecords(const std::string& wanted, HostAccess* hosts);

// The same with what a restore needs to know. FailedPrecondition also when the members' ids do not follow
// from what the plan says.
absl::StatusOr<RestorePlan> ReadRestoreRecords(const std::string& wanted, HostAccess* hosts);

// Makes the next ninja look at all of CLUSTER again.
absl::Status ForgetEtcdStamps(const PlannedCluster& cluster);

}  // namespace kplan

#endif  // KPLAN_ETCD_PLANNED_ETCD_H_
