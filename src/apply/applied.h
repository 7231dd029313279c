#ifndef KPLAN_APPLY_APPLIED_H_
#define KPLAN_APPLY_APPLIED_H_

// What `kplan apply` tells the kplan that its ninja runs: which plan is being applied.
//
// Somebody has agreed to a plan, and between that and its last step hours may pass. So nothing runs that is
// not in it. `apply` puts what it is about to apply into .kplan/apply, and a token of it into ninja's
// environment (KPLAN_APPLY). Ninja's `gen` refuses when cluster.yaml leads to another graph by then, and a
// step refuses that is not in the plan. With a limit they also learn here what it is: what is looked at
// before the build is that part, and a rollout is for the members that were named.
//
// A token that is not the one in .kplan/apply names a plan that is no longer applied here: that is an error,
// and never taken for no plan.
//
// Whoever writes here holds AppliedLock. A ninja whose `apply` was killed goes on under its token; a later
// `apply` is held off by the lock of the run (host/run_lock.h) before it writes here.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"
#include "src/graph/graph.h"
#include "src/graph/limit.h"

namespace kplan {

inline constexpr char kApplyVariable[] = "KPLAN_APPLY";

// As .kplan/apply/plan.json holds it.
struct AppliedPlan {
  std::string token;
  std::string graph;               // GraphDigest of the whole graph
  std::vector<std::string> limit;  // names; empty: none

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("token", self.token);
    fields.Always("graph", self.graph);
    fields.Always("limit", self.limit);
  }
};

// Over all labels, records and what depends on what: two graphs with the same digest are the same plan.
std::string GraphDigest(const Graph& graph);

// That no other `kplan apply` is at work in the current folder, until this ends. Unavailable when one is.
class AppliedLock {
 public:
  static absl::StatusOr<AppliedLock> Take();

 private:
  explicit AppliedLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// A new token: 32 hexadecimal digits that nobody can guess.
absl::StatusOr<std::string> NewToken();

// Makes .kplan/apply that of PLAN, whose steps are STEPS of GRAPH. LIMIT: the part that is applied; null:
// all.
absl::Status WriteApplied(const AppliedPlan& plan, const Graph& graph, const std::vector<StepId>& steps,
                          const Limit* limit);

// The plan that is applied by the `apply` whose ninja runs this; nothing when none does.
absl::StatusOr<std::optional<AppliedPlan>> AppliedNow();

// Whether a step may run, and for whom.
struct Leave {
  bool applied = false;            // by an `apply`
  std::vector<std::string> hosts;  // of a step about several hosts: for these alone; empty: for all
};
// FailedPrecondition when LABEL, whose record is in the shard SHARD ("etcd-2"), is not in the plan that is
// applied.
absl::StatusOr<Leave> LeaveFor(absl::string_view shard, absl::string_view label);

}  // namespace kplan

#endif  // KPLAN_APPLY_APPLIED_H_
