#include "src/etcd/rollout_order.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"

namespace kplan {
namespace {

using Members = std::vector<size_t>;

// What there is to say and choose from, of one look at all members.
class Order {
 public:
  Order(const std::vector<MemberState>& members, int max_unavailable)
      : members_(members),
        max_unavailable_(static_cast<size_t>(std::max(max_unavailable, 1))),
        quorum_(QuorumOf(members.size())),
        serving_(Where([](const MemberState& member) { return Serves(member); }).size()) {}

  RolloutAction Next() const {
    if (Members done = Where([](const auto& m) { return m.touched && (!m.running || !m.reasons.empty()); });
        !done.empty()) {
      return TouchedInVain(done);
    }
    if (RolloutAction stop = WhyNobodyCouldServe(); stop.kind == RolloutAction::kStop) return stop;
    for (bool data : {true, false}) {
      Members stopped =
          Where([&](const auto& m) { return !m.held && !m.running && !m.judge_later && m.has_data == data; });
      if (!stopped.empty()) return {RolloutAction::kStart, std::move(stopped), false, "", ""};
    }
    if (Members out = RestartOfThoseWhoDoNotServe(); !out.empty()) {
      return {RolloutAction::kRestart, std::move(out), HaveQuorum() || members_.size() == 1, "", ""};
    }
    if (Members awaited = Where([](const auto& m) { return m.running && !Serves(m) && !m.given_up; });
        !awaited.empty()) {
      return {RolloutAction::kWait, std::move(awaited), false, "", ""};
    }
    const Members lost = Where([](const auto& m) { return m.running && !Serves(m); });
    const Members unjudged = Where([](const auto& m) { return !m.running && !m.held; });
    if (RolloutAction stop = WhyNoneMayBeTaken(lost, unjudged); stop.kind == RolloutAction::kStop) {
      return stop;
    }
    const Members due = Where([](const auto& m) { return IsDue(m) && Serves(m); });
    if (due.empty() && lost.empty()) return {};
    const Members stopped = Where([](const auto& m) { return !m.running; });
    Members batch = Batch(due, lost.size() + stopped.size());
    if (!batch.empty()) return {RolloutAction::kRestart, std::move(batch), true, "", ""};
    if (lost.empty()) return WhileOthersAreStopped(due, stopped);
    return Stop(absl::StrCat(Names(lost), lost.size() == 1 ? " does" : " do", " not serve, and ",
                             lost.size() == 1 ? "is not one" : "are not ones", " to be restarted"),
                due.empty() ? absl::StrCat("repair ", lost.size() == 1 ? "it" : "them", ": its log says more")
                            : absl::StrCat("repairing ", lost.size() == 1 ? "it" : "them",
                                           " comes first: restarting ", Names(due),
                                           " now would take away more than rollout.max-unavailable allows"));
  }

 private:
  static bool Serves(const MemberState& member) {
    return member.running && member.health == MemberState::kServes;
  }
  // Whether it is to be restarted, if it runs.
  static bool IsDue(const MemberState& member) { return !member.held && !member.reasons.empty(); }
  bool HaveQuorum() const { return serving_ >= quorum_; }

  template <typename Predicate>
  Members Where(Predicate predicate) const {
    Members found;
    for (size_t i = 0; i < members_.size(); ++i) {
      if (predicate(members_[i])) found.push_back(i);
    }
    return found;
  }

  std::string Names(const Members& which) const { return MemberNames(members_, which); }

  static RolloutAction Stop(std::string why, std::string advice) {
    return {RolloutAction::kStop, {}, false, std::move(why), std::move(advice)};
  }

  // Whether those that run, and those that this rollout may start, are too few for a quorum: nobody would be
  // seen to serve, however long it is waited for.
  RolloutAction WhyNobodyCouldServe() const {
    const Members held = Where([](const auto& m) { return m.held && !m.running; });
    if (held.empty() || members_.size() - held.size() >= quorum_) return {};
    return Stop(absl::StrCat("there is no quorum without ", Names(held), ", which ",
                             held.size() == 1 ? "does" : "do", " not run and for which this run is not"),
                "run it for all members, or for more of them");
  }

  // DUE need a restart; STOPPED are held.
  RolloutAction WhileOthersAreStopped(const Members& due, const Members& stopped) const {
    return Stop(absl::StrCat(Names(stopped), stopped.size() == 1 ? " does" : " do",
                             " not run, and this run is not for ", stopped.size() == 1 ? "it" : "them"),
                absl::StrCat("starting ", stopped.size() == 1 ? "it" : "them", " comes first: restarting ",
                             Names(due), " now would take away more than rollout.max-unavailable allows"));
  }

  RolloutAction TouchedInVain(const Members& which) const {
    const MemberState& member = members_[which[0]];
    if (!member.running) {
      return Stop(absl::StrCat(member.name, " was started and does not run any more"),
                  "its log says why; remove the cause");
    }
    return Stop(absl::StrCat(member.name, " was started, and has to be started again already: ",
                             absl::StrJoin(member.reasons, ", ")),
                "does something else write its files, too?");
  }

  Members RestartOfThoseWhoDoNotServe() const {
    // All of them may know no leader for the moment of an election.
    const bool at_once = HaveQuorum() || members_.size() == 1;
    Members out = Where([&](const auto& m) {
      return IsDue(m) && m.running && m.health == MemberState::kOut && (at_once || m.given_up);
    });
    if (!out.empty() || !at_once) return out;
    Members silent = Where([](const auto& m) { return IsDue(m) && m.running && !Serves(m); });
    if (silent.size() > max_unavailable_) silent.resize(max_unavailable_);
    return silent;
  }

  // Those of DUE that are restarted now. All of DUE serve. AWAY: how many run and do not serve.
  Members Batch(Members due, size_t away) const {
    size_t room = 0;
    if (members_.size() <= 2) {
      room = away == 0 ? 1 : 0;
    } else if (max_unavailable_ > away && serving_ > quorum_) {
      room = std::min(max_unavailable_ - away, serving_ - quorum_);
    }
    auto leads = [&](size_t member) { return members_[member].leader; };
    if (due.size() > 1) due.erase(std::remove_if(due.begin(), due.end(), leads), due.end());
    if (due.size() > room) due.resize(room);
    return due;
  }

  // LOST run and do not serve, and their time is over; UNJUDGED do not run.
  RolloutAction WhyNoneMayBeTaken(const Members& lost, const Members& unjudged) const {
    for (size_t i : lost) {
      if (members_[i].touched) {
        return Stop(absl::StrCat(members_[i].name, " was started and does not serve"),
                    "its log says why; remove the cause");
      }
    }
    for (size_t i : lost) {
      if (!IsDue(members_[i])) continue;
      return Stop(
          absl::StrCat(members_[i].name, " needs a restart (", absl::StrJoin(members_[i].reasons, ", "),
                       "), and it cannot be seen that the others are a quorum without it: ", serving_, " of ",
                       members_.size(), " members answer"),
          "make them answer; or, when you know that they serve nobody, stop those that do not "
          "answer: members that do not run are started without asking");
    }
    if (!HaveQuorum() && !lost.empty()) {
      return Stop(absl::StrCat("there is no quorum: ", Names(lost), lost.size() == 1 ? " runs" : " run",
                               " and ", lost.size() == 1 ? "does" : "do", " not serve"),
                  "their logs, and whether they reach each other at their peer URLs");
    }
    if (!unjudged.empty()) {
      return Stop(absl::StrCat(Names(unjudged), unjudged.size() == 1 ? " has" : " have",
                               " no data, and the cluster does not say whether that is right"),
                  "does etcdctl reach the members? They have to say who belongs to the cluster first");
    }
    return {};
  }

  const std::vector<MemberState>& members_;
  const size_t max_unavailable_, quorum_, serving_;
};

}  // namespace

RolloutAction NextRolloutAction(const std::vector<MemberState>& members, int max_unavailable) {
  return Order(members, max_unavailable).Next();
}

std::string MemberNames(const std::vector<MemberState>& members, const std::vector<size_t>& which) {
  std::vector<std::string> names;
  for (size_t member : which) names.push_back(members[member].name);
  return JoinAnd(names);
}

}  // namespace kplan
