#ifndef KPLAN_ETCD_PLANNED_ETCD_H_
#define KPLAN_ETCD_PLANNED_ETCD_H_

// The etcd of a plan, by the records in .kplan/steps that ninja's steps go by; cluster.yaml is not read, so
// that what was generated is what counts.

#include "absl/status/statusor.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/restore.h"
#include "src/step/host_access.h"

namespace kplan {

// The name in labels of the etcd that WANTED means ("etcd-events" or "events"; "": the only one), in the plan
// in the current folder. FailedPrecondition when there is no plan, no etcd in it that runs, none of that
// name, or several of which nobody says which.
absl::StatusOr<std::string> ChooseEtcd(const std::string& wanted);

// The cluster called ETCD, or the one member on this machine. HOSTS: as of ReadPlannedCluster.
absl::StatusOr<PlannedCluster> ReadClusterRecords(const std::string& etcd, HostAccess* hosts);

// The same with what a restore needs to know. FailedPrecondition also when the members' ids do not follow
// from what the plan says.
absl::StatusOr<RestorePlan> ReadRestoreRecords(const std::string& etcd, HostAccess* hosts);

// Makes the next ninja look at all of ETCD again.
absl::Status ForgetEtcdStamps(const std::string& etcd);

}  // namespace kplan

#endif  // KPLAN_ETCD_PLANNED_ETCD_H_
