#ifndef KPLAN_ETCD_ROLLOUT_STATE_H_
#define KPLAN_ETCD_ROLLOUT_STATE_H_

// The members of a cluster as a rollout sees them: what their hosts say, and what they say themselves.

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "src/etcd/member_health.h"
#include "src/etcd/rollout_etcd.h"
#include "src/etcd/rollout_order.h"
#include "src/step/host_access.h"

namespace kplan {

// Members, by their place in the list.
using MemberPlaces = std::vector<size_t>;

class RolloutState {
 public:
  RolloutState(const RolloutPlan& plan, HostAccess* hosts, ClusterView* view);

  // What stands in the way of deciding anything.
  struct Obstacles {
    std::vector<std::pair<size_t, absl::Status>> unseen;  // hosts that gave no answer (Unavailable)
    // Members whose step would refuse to do anything: another process has the port.
    std::vector<std::pair<size_t, absl::Status>> barred;
    std::string problems;  // data folders with which nobody may be started

    bool IsBarred(size_t member) const {
      return std::any_of(barred.begin(), barred.end(), [&](const auto& it) { return it.first == member; });
    }
  };

  // Looks at all hosts and all members; at the data folders only when somebody does not run. What cannot be
  // seen is as silent as its member is.
  Obstacles Look();
  // Has those of MEMBERS read again, and, when one answers, all by etcdctl.
  void LookAgain(const MemberPlaces& members);

  // As last seen; touched and given_up are for the rollout to remember things in.
  std::vector<MemberState>& members() { return members_; }
  const std::vector<MemberState>& members() const { return members_; }
  const std::string& SeenOf(size_t i) const { return health_[i].seen; }
  const LiveCluster& live() const { return live_; }

  // Whether member I, as last seen, has in its state what anybody had in the log at index GOAL.
  bool HasCaughtUp(size_t i, uint64_t goal) const;

  const MemberPlaces& all() const { return all_; }

 private:
  void AskHosts(Obstacles* obstacles);
  void AskForData(Obstacles* obstacles);
  void Judge(size_t i);

  const RolloutPlan& plan_;
  HostAccess* const hosts_;
  ClusterView* const view_;
  MemberPlaces all_;
  std::vector<MemberState> members_;
  std::vector<char> coming_up_;  // not vector<bool>, whose elements several threads must not write
  std::vector<HealthAnswer> health_;
  LiveCluster live_;
};

}  // namespace kplan

#endif  // KPLAN_ETCD_ROLLOUT_STATE_H_
