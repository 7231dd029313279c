#include "src/etcd/defrag.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "src/base/at_once.h"
#include "src/base/bytes_text.h"
#include "src/base/text.h"
#include "src/etcd/alarm.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/cluster_lock.h"
#include "src/etcd/defrag_decision.h"
#include "src/etcd/facts/etcd_rights.h"
#include "src/etcd/member_health.h"

namespace kplan {
namespace {

constexpr char kNoSpace[] = "NOSPACE";
// A file of gigabytes is written anew, and its store read.
constexpr absl::Duration kDefragTime = absl::Minutes(10), kCompactTime = absl::Minutes(10);
// What was away for that long has to catch up, and the others may elect a leader.
constexpr absl::Duration kAwaitTime = absl::Seconds(60), kElection = absl::Seconds(10),
                         kPause = absl::Milliseconds(100);
// Somebody still writes: an alarm that is taken away too near the quota is back at once.
constexpr int64_t kRoomPart = 10;

class Defrag {
 public:
  Defrag(const DefragPlan& plan, ClusterView* view, Clock* clock,
         absl::FunctionRef<void(const std::string&)> tell)
      : plan_(plan),
        planned_(plan.cluster.members),
        view_(view),
        clock_(clock),
        tell_(tell),
        members_(planned_.size()) {}

  absl::Status Run() {
    AwaitLeader();
    if (plan_.compact) {
      if (absl::Status status = Compact(); !status.ok()) return status;
      Look();
    }
    for (bool moved = false;;) {
      const DefragAction action = NextDefragAction(members_, moved);
      if (action.kind == DefragAction::kMoveLeader || action.kind == DefragAction::kDefragment) {
        absl::StatusOr<bool> held = HoldOffOthers();
        if (!held.ok()) return held.status();
        if (!*held) {
          AwaitLeader();
          continue;
        }
      }
      absl::Status status;
      switch (action.kind) {
        case DefragAction::kDone:
          TellOfOthers();
          return Disarm();
        case DefragAction::kStop:
          return absl::FailedPreconditionError(
              absl::StrCat(action.why, Away().empty() ? "" : ": ", Away(),
                           "\n  next: kplan status says how it is; then run it again"));
        case DefragAction::kMoveLeader:
          moved = true;
          MoveLeader(action.member);
          status = Await();
          break;
        case DefragAction::kDefragment:
          status = Defragment(action.member);
          break;
      }
      if (!status.ok()) return status;
    }
  }

 private:
  const std::string& Probe(size_t i) const { return planned_[i].probe; }

  absl::StatusOr<std::string> Ctl(std::vector<std::string> endpoints, std::vector<std::string> words,
                                  absl::Duration timeout) const {
    words.push_back(absl::StrCat("--command-timeout=", absl::ToInt64Seconds(timeout), "s"));
    absl::StatusOr<std::string> out = RunEtcdctl(plan_.cluster.etcdctl, endpoints, words, timeout);
    if (out.ok()) return out;
    return IsForWantOfRights(out.status().message()) ? AsRefusal(out.status()) : out.status();
  }

  void Look() {
    std::vector<HealthAnswer> health(planned_.size());
    AtOnce(planned_.size() + 1, [&](size_t i) {
      if (i == planned_.size()) {
        live_ = view_->AskAll();
      } else {
        health[i] = view_->AskHealth(i);
      }
    });
    seen_.clear();
    for (size_t i = 0; i < planned_.size(); ++i) {
      const absl::StatusOr<EndpointStatus>& status = live_.answers[i].status;
      DefragMember& member = members_[i];
      member.name = planned_[i].name;
      member.serves = HealthOf(health[i], live_.answers[i]) == MemberState::kServes && status.ok();
      if (!member.serves) seen_ = status.ok() ? health[i].seen : std::string(status.status().message());
      if (!status.ok()) continue;
      member.leader = !status->leader_id.empty() && status->leader_id == status->member_id;
      member.learner = status->learner;
      member.size = status->db_size;
      // The pages of what was compacted just now count as used until the next write (bbolt, freelist
      // pending).
      member.in_use = compacted_ ? 0 : status->db_size_in_use;
    }
  }

  // Until a quorum serves, or an election is surely over: who was lost a moment ago may have led.
  void AwaitLeader() {
    const absl::Time deadline = clock_->Now() + kElection;
    for (;;) {
      Look();
      const auto serving = std::count_if(members_.begin(), members_.end(),
                                         [](const DefragMember& member) { return member.serves; });
      if (static_cast<size_t>(serving) >= plan_.cluster.quorum() || clock_->Now() >= deadline) return;
      clock_->SleepFor(kPause);
    }
  }

  // As a rollout does before it restarts a member. False: what was seen may be out of date.
  absl::StatusOr<bool> HoldOffOthers() {
    const auto tell = [this](const std::string& line) { tell_(line); };
    absl::StatusOr<bool> held = view_->lock()->Hold("kplan defrag", tell);
    // NOSPACE is what it may have been called for.
    if (absl::IsResourceExhausted(held.status())) return true;
    if (held.ok()) return held;
    return absl::Status(held.status().code(), absl::StrCat("etcd does not give its lock (", kLockKey,
                                                           "): ", held.status().message()));
  }

  // What was seen of whoever does not serve.
  const std::string& Away() const { return seen_; }

  // Until all serve.
  absl::Status Await() {
    const absl::Time deadline = clock_->Now() + kAwaitTime;
    for (;;) {
      Look();
      const auto away = std::find_if(members_.begin(), members_.end(),
                                     [](const DefragMember& member) { return !member.serves; });
      if (away == members_.end()) return absl::OkStatus();
      if (clock_->Now() >= deadline) {
        return absl::FailedPreconditionError(
            absl::StrCat(away->name, " does not serve after ", absl::ToInt64Seconds(kAwaitTime),
                         " s: ", Away(), "\n  next: kplan status says how it is; then run it again"));
      }
      clock_->SleepFor(kPause);
    }
  }

  // Up to now: what was overwritten or deleted before is nobody's any more.
  absl::Status Compact() {
    int64_t revision = 0;
    for (const MemberAnswer& answer : live_.answers) {
      if (answer.status.ok()) revision = std::max(revision, answer.status->revision);
    }
    if (revision == 0) return absl::UnavailableError(absl::StrCat("nobody says the revision: ", Away()));
    absl::StatusOr<std::string> out =
        Ctl(plan_.cluster.probes(), {"compact", "--physical", absl::StrCat(revision)}, kCompactTime);
    const bool before = absl::StrContains(out.status().message(), "has been compacted");
    if (!out.ok() && !before)
      return absl::Status(out.status().code(), absl::StrCat("cannot compact: ", out.status().message()));
    compacted_ = out.ok();
    tell_(absl::StrCat(compacted_ ? "compacted up to revision " : "it was compacted before, up to revision ",
                       revision));
    return absl::OkStatus();
  }

  // Where it does not come about, the leader goes as it is.
  void MoveLeader(size_t next) {
    const auto leader = std::find_if(members_.begin(), members_.end(),
                                     [](const DefragMember& member) { return member.leader; });
    const size_t from = static_cast<size_t>(leader - members_.begin());
    const absl::StatusOr<std::string> out =
        Ctl({Probe(from)}, {"move-leader", planned_[next].id}, absl::Seconds(30));
    tell_(out.ok() ? absl::StrCat(members_[next].name, " leads, instead of ", leader->name)
                   : absl::StrCat(leader->name, " goes on leading: ", out.status().message()));
  }

  absl::Status Defragment(size_t i) {
    const absl::Time begun = clock_->Now();
    const int64_t before = members_[i].size;
    const absl::StatusOr<std::string> out = Ctl({Probe(i)}, {"defrag"}, kDefragTime);
    if (!out.ok()) {
      return absl::Status(out.status().code(),
                          absl::StrCat("cannot defragment ", members_[i].name, ": ", out.status().message()));
    }
    members_[i].done = true;
    const absl::Duration took = clock_->Now() - begun;
    if (absl::Status status = Await(); !status.ok()) return status;
    tell_(absl::StrCat(members_[i].name, ": ", BytesText(before), " became ", BytesText(members_[i].size),
                       ", in ", absl::StrFormat("%.1f s", absl::ToDoubleSeconds(took))));
    return absl::OkStatus();
  }

  void TellOfOthers() {
    for (const DefragMember& member : members_) {
      if (member.done || !member.serves) continue;
      tell_(absl::StrCat(member.name, ": ", BytesText(member.size), ", of which ", BytesText(member.in_use),
                         " are in use: nothing to free"));
    }
  }

  // NOSPACE stays until somebody takes it away. `alarm disarm` takes away all alarms, and CORRUPT is to stay.
  absl::Status Disarm() {
    std::vector<EtcdAlarm> alarms;
    for (const MemberAnswer& answer : live_.answers) {
      if (!answer.status.ok()) continue;
      for (EtcdAlarm& alarm : AlarmsAmong(answer.status->errors)) alarms.push_back(std::move(alarm));
    }
    if (alarms.empty()) return absl::OkStatus();
    for (const EtcdAlarm& alarm : alarms) {
      if (alarm.name == kNoSpace) continue;
      return absl::FailedPreconditionError(
          absl::StrCat("the alarm ", alarm.name, " stays: ", AlarmAdvice(alarm.name)));
    }
    for (size_t i = 0; i < members_.size(); ++i) {
      const int64_t quota = plan_.quotas[i];
      if (quota == 0 || members_[i].size < quota - quota / kRoomPart) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          "the alarm NOSPACE stays: ", members_[i].name, " has ", BytesText(members_[i].size), " of ",
          BytesText(quota),
          plan_.compact
              ? "\n  next: delete keys, or raise `flags: {quota-backend-bytes}`"
              : "\n  next: kplan defrag --compact removes the history; or delete keys, or raise `flags: "
                "{quota-backend-bytes}`"));
    }
    const absl::StatusOr<std::string> out =
        Ctl(plan_.cluster.probes(), {"alarm", "disarm"}, absl::Seconds(30));
    if (!out.ok()) {
      return absl::Status(out.status().code(),
                          absl::StrCat("cannot take the alarm NOSPACE away: ", out.status().message()));
    }
    tell_("the alarm NOSPACE is taken away: etcd takes writes again");
    return absl::OkStatus();
  }

  const DefragPlan& plan_;
  const std::vector<PlannedMember>& planned_;
  ClusterView* const view_;
  Clock* const clock_;
  const absl::FunctionRef<void(const std::string&)> tell_;
  std::vector<DefragMember> members_;  // as planned_
  LiveCluster live_;
  std::string seen_;
  bool compacted_ = false;  // by this run
};

}  // namespace

int64_t QuotaOf(const std::string& value) {
  constexpr int64_t kDefault = int64_t{2} << 30;
  int64_t quota = 0;
  if (!absl::SimpleAtoi(value, &quota) || quota == 0) return kDefault;
  return std::max<int64_t>(quota, 0);
}

absl::Status DefragCluster(const DefragPlan& plan, Clock* clock,
                           absl::FunctionRef<void(const std::string&)> tell) {
  absl::StatusOr<std::unique_ptr<ClusterView>> view = OpenClusterView(plan.cluster);
  if (!view.ok()) return view.status();
  return Defrag(plan, view->get(), clock, tell).Run();
}

}  // namespace kplan
