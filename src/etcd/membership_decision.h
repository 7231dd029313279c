#ifndef KPLAN_ETCD_MEMBERSHIP_DECISION_H_
#define KPLAN_ETCD_MEMBERSHIP_DECISION_H_

// How the membership of a cluster that serves becomes the planned one: the decision alone, without a host, a
// cluster or a clock. Whoever carries it out looks at the hosts and at the cluster, asks for the next action,
// does that one thing, and looks again. Nothing is remembered from one run to the next: a run that was killed
// before or after any action is gone on with from what is seen.
//
// What etcd does (v3.4 to v3.6, etcdserver/server.go, mayAddMember and mayRemoveMember): a member that is
// added is waited for by the quorum at once, unless it is a learner; there is one learner at a time; nobody
// is added while a voting member is not connected; the id of one that was removed never comes back, and its
// data is of no use.
//
// Each rule has a name, by which a test takes it away, and shows what it is there for.

#include <bitset>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

enum class MembershipRule : size_t {
  // Who is who.
  kForeignData,  // a host with another cluster's data ends it
  kByData,       // a member is whoever its data is of, wherever the list has it
  kByName,       // one without data is whoever has its name, at whatever address
  kRemovedData,  // data of a member that was removed is put aside; nobody is started with it
  kAllAreKnown,  // nobody is removed as unplanned while a host that may have its data cannot be asked
  // The quorum.
  kQuorumServes,   // nothing is changed unless a quorum of the voting members serves
  kQuorumRemains,  // nobody is removed without whom those that serve are no quorum of those that are left
  kRoomToMove,     // a member that serves gets another address when the others are a quorum, or it is alone
  kRoomToRestart,  // and is restarted at it under the same condition
  // Adding.
  kAsLearner,          // it joins as a learner, which no quorum waits for
  kOneAtATime,         // nobody else is added before it votes
  kAllServe,           // all voting members serve before anybody is added
  kHostIsSeen,         // nobody is added whose host cannot be asked what it holds
  kStartsWhatIsAdded,  // one whose add is done is started, and not added again
  kInSync,             // it votes when it has what the leader has
  kRunsBeforeItVotes,  // and when it answers
  // Replacing.
  kConsent,          // a voting member whose data is lost is removed when somebody says so, not else
  kLostOnly,         // and not one that has its data, whatever is said
  kRemoveFirst,      // it is removed before anybody is added
  kLostLearnerGoes,  // a learner that lost its data needs nobody's consent: it never voted
  // Removing.
  kStrayLearnerGoes,  // a learner that is not planned goes first
  kDeadGoFirst,       // then those that are not planned and do not serve: nobody can be added beside them
  kAddBeforeRemove,   // those that serve go when all that are planned are there
  kLeaderMoves,       // not while it leads: another planned member that serves gets the leadership first
  kPlannedStay,       // and no planned member but a lost one
  // Moving.
  kMovesBeforeAdd,     // the addresses are right before anybody is added, who has to reach them
  kRestartsAfterMove,  // one at another address is restarted before anything else is changed
  kStartsBeforeWaits,  // a member that is down, with its data, is started
  // Ending.
  kGivesUp,  // what was waited for in vain ends it
  kRules,    // how many there are
};

class MembershipRules {
 public:
  MembershipRules() { has_.set(); }
  static MembershipRules Without(MembershipRule rule) {
    MembershipRules rules;
    rules.has_.reset(static_cast<size_t>(rule));
    return rules;
  }
  bool Has(MembershipRule rule) const { return has_.test(static_cast<size_t>(rule)); }

 private:
  std::bitset<static_cast<size_t>(MembershipRule::kRules)> has_;
};

// A member as planned, and what its host says.
struct MembershipSeat {
  enum Data {
    kUnseen,   // the host cannot be asked
    kNone,     // there is none
    kOurs,     // of this cluster, and of the member `data_id`
    kForeign,  // of another cluster
  };

  std::string name, host;
  std::vector<std::string> peer_urls;  // sorted
  Data data = kUnseen;
  std::string data_id;
  bool running = false;   // its service runs
  bool restarts = false;  // it runs with something else than planned
  bool replace = false;   // somebody consents to its being replaced when it is lost
  bool given_up = false;  // this run has waited for it, and its time is over
};

// A member as the cluster lists it, and what it says itself.
struct MembershipEntry {
  std::string id, name;                // no name: it was added, and has not come yet
  std::vector<std::string> peer_urls;  // sorted
  bool learner = false;
  bool started = false;  // it has told its clients' URLs, and so has run with data
  bool serves =
      false;  // a voting one: it reads through the quorum; a learner: it answers, and knows a leader
  bool leader = false;
  bool in_sync = false;  // of a learner: it has what the leader has
};

struct MembershipView {
  std::vector<MembershipSeat> seats;     // in the order of the spec
  std::vector<MembershipEntry> entries;  // as the cluster lists them
};

struct MembershipAction {
  enum Kind {
    kPutAside,    // the data of `seat`, whose etcd does not run by now
    kAdd,         // `seat`, as a learner
    kAddVoting,   // only without kAsLearner
    kStart,       // `seat`: with its own data, or with none, to join
    kPromote,     // `entry`
    kMoveLeader,  // to `entry`
    kRemove,      // `entry`
    kUpdate,      // `entry` gets the peer URLs of `seat`
    kRestart,     // `seat`, which then listens at its new address
    kWait,        // until `seat` serves, or, as a learner, is in sync, or its time is over
    kDone,        // the membership is the planned one
    kStop,        // `why`, and what to do: `advice`
  };
  static constexpr size_t kNobody = static_cast<size_t>(-1);

  Kind kind = kDone;
  size_t seat = kNobody, entry = kNobody;  // by their places in the lists
  std::string why, advice;
};

MembershipAction NextMembershipAction(const MembershipView& view,
                                      const MembershipRules& rules = MembershipRules());

// The place of the entry that is SEAT of VIEW; kNobody when it is not listed.
size_t EntryOf(const MembershipView& view, size_t seat, const MembershipRules& rules = MembershipRules());

}  // namespace kplan

#endif  // KPLAN_ETCD_MEMBERSHIP_DECISION_H_
