#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "src/base/at_once.h"
#include "src/base/clock.h"
#include "src/base/digest.h"
#include "src/etcd/cluster_lock.h"
#include "src/etcd/host_claims.h"
#include "src/etcd/rollout_etcd.h"
#include "src/etcd/rollout_order.h"
#include "src/etcd/rollout_report.h"
#include "src/etcd/rollout_state.h"
#include "src/step/questions.h"
#include "src/steps/service/service_upkeep.h"

namespace kplan {
namespace {

// There is nothing to be told by: the members are processes of other machines.
constexpr absl::Duration kPause = absl::Milliseconds(50);
// Beyond the start of a member and the waiting for it.
constexpr absl::Duration kClaimMore = absl::Seconds(60);

using Failures = std::vector<std::pair<size_t, absl::Status>>;

class Rollout {
 public:
  Rollout(const RolloutPlan& plan, HostAccess* hosts, ClusterView* view, Clock* clock,
          RolloutReport::Tell tell)
      : plan_(plan),
        hosts_(hosts),
        view_(view),
        clock_(clock),
        state_(plan, hosts, view),
        all_(state_.all()),
        members_(state_.members()),
        errors_(all_.size()),
        touched_at_(all_.size()),
        tell_(tell),
        report_(std::move(tell)) {}

  absl::StatusOr<StepResult> Run();

 private:
  absl::Status Look();
  absl::Status KeepOffBarred(RolloutAction* action) const;
  bool LeaderIsMissing(const RolloutAction& action) const;

  absl::Status CheckRights();
  absl::StatusOr<bool> HoldOffOthers();
  absl::Status TakeSnapshot();
  absl::Status Touch(RolloutReport::Deed deed, const RolloutAction& action);
  absl::Status AskManagers(MemberPlaces* members);
  absl::Status Await(const MemberPlaces& members, bool ask_managers);
  absl::StatusOr<StepResult> Finish(bool* again);

  const PlannedMember& Planned(size_t i) const { return plan_.cluster.members[i]; }
  absl::StatusOr<StepResult> RunService(size_t i, bool await_start);
  std::string LogLines(size_t i) const;
  std::string UnreachedPeers() const;

  absl::Status Failed(const Failures& failures);
  absl::Status Stop(const RolloutAction& action);
  absl::Status StopNow(const std::string& why, const std::string& advice) const;

  const RolloutPlan& plan_;
  HostAccess* const hosts_;
  ClusterView* const view_;
  Clock* const clock_;
  RolloutState state_;
  const MemberPlaces& all_;
  std::vector<MemberState>& members_;
  RolloutState::Obstacles obstacles_;
  std::vector<std::string> errors_;  // of a member that was given up: what its service manager said
  std::vector<absl::Time> touched_at_;
  const RolloutReport::Tell tell_;
  std::unique_ptr<ClusterLock> claims_;  // while etcd takes no lock
  RolloutReport report_;
  bool rights_checked_ = false, snapshot_taken_ = false;
};

absl::StatusOr<StepResult> Rollout::Run() {
  absl::Time leader_deadline = absl::InfiniteFuture();
  for (;;) {
    if (absl::Status status = Look(); !status.ok()) return status;
    RolloutAction action = NextRolloutAction(members_, plan_.max_unavailable);
    if (absl::Status status = KeepOffBarred(&action); !status.ok()) return status;
    if (action.kind == RolloutAction::kDone) {
      bool again = false;
      absl::StatusOr<StepResult> result = Finish(&again);
      if (!result.ok() || !again) return result;
      continue;
    }
    if (action.kind == RolloutAction::kRestart) {
      if (absl::Status status = CheckRights(); !status.ok()) return status;
    }
    if (LeaderIsMissing(action)) {
      leader_deadline = std::min(leader_deadline, clock_->Now() + plan_.election);
      if (clock_->Now() < leader_deadline) {
        clock_->SleepFor(kPause);
        continue;
      }
      const absl::Status& said = state_.live().answers[action.members[0]].status.status();
      return StopNow(
          absl::StrCat("it cannot be seen who leads the cluster, and the leader is to be restarted last",
                       said.ok() ? "" : ": ", said.message()),
          "make etcdctl's `endpoint status` work");
    }
    leader_deadline = absl::InfiniteFuture();
    absl::Status status;
    switch (action.kind) {
      case RolloutAction::kStart:
        status = Touch(RolloutReport::kStarted, action);
        break;
      case RolloutAction::kRestart:
        if (absl::StatusOr<bool> held = HoldOffOthers(); !held.ok()) {
          return held.status();
        } else if (!*held) {
          continue;
        }
        status = TakeSnapshot();
        if (status.ok()) status = Touch(RolloutReport::kRestarted, action);
        break;
      case RolloutAction::kWait:
        status = Await(action.members, /*ask_managers=*/true);
        break;
      default:
        status = Stop(action);
    }
    if (!status.ok()) return status;
  }
}

absl::Status Rollout::Look() {
  obstacles_ = state_.Look();
  for (size_t i : all_) {
    if (members_[i].health != MemberState::kServes) continue;
    members_[i].given_up = false;
    if (members_[i].touched) report_.AddServes(members_[i].name, clock_->Now() - touched_at_[i]);
  }
  for (const auto& [i, status] : obstacles_.unseen) {
    return absl::UnavailableError(
        report_.StopText(absl::StrCat("cannot see how ", members_[i].name,
                                      " is, and without that none is restarted: ", status.message()),
                         absl::StrCat("make ", Planned(i).host, " reachable"), members_));
  }
  return obstacles_.problems.empty() ? absl::OkStatus() : StopNow(obstacles_.problems, "put that right");
}

// Of ACTION only that is done while a member is barred which can but help: those that are down are started.
absl::Status Rollout::KeepOffBarred(RolloutAction* action) const {
  if (obstacles_.barred.empty()) return absl::OkStatus();
  MemberPlaces& members = action->members;
  if (action->kind == RolloutAction::kStart) {
    members.erase(std::remove_if(members.begin(), members.end(),
                                 [this](size_t member) { return obstacles_.IsBarred(member); }),
                  members.end());
    if (!members.empty()) return absl::OkStatus();
  }
  const auto& [i, status] = obstacles_.barred[0];
  // Whoever reaches a host elsewhere says already which it was.
  const std::string& host = Planned(i).host;
  return StopNow(
      absl::StrCat(host, ": ", absl::StripPrefix(status.message(), absl::StrCat("host ", host, ": "))),
      members_[i].held ? "put that right; where nothing was ever set up there, run it for all members"
                       : "put that right");
}

// A member that serves is to be restarted, and for all that is known it may lead.
bool Rollout::LeaderIsMissing(const RolloutAction& action) const {
  return action.kind == RolloutAction::kRestart && all_.size() > 1 &&
         members_[action.members[0]].health == MemberState::kServes &&
         std::none_of(members_.begin(), members_.end(),
                      [](const MemberState& state) { return state.leader; });
}

absl::StatusOr<StepResult> Rollout::RunService(size_t i, bool await_start) {
  ServiceRecord service = plan_.services[i];
  if (await_start) service.await = "start";
  return hosts_->RunStep(Planned(i).host, absl::StrCat("service/", Planned(i).host, "/", service.name),
                         ToJson(service));
}

// Once a run, before a member that runs is touched: who may not ask for the leader, take the snapshot or
// prove what comes of it is told so while all is as it was.
absl::Status Rollout::CheckRights() {
  if (std::exchange(rights_checked_, true)) return absl::OkStatus();
  LiveCluster live = state_.live();
  view_->AskForRights(&live);
  const std::string problem = RightsProblem(plan_.cluster, live);
  return problem.empty() ? absl::OkStatus() : StopNow(problem, "type that, and run ninja again");
}

// Before each restart: who takes members away is the only one that does (cluster_lock.h says where that does
// not hold). False: the others may have been taken away, or come back, since they were looked at.
absl::StatusOr<bool> Rollout::HoldOffOthers() {
  ClusterLock* lock = view_->lock();
  if (lock == nullptr) return true;
  const bool quorum = std::any_of(members_.begin(), members_.end(), [](const MemberState& member) {
    return member.health == MemberState::kServes;
  });
  absl::StatusOr<bool> held = absl::UnavailableError("no member serves");
  if (quorum) held = lock->Hold("a rollout", tell_);
  // A restart may be what brings the quorum back, or the larger quota: until then it is noted on the hosts.
  if (!quorum || absl::IsResourceExhausted(held.status())) {
    if (claims_ == nullptr)
      claims_ = MakeHostClaims(plan_.cluster, hosts_, 2 * plan_.timeout + kClaimMore, clock_);
    return claims_->Hold("a rollout", tell_);
  }
  if (held.ok()) {
    claims_.reset();
    return held;
  }
  return StopNow(
      absl::StrCat("whether another kplan takes members away cannot be seen, and without that none "
                   "is restarted: etcd does not give its lock (",
                   kLockKey, "): ", held.status().message()),
      "make etcdctl's `get` and `lease grant` work");
}

// Once a run, when the first member is about to be restarted: whoever runs has data.
absl::Status Rollout::TakeSnapshot() {
  if (!plan_.snapshot.has_value() || snapshot_taken_) return absl::OkStatus();
  absl::StatusOr<TakenSnapshot> taken = view_->TakeSnapshot(*plan_.snapshot);
  if (!taken.ok()) {
    return StopNow(
        absl::StrCat("no snapshot could be taken, and `rollout.snapshot` wants one before a member is "
                     "restarted: ",
                     taken.status().message()),
        "put that right, or, to go on without one, remove `snapshot` from `rollout` in cluster.yaml");
  }
  snapshot_taken_ = true;
  report_.AddSnapshot(taken->Describe());
  return absl::OkStatus();
}

// Starts or restarts ACTION's members. After a restart that leaves a quorum they are waited for at once, so
// that the next one is not touched before.
absl::Status Rollout::Touch(RolloutReport::Deed deed, const RolloutAction& action) {
  std::vector<absl::Status> statuses(all_.size());
  for (size_t i : action.members) {
    touched_at_[i] = clock_->Now();
    const bool led = members_[i].leader && all_.size() > 1;
    std::vector<std::string> reasons = members_[i].reasons;
    if (deed == RolloutReport::kStarted) reasons = {"was not running"};
    report_.Add(deed, members_[i].name, reasons, led);
  }
  AtOnce(action.members, [&](size_t i) {
    absl::StatusOr<StepResult> result = RunService(i, /*await_start=*/!action.gated);
    statuses[i] = result.status();
  });
  Failures failures;
  for (size_t i : action.members) {
    members_[i].touched = true;
    if (!statuses[i].ok()) failures.emplace_back(i, statuses[i]);
  }
  if (!failures.empty()) return Failed(failures);
  return action.gated ? Await(action.members, /*ask_managers=*/false) : absl::OkStatus();
}

// Lets the service managers of *MEMBERS wait: they know at once when one has ended, and why. Those of which
// they say so, and which this rollout has not touched, are given up and taken out.
absl::Status Rollout::AskManagers(MemberPlaces* members) {
  std::vector<absl::Status> statuses(all_.size());
  MemberPlaces asked;
  for (size_t i : *members) {
    // Any other would be restarted by that; and one that is held is not ours to start.
    if (members_[i].reasons.empty() && !members_[i].held) asked.push_back(i);
  }
  if (asked.empty()) return absl::OkStatus();
  AtOnce(asked, [&](size_t i) { statuses[i] = RunService(i, /*await_start=*/false).status(); });
  Failures failures;
  for (size_t i : asked) {
    if (statuses[i].ok()) continue;
    if (members_[i].touched || absl::IsUnavailable(statuses[i])) failures.emplace_back(i, statuses[i]);
    members_[i].given_up = true;
    errors_[i] = std::string(statuses[i].message());
    members->erase(std::find(members->begin(), members->end(), i));
  }
  return failures.empty() ? absl::OkStatus() : Failed(failures);
}

// Returns when MEMBERS serve, or are given up.
absl::Status Rollout::Await(const MemberPlaces& members, bool ask_managers) {
  MemberPlaces pending = members;
  if (ask_managers) {
    if (absl::Status status = AskManagers(&pending); !status.ok()) return status;
  }
  // What the managers waited for, they bounded themselves, by what their units say.
  const absl::Time deadline = clock_->Now() + plan_.timeout;
  std::vector<absl::Time> out_since(all_.size(), absl::InfiniteFuture());
  uint64_t goal = 0;  // of the log
  while (!pending.empty()) {
    state_.LookAgain(pending);
    if (goal == 0) goal = LastIndex(state_.live());
    const absl::Time now = clock_->Now();
    MemberPlaces left;
    for (size_t i : pending) {
      MemberState& member = members_[i];
      if (member.health == MemberState::kServes && state_.HasCaughtUp(i, goal)) {
        if (member.touched) report_.AddServes(member.name, now - touched_at_[i]);
        continue;
      }
      out_since[i] =
          member.health == MemberState::kOut ? std::min(out_since[i], now) : absl::InfiniteFuture();
      const bool is_out = !member.touched && !member.reasons.empty() && now - out_since[i] >= plan_.election;
      member.given_up = is_out || now >= deadline;
      if (!member.given_up) left.push_back(i);
    }
    pending = std::move(left);
    if (!pending.empty()) clock_->SleepFor(kPause);
  }
  return absl::OkStatus();
}

// The service step of every member that is not held once more, which settles what it settles (its marker, its
// being enabled) and has the digest. One after another: should one of them find something to do in this very
// moment, it is the only one. *AGAIN: one did.
absl::StatusOr<StepResult> Rollout::Finish(bool* again) {
  StepResult result;
  Sha256Stream digest;
  for (size_t i : all_) {
    if (members_[i].held) continue;
    absl::StatusOr<StepResult> service = RunService(i, /*await_start=*/false);
    if (!service.ok()) return Failed({{i, service.status()}});
    if (!service->reason.empty() && service->runs_on) {
      report_.Add(RolloutReport::kPutRight, members_[i].name,
                  {std::string(absl::StripPrefix(service->reason, kPutRight))}, false);
    } else if (!service->reason.empty()) {
      if (members_[i].touched) {
        return StopNow(absl::StrCat(members_[i].name, " had to be started twice: ", service->reason),
                       "does something else stop it, or write its files?");
      }
      members_[i].touched = *again = true;
      touched_at_[i] = clock_->Now();
      report_.Add(RolloutReport::kRestarted, members_[i].name, {service->reason}, false);
      return result;
    }
    digest.Update(absl::StrCat(Planned(i).host, " ", service->digest, "\n"));
    if (!Planned(i).remote) {
      result.files.insert(result.files.end(), service->files.begin(), service->files.end());
    }
  }
  result.digest = digest.FinishHex();
  result.reason = report_.Reason();
  result.output = report_.Lines();
  return result;
}

absl::Status Rollout::StopNow(const std::string& why, const std::string& advice) const {
  return absl::FailedPreconditionError(report_.StopText(why, advice, members_));
}

absl::Status Rollout::Failed(const Failures& failures) {
  std::vector<std::string> whys;
  for (const auto& [i, status] : failures) {
    const std::vector<std::string>& reasons = members_[i].reasons;
    whys.push_back(absl::StrCat(
        members_[i].name, " did not come up",
        reasons.empty() ? "" : absl::StrCat(" after its restart (", absl::StrJoin(reasons, ", "), ")"), ": ",
        absl::StripSuffix(status.message(), "\n")));
  }
  // How all are now is what matters most to whoever reads this.
  state_.LookAgain(all_);
  for (MemberState& member : members_) {
    member.running = member.running || member.health == MemberState::kServes;
  }
  const std::string text =
      report_.StopText(absl::StrJoin(whys, "\n") + UnreachedPeers(), "remove the cause", members_);
  return absl::IsUnavailable(failures[0].second) ? absl::UnavailableError(text)
                                                 : absl::FailedPreconditionError(text);
}

// Why members that run may not come together.
std::string Rollout::UnreachedPeers() const {
  const std::string lines = view_->UnreachedPeers();
  if (lines.empty()) return "";
  return absl::StrCat("\n  ", absl::StrReplaceAll(lines, {{"\n", "\n  "}}),
                      "\n  is there a firewall between them? Members talk to each other at their peer ports");
}

std::string Rollout::LogLines(size_t i) const {
  const ServiceRecord& service = plan_.services[i];
  absl::StatusOr<Json> answer =
      hosts_->Ask(Planned(i).host, ToJson(ServiceLogQuestion{service.manager, service.name, service.root}));
  if (!answer.ok()) return absl::StrCat("    ", answer.status().message());
  absl::StatusOr<ServiceLogAnswer> log = FromJson<ServiceLogAnswer>(*answer);
  return log.ok() ? std::string(absl::StripSuffix(log->lines, "\n")) : "";
}

absl::Status Rollout::Stop(const RolloutAction& action) {
  std::string why = action.why;
  for (size_t i : all_) {
    const MemberState& state = members_[i];
    if (state.health == MemberState::kServes || !(state.given_up || state.touched)) continue;
    if (state.running && !state_.SeenOf(i).empty()) {
      absl::StrAppend(&why, "\n  ", state.name, ": ", state_.SeenOf(i), " (", Planned(i).probe, ")");
    }
    if (!errors_[i].empty()) {
      absl::StrAppend(&why, "\n  ", state.name, ": ", absl::StripSuffix(errors_[i], "\n"));
      continue;
    }
    absl::StrAppend(&why, "\n  the last log lines of ", state.name, ":\n", LogLines(i));
  }
  return StopNow(why + UnreachedPeers(), action.advice);
}

}  // namespace

absl::StatusOr<StepResult> RollOut(const RolloutPlan& plan, HostAccess* hosts, ClusterView* view,
                                   Clock* clock, RolloutReport::Tell tell) {
  return Rollout(plan, hosts, view, clock, std::move(tell)).Run();
}

}  // namespace kplan
