#ifndef KPLAN_LOOK_MEMBERS_ASKED_H_
#define KPLAN_LOOK_MEMBERS_ASKED_H_

// Whether the members of etcd on hosts over ssh serve, as a client sees it: one that runs may serve nobody,
// or, with an alarm, take no write. They are asked over TLS, by the ways by which the verification asks them
// (etcd/member_ways.h), and only where that was done before: a member that could not be asked has no verdict
// that could be stale.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/journal.h"
#include "src/etcd/member_health.h"
#include "src/graph/graph.h"
#include "src/step/host_access.h"

namespace kplan {

// OpenClusterView (etcd/member_health.h), or another one in its place.
using OpenView = std::function<absl::StatusOr<std::unique_ptr<ClusterView>>(const PlannedCluster&)>;

struct AskedMember {
  StepId verify = 0;       // the step whose verdict is about it
  std::string host, name;  // "etcd-2", as in the plan, and as in the cluster
  // "etcd-2 does not serve: ...", "etcd-2 has the alarm NOSPACE ..."; "": it serves, or was not asked.
  std::string trouble;
  bool auth = false;  // auth is enabled there, as far as it says
};

class MembersAsked {
 public:
  // The members over ssh of GRAPH whose verification was done. Where their certificates cannot be read, none.
  // JOURNALS: as Graph::shards(). HOSTS: by way of which members are asked, as ReadPlannedCluster.
  MembersAsked(const Graph& graph, const std::vector<Journal>& journals, const OpenView& open_view,
               HostAccess* hosts);

  size_t count() const { return members_.size(); }
  // Asks member I. Several threads may ask, each another one.
  void Ask(size_t i);
  const AskedMember& member(size_t i) const { return members_[i]; }

 private:
  struct Place {
    ClusterView* view;
    size_t index;    // in the cluster
    std::string id;  // foretold
    std::string probe;
  };

  bool IsOfAnother(const Place& place, const EtcdAlarm& alarm) const;

  std::vector<std::unique_ptr<ClusterView>> views_;
  std::vector<AskedMember> members_;
  std::vector<Place> places_;  // as members_
};

}  // namespace kplan

#endif  // KPLAN_LOOK_MEMBERS_ASKED_H_
