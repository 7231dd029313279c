#ifndef KPLAN_ETCD_ROLLOUT_ETCD_H_
#define KPLAN_ETCD_ROLLOUT_ETCD_H_

// Bringing the members of a cluster to what the plan wants them to run with. rollout_order.h has the order;
// here it is carried out.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/member_health.h"
#include "src/etcd/rollout_report.h"
#include "src/step/etcd_records.h"
#include "src/step/host_access.h"
#include "src/step/step.h"

namespace kplan {

struct RolloutPlan {
  PlannedCluster cluster;
  std::vector<ServiceRecord> services;  // of each member
  int max_unavailable = 1;
  absl::Duration timeout;  // for a member that was started, until it serves
  // A snapshot is taken before the first restart of a member; without a value none is.
  std::optional<SnapshotPolicy> snapshot;
  // The hosts whose members this rollout is for; empty: for all. The others are held (rollout_order.h).
  std::vector<std::string> hosts;
  // How long a member says that it knows no leader until that is no election any more.
  absl::Duration election = absl::Seconds(10);
};

// DataLoss when RECORD lacks something. HOSTS: as ReadPlannedCluster.
absl::StatusOr<RolloutPlan> ReadRolloutPlan(const RolloutRecord& record, HostAccess* hosts = nullptr);

// What a person should know beforehand of the rollout of RECORD that RESTARTS members, or does not: that a
// snapshot is taken; "" when none is.
std::string SnapshotNote(const RolloutRecord& record, bool restarts);

// RolloutStep for the members on HOSTS alone, by the same gates. Its result is no artifact: how the others
// are is not in its digest, and no stamp may come of it. InvalidArgument when HOSTS has one without a member.
absl::StatusOr<StepResult> RollOutPart(const StepContext& context, const RolloutRecord& record,
                                       const std::vector<std::string>& hosts);

// Starts and restarts what has to be, and returns when all members run with what is wanted, and serve. It
// remembers nothing from one run to the next: the hosts and the members are looked at before each action.
// Errors: a host cannot be reached (Unavailable; then nothing more is touched), the order says stop, a member
// did not come back, no snapshot could be taken (FailedPrecondition, with the state that is left and, of a
// member, its last log lines). TELL: as of StepContext.
absl::StatusOr<StepResult> RollOut(const RolloutPlan& plan, HostAccess* hosts, ClusterView* view,
                                   Clock* clock = Clock::Real(), RolloutReport::Tell tell = {});

}  // namespace kplan

#endif  // KPLAN_ETCD_ROLLOUT_ETCD_H_
