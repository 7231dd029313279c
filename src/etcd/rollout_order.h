#ifndef KPLAN_ETCD_ROLLOUT_ORDER_H_
#define KPLAN_ETCD_ROLLOUT_ORDER_H_

// In which order the members of a cluster are started and restarted: the decision alone, without a host or a
// clock. Whoever carries it out looks at the members, asks for the next action, does it, and looks again, so
// that nothing is remembered but which members this rollout has touched already.
//
//   1. A member that does not run is started, without a gate: one more that runs only helps. Those with data
//      come first. One that cannot be judged yet (it has no data, and only the cluster can say whether it
//      had) waits until the others serve.
//   2. A member that does not serve and needs a restart is restarted before those that do: where a quorum of
//      others is seen to serve, it takes nothing from that. Those that are silent go at most max-unavailable
//      at a time all the same: perhaps it is only we whom they do not answer. Where no quorum is seen, only
//      those are restarted that have said for their time that they know no leader.
//   3. Whoever runs and does not serve is waited for, before one that serves is taken away.
//   4. Members that serve and need a restart go at most max-unavailable at a time, less those that are away
//      already, and only while those that are left are a quorum; the leader is the last, and alone. A cluster
//      of two has no quorum to spare, and a cluster of one none to keep: their members go one at a time.
//   5. It stops where going on could cost the quorum or hide a failure: a member that it touched did not come
//      back; somebody who serves nobody is not to be restarted, and leaves no room.
//
// A member whose step would refuse to do anything, since another process has its port or a drop-in takes away
// what its unit says, keeps nobody who is down from being started; then the rollout stops.
//
// No member is touched twice in one rollout. So it ends, whatever the hosts do.
//
// A rollout may be for some members alone (a canary); the others are held. Nobody who is held is started or
// restarted, and all that is said above of gates, quorum and room counts them as ever: whoever runs and does
// not serve is waited for, and stops the rollout, held or not. One that is held and does not run is away, as
// one that does not serve; where no quorum is left without such, nobody is touched.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

struct MemberState {
  enum Health {
    kServes,  // it answers as a part of the quorum
    kOut,     // it says itself that it knows no leader
    kSilent,  // it is not known: nobody answers, or we are turned away
  };

  std::string name;
  bool running = false;
  Health health = kSilent;  // of one that runs
  bool leader = false;
  // Only one that does not run has these:
  bool has_data = false;
  bool judge_later = false;  // SurveyVerdict::ask_again
  // Why it has to be restarted, of one that runs ("flags changed"); empty: it need not be.
  std::vector<std::string> reasons;
  bool held = false;  // this rollout is not for it
  // About this rollout:
  bool touched = false;   // it has started or restarted this one
  bool given_up = false;  // it was waited for, and its time is over
};

struct RolloutAction {
  enum Kind {
    kStart,    // these, at the same time
    kRestart,  // these, at the same time
    kWait,     // until these serve, or their time is over
    kDone,     // all that it is for run, serve, and need nothing
    kStop,     // `why`, and what to do about it: `advice`
  };

  Kind kind = kDone;
  std::vector<size_t> members;  // by their place in the list
  // Whether those who are left during a kRestart are a quorum, so that the member comes up as soon as it can.
  // Otherwise it may come up only together with others: it must not be waited for before those are started.
  bool gated = false;
  std::string why, advice;
};

// MAX_UNAVAILABLE: 1 or more. MEMBERS are all members of the cluster, in the order of the spec.
RolloutAction NextRolloutAction(const std::vector<MemberState>& members, int max_unavailable);

// "etcd-1", "etcd-1 and etcd-2", "etcd-1, etcd-2 and etcd-3"
std::string MemberNames(const std::vector<MemberState>& members, const std::vector<size_t>& which);

// How many members a quorum of COUNT is.
inline size_t QuorumOf(size_t count) { return count / 2 + 1; }

}  // namespace kplan

#endif  // KPLAN_ETCD_ROLLOUT_ORDER_H_
