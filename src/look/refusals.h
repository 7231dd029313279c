#ifndef KPLAN_LOOK_REFUSALS_H_
#define KPLAN_LOOK_REFUSALS_H_

// What the survey of a cluster of etcd (etcd/survey_etcd.h) would refuse, and the rollout, which decides in
// the same way before it starts a member: known before either runs, by the same questions and the same
// decision.
//
// The members' hosts are asked only where that may matter: the survey would run (it was never done, failed,
// or another cluster is planned), or a member does not run. A look at a cluster that is fine asks nothing
// more, but where auth is enabled: what that lets the client do, which a rollout looks at before it restarts
// somebody.

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/look/members_asked.h"
#include "src/step/host_access.h"

namespace kplan {

// What the visits to the hosts have shown so far.
struct VisitsSoFar {
  absl::flat_hash_set<std::string> answered;   // hosts over ssh that have just answered
  absl::flat_hash_set<std::string> silent;     // that were asked, or should have been, and have not
  absl::flat_hash_set<std::string> idle;       // labels of services that would be started
  absl::flat_hash_set<std::string> with_auth;  // hosts with a member of which auth is known to be enabled
};

// Why a survey or a rollout would go no further, by its step; of a rollout, if it restarts or starts anybody.
// Nothing of a cluster with a silent host, nor of one that is wholly on this machine: its steps look for
// themselves. Where a host was never reached, only what the data folders of the others show. JOURNALS: as
// Graph::shards().
absl::flat_hash_map<StepId, std::string> ForeseeRefusals(const Graph& graph,
                                                         const std::vector<Journal>& journals,
                                                         const VisitsSoFar& visits, const OpenView& open_view,
                                                         HostAccess* hosts);

}  // namespace kplan

#endif  // KPLAN_LOOK_REFUSALS_H_
