#include "src/etcd/membership_decision.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "src/etcd/rollout_order.h"

namespace kplan {
namespace {

using Action = MembershipAction;
using Rule = MembershipRule;
constexpr size_t kNobody = Action::kNobody;

Action Stop(std::string why, std::string advice) {
  Action action;
  action.kind = Action::kStop;
  action.why = std::move(why);
  action.advice = std::move(advice);
  return action;
}

Action Do(Action::Kind kind, size_t seat, size_t entry) {
  Action action;
  action.kind = kind;
  action.seat = seat;
  action.entry = entry;
  return action;
}

// What is seen, and the next action; one step of the order after the other. A step that has nothing to do
// says kDone.
class Decision {
 public:
  Decision(const MembershipView& view, const MembershipRules& rules)
      : seats_(view.seats), entries_(view.entries), rules_(rules), seat_of_(view.entries.size(), kNobody) {
    for (size_t i = 0; i < seats_.size(); ++i) {
      entry_of_.push_back(EntryOf(view, i, rules));
      if (entry_of_[i] != kNobody) seat_of_[entry_of_[i]] = i;
    }
    for (const MembershipEntry& entry : entries_) {
      if (entry.learner) continue;
      ++voting_;
      serving_ += entry.serves ? 1 : 0;
    }
  }

  Action Next() const {
    for (auto step : {&Decision::CheckHosts, &Decision::CheckQuorum, &Decision::PutAside,
                      &Decision::RemoveStrayLearner, &Decision::StartThoseDown, &Decision::RemoveLost,
                      &Decision::RemoveDead, &Decision::StartThoseThatVote, &Decision::Move,
                      &Decision::StartLearner, &Decision::RemoveTooEarly, &Decision::CompleteLearner,
                      &Decision::AddNext, &Decision::RemoveUnplanned, &Decision::CheckGivenUp}) {
      Action action = (this->*step)();
      if (action.kind != Action::kDone) return action;
    }
    return {};
  }

 private:
  bool Has(Rule rule) const { return rules_.Has(rule); }
  bool IsQuorum(size_t serving, size_t voting) const { return voting > 0 && serving >= QuorumOf(voting); }
  bool IsListed(size_t seat) const { return entry_of_[seat] != kNobody; }
  const MembershipEntry& Entry(size_t seat) const { return entries_[entry_of_[seat]]; }
  bool HasOwnData(size_t seat) const {
    return seats_[seat].data == MembershipSeat::kOurs && IsListed(seat) &&
           entries_[entry_of_[seat]].id == seats_[seat].data_id;
  }
  // A member that has run with data has none.
  bool IsLost(size_t seat) const {
    return IsListed(seat) && Entry(seat).started && !Entry(seat).serves &&
           seats_[seat].data == MembershipSeat::kNone;
  }
  bool IsMoved(size_t seat) const {
    return IsListed(seat) && Entry(seat).peer_urls != seats_[seat].peer_urls;
  }

  Action CheckHosts() const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      const MembershipSeat& seat = seats_[i];
      if (seat.data == MembershipSeat::kForeign && Has(Rule::kForeignData)) {
        return Stop(absl::StrCat(seat.host, " has the data of another cluster, and would become ", seat.name,
                                 " of this one"),
                    "is it the right host? When its data is not needed, move the folder away");
      }
      if (seat.data != MembershipSeat::kOurs || !IsListed(i)) continue;
      for (size_t other = 0; other < seats_.size(); ++other) {
        if (other == i || Entry(i).name != seats_[other].name) continue;
        return Stop(absl::StrCat(seat.host, " has the data of ", seats_[other].name, ", and would become ",
                                 seat.name),
                    "were two hosts swapped, or was a data folder copied?");
      }
    }
    return {};
  }

  Action CheckQuorum() const {
    if (IsQuorum(serving_, voting_) || !Has(Rule::kQuorumServes)) return {};
    return Stop(
        absl::StrCat("only ", serving_, " of ", Count(voting_, "voting member"), " ",
                     serving_ == 1 ? "serves" : "serve", ", and a quorum is ", QuorumOf(voting_),
                     ": without one nobody can be added or removed"),
        "bring members back with the data that they had; when their data is lost, restore a snapshot: "
        "kplan restore SNAPSHOT");
  }

  Action PutAside() const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (seats_[i].data != MembershipSeat::kOurs || HasOwnData(i) || !Has(Rule::kRemovedData)) continue;
      return Do(Action::kPutAside, i, kNobody);
    }
    return {};
  }

  Action RemoveStrayLearner() const {
    for (size_t k = 0; k < entries_.size(); ++k) {
      if (!entries_[k].learner) continue;
      const size_t seat = seat_of_[k];
      const bool stray = seat == kNobody && Has(Rule::kStrayLearnerGoes) && AllAreKnown();
      const bool lost = seat != kNobody && (IsLost(seat) || (IsMoved(seat) && !Entry(seat).serves)) &&
                        Has(Rule::kLostLearnerGoes);
      if (stray || lost) return Do(Action::kRemove, seat, k);
    }
    return {};
  }

  // One more that runs only helps.
  Action StartThoseDown() const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (HasOwnData(i) && MayStart(i) && Has(Rule::kStartsBeforeWaits))
        return Do(Action::kStart, i, entry_of_[i]);
    }
    return {};
  }

  // They were added as voting by somebody else, and are waited for already. A learner can wait until all are
  // where it is told that they are.
  Action StartThoseThatVote() const { return StartEmpty(/*learner=*/false); }
  Action StartLearner() const { return StartEmpty(/*learner=*/true); }
  Action StartEmpty(bool learner) const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (IsListed(i) && Entry(i).learner == learner && MayStart(i) && MayStartEmpty(i))
        return Do(Action::kStart, i, entry_of_[i]);
    }
    return {};
  }

  bool MayStart(size_t seat) const { return !seats_[seat].running && !seats_[seat].given_up; }

  // Its add is done, and it has not come yet. (At another address it would not be found.)
  bool MayStartEmpty(size_t seat) const {
    return seats_[seat].data == MembershipSeat::kNone && !Entry(seat).started && !Entry(seat).serves &&
           !IsMoved(seat) && Has(Rule::kStartsWhatIsAdded);
  }

  Action RemoveLost() const {
    if (!Has(Rule::kRemoveFirst)) return {};
    for (size_t i = 0; i < seats_.size(); ++i) {
      const bool lost = IsLost(i) || (!Has(Rule::kLostOnly) && IsListed(i) && seats_[i].replace);
      if (!lost || Entry(i).learner) continue;
      if (!seats_[i].replace && Has(Rule::kConsent)) return AskForConsent(i);
      return Remove(entry_of_[i]);
    }
    return {};
  }

  Action AskForConsent(size_t seat) const {
    const std::string& name = seats_[seat].name;
    return Stop(
        absl::StrCat(name, " has run with data (the cluster lists it as member ", Entry(seat).id,
                     "), and there is none on ", seats_[seat].host,
                     ": started without, it would be somebody who has forgotten what it voted for"),
        absl::StrCat("bring its data folder back (another disk, another host, another etcd.data-dir?). When "
                     "it is lost, replace the member: kplan replace ",
                     name, ", or, in cluster.yaml, below etcd: replace: [", name, "]"));
  }

  Action RemoveDead() const {
    if (!Has(Rule::kDeadGoFirst) || !AllAreKnown()) return {};
    for (size_t k = 0; k < entries_.size(); ++k) {
      if (seat_of_[k] == kNobody && !entries_[k].serves && voting_ > 1 && !entries_[k].learner)
        return Remove(k);
    }
    return {};
  }

  // A planned member that is not listed, as far as can be seen: its host may have the data of one that is.
  size_t FirstUnknown() const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (!IsListed(i) && seats_[i].data == MembershipSeat::kUnseen) return i;
    }
    return kNobody;
  }
  bool AllAreKnown() const { return FirstUnknown() == kNobody || !Has(Rule::kAllAreKnown); }

  // Whether anybody votes who is not planned, and does not serve.
  bool AnyDead() const {
    for (size_t k = 0; k < entries_.size(); ++k) {
      if (seat_of_[k] == kNobody && !entries_[k].learner && !entries_[k].serves) return true;
    }
    return false;
  }

  // Members whose address is another one, or that have not been restarted with the one they have.
  Action Move() const {
    if (!Has(Rule::kMovesBeforeAdd)) return {};
    if (Action restart = RestartMoved(); restart.kind != Action::kDone) return restart;
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (!IsMoved(i) || Entry(i).learner) continue;
      if (Entry(i).serves && !MayBeAway() && Has(Rule::kRoomToMove)) {
        if (const size_t away = NotServing(); away != kNobody) return WaitFor(away);
        return Stop(absl::StrCat(seats_[i].name,
                                 " is going to have another address, and the others are no quorum "
                                 "while it is restarted with that"),
                    "a cluster of two has no member to spare: add a third one first, and move it then");
      }
      return Do(Action::kUpdate, i, entry_of_[i]);
    }
    return {};
  }

  Action RestartMoved() const {
    if (!Has(Rule::kRestartsAfterMove) || !AnyChange()) return {};
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (!IsListed(i) || IsMoved(i) || !seats_[i].running || !seats_[i].restarts) continue;
      // Nothing in what is to come needs it, and two members have none to spare.
      if (voting_ == 2 && Entry(i).serves) continue;
      if (Entry(i).serves && !Entry(i).learner && !MayBeAway() && Has(Rule::kRoomToRestart)) {
        if (const size_t away = NotServing(); away != kNobody) return WaitFor(away);
        continue;
      }
      return Do(Action::kRestart, i, entry_of_[i]);
    }
    return {};
  }

  // Whether anybody is still to be added or moved.
  bool AnyChange() const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (!IsListed(i) || IsMoved(i) || Entry(i).learner) return true;
    }
    return false;
  }

  // Whether one that serves may be away for the moment of a restart.
  bool MayBeAway() const { return voting_ == 1 || IsQuorum(serving_ - 1, voting_); }

  // A planned member that votes and does not serve.
  size_t NotServing() const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (IsListed(i) && !Entry(i).learner && !Entry(i).serves) return i;
    }
    return kNobody;
  }

  Action WaitFor(size_t seat) const {
    const MembershipSeat& waited = seats_[seat];
    if (!waited.given_up || !Has(Rule::kGivesUp)) return Do(Action::kWait, seat, entry_of_[seat]);
    if (waited.data == MembershipSeat::kUnseen) return CannotBeAsked(seat);
    return Stop(absl::StrCat(waited.name, " does not serve, and meanwhile nobody is added, moved or removed"),
                "repair it: its log, its disk, whether the others reach it at its peer address");
  }

  Action CannotBeAsked(size_t seat) const {
    return Stop(absl::StrCat("what ", seats_[seat].host, " holds cannot be seen, and ", seats_[seat].name,
                             IsListed(seat) ? " does not serve" : " is to be added"),
                absl::StrCat("make ", seats_[seat].host, " reachable, or take ", seats_[seat].name,
                             " out of etcd.members"));
  }

  Action CompleteLearner() const {
    for (size_t k = 0; k < entries_.size(); ++k) {
      if (!entries_[k].learner || seat_of_[k] == kNobody) continue;
      const size_t seat = seat_of_[k];
      const MembershipEntry& entry = entries_[k];
      const bool good =
          (entry.in_sync || !Has(Rule::kInSync)) && (entry.serves || !Has(Rule::kRunsBeforeItVotes));
      if (good) {
        // It serves, and so the quorum of one more voting member does, where one of those before did.
        return Do(Action::kPromote, seat, k);
      }
      if (seats_[seat].given_up && Has(Rule::kGivesUp)) {
        if (seats_[seat].data == MembershipSeat::kUnseen && !entry.serves) return CannotBeAsked(seat);
        return Stop(
            absl::StrCat(seats_[seat].name,
                         entry.serves ? " is not in sync with the leader yet"
                                      : " was added as a learner, and does not come up",
                         "; no quorum waits for it"),
            entry.serves ? "run ninja again: it goes on from here" : "its log says why; remove the cause");
      }
      if (Has(Rule::kOneAtATime)) return Do(Action::kWait, seat, k);
    }
    return {};
  }

  Action AddNext() const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      const bool again = !Has(Rule::kStartsWhatIsAdded) && IsListed(i) && !Entry(i).started;
      const bool lost = !Has(Rule::kRemoveFirst) && IsLost(i);
      if (IsListed(i) && !again && !lost) continue;
      if (seats_[i].data == MembershipSeat::kUnseen && Has(Rule::kHostIsSeen)) return CannotBeAsked(i);
      if (Has(Rule::kAllServe)) {
        if (const size_t away = NotServing(); away != kNobody) return WaitFor(away);
        if (const size_t unseen = FirstUnknown(); unseen != kNobody && AnyDead())
          return CannotBeAsked(unseen);
      }
      return Do(Has(Rule::kAsLearner) ? Action::kAdd : Action::kAddVoting, i, kNobody);
    }
    return {};
  }

  Action RemoveTooEarly() const { return Has(Rule::kAddBeforeRemove) ? Action() : RemoveUnplanned(); }

  Action RemoveUnplanned() const {
    for (bool leads : {false, true}) {
      for (size_t k = 0; k < entries_.size(); ++k) {
        const bool unplanned =
            seat_of_[k] == kNobody || (!Has(Rule::kPlannedStay) && seats_[seat_of_[k]].replace);
        if (unplanned && !entries_[k].learner && entries_[k].leader == leads) return Remove(k);
      }
    }
    return {};
  }

  Action CheckGivenUp() const {
    for (size_t i = 0; i < seats_.size(); ++i) {
      if (seats_[i].given_up && IsListed(i) && !Entry(i).serves) return WaitFor(i);
    }
    return {};
  }

  // ENTRY votes.
  Action Remove(size_t entry) const {
    const size_t left = serving_ - (entries_[entry].serves ? 1 : 0);
    if (!IsQuorum(left, voting_ - 1) && Has(Rule::kQuorumRemains)) {
      if (const size_t away = NotServing(); away != kNobody && seat_of_[entry] != away) return WaitFor(away);
      return Stop(absl::StrCat("without ", NameOf(entry), " only ", left, " of ",
                               Count(voting_ - 1, "voting member"), " would serve, which is no quorum"),
                  "repair those that do not serve first");
    }
    if (entries_[entry].leader && Has(Rule::kLeaderMoves)) {
      for (size_t i = 0; i < seats_.size(); ++i) {
        if (IsListed(i) && entry_of_[i] != entry && !Entry(i).learner && Entry(i).serves)
          return Do(Action::kMoveLeader, i, entry_of_[i]);
      }
      return Stop(absl::StrCat(NameOf(entry),
                               " leads the cluster, and there is no planned member that serves "
                               "and could lead it"),
                  "repair those that do not serve first");
    }
    return Do(Action::kRemove, seat_of_[entry], entry);
  }

  std::string NameOf(size_t entry) const {
    return entries_[entry].name.empty() ? absl::StrCat("member ", entries_[entry].id) : entries_[entry].name;
  }

  const std::vector<MembershipSeat>& seats_;
  const std::vector<MembershipEntry>& entries_;
  const MembershipRules& rules_;
  std::vector<size_t> entry_of_, seat_of_;
  size_t voting_ = 0, serving_ = 0;
};

}  // namespace

MembershipAction NextMembershipAction(const MembershipView& view, const MembershipRules& rules) {
  return Decision(view, rules).Next();
}

size_t EntryOf(const MembershipView& view, size_t seat, const MembershipRules& rules) {
  const MembershipSeat& planned = view.seats[seat];
  const auto find = [&](auto is) {
    const auto found = std::find_if(view.entries.begin(), view.entries.end(), is);
    return found == view.entries.end() ? kNobody : static_cast<size_t>(found - view.entries.begin());
  };
  if (planned.data == MembershipSeat::kOurs && rules.Has(Rule::kByData)) {
    const size_t own = find([&](const MembershipEntry& entry) { return entry.id == planned.data_id; });
    if (own != kNobody) return own;
  }
  // Under another name it is this one, too, unless that is another planned member's.
  const auto is_anothers = [&](const std::string& name) {
    return name != planned.name && std::any_of(view.seats.begin(), view.seats.end(),
                                               [&](const auto& seat) { return seat.name == name; });
  };
  const size_t there = find([&](const MembershipEntry& entry) {
    return entry.peer_urls == planned.peer_urls && !is_anothers(entry.name);
  });
  if (there != kNobody || !rules.Has(Rule::kByName)) return there;
  return find([&](const MembershipEntry& entry) { return entry.name == planned.name; });
}

}  // namespace kplan
