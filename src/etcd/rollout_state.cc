#include "src/etcd/rollout_state.h"

#include <algorithm>
#include <numeric>

#include "src/base/at_once.h"
#include "src/etcd/etcd_data.h"
#include "src/etcd/survey_etcd.h"
#include "src/step/questions.h"

namespace kplan {

RolloutState::RolloutState(const RolloutPlan& plan, HostAccess* hosts, ClusterView* view)
    : plan_(plan),
      hosts_(hosts),
      view_(view),
      all_(plan.cluster.members.size()),
      members_(all_.size()),
      coming_up_(all_.size()),
      health_(all_.size()) {
  std::iota(all_.begin(), all_.end(), 0);
  for (size_t i : all_) {
    const PlannedMember& member = plan.cluster.members[i];
    members_[i].name = member.name;
    members_[i].held = !plan.hosts.empty() &&
                       std::find(plan.hosts.begin(), plan.hosts.end(), member.host) == plan.hosts.end();
  }
}

// Whether each service runs, and why it would be restarted.
void RolloutState::AskHosts(Obstacles* obstacles) {
  std::vector<absl::Status> statuses(all_.size());
  AtOnce(all_, [&](size_t i) {
    absl::StatusOr<ServiceLookAnswer> seen = ReadAnswer<ServiceLookAnswer>(
        hosts_->Ask(plan_.cluster.members[i].host, ToJson(ServiceLookQuestion{plan_.services[i]})));
    if (!seen.ok()) {
      statuses[i] = seen.status();
      return;
    }
    // "running" is of one that is up; a member that waits for its quorum is not, and not to be started
    // either.
    members_[i].running = !seen->starts;
    coming_up_[i] = members_[i].running && !seen->running;
    members_[i].reasons = members_[i].running && seen->restarts ? seen->reasons : std::vector<std::string>();
  });
  for (size_t i : all_) {
    if (statuses[i].ok()) continue;
    (absl::IsUnavailable(statuses[i]) ? obstacles->unseen : obstacles->barred).emplace_back(i, statuses[i]);
  }
}

// What is in the data folders, and whether those that do not run may be started with that.
void RolloutState::AskForData(Obstacles* obstacles) {
  std::vector<absl::StatusOr<EtcdData>> found(all_.size(), absl::UnknownError("not asked"));
  AtOnce(all_, [&](size_t i) {
    const PlannedMember& member = plan_.cluster.members[i];
    EtcdDataQuestion question = {member.data, member.root};
    question.wal = member.wal;
    absl::StatusOr<Json> answer = hosts_->Ask(member.host, ToJson(question));
    found[i] = answer.ok() ? ParseEtcdData(*answer) : absl::StatusOr<EtcdData>(answer.status());
  });
  const SurveyVerdict verdict = DecideOnSurvey(plan_.cluster, found, live_);
  obstacles->problems = std::string(verdict.status().message());
  for (size_t i : all_) {
    members_[i].has_data = verdict.has_data[i];
    members_[i].judge_later = verdict.MustAskAgain(i);
  }
}

void RolloutState::Judge(size_t i) {
  MemberState& member = members_[i];
  member.health = HealthOf(health_[i], live_.answers[i]);
  // Its service manager knows better than silence: it has not been ready since it was started.
  if (member.health == MemberState::kSilent && coming_up_[i]) member.health = MemberState::kOut;
}

RolloutState::Obstacles RolloutState::Look() {
  Obstacles obstacles;
  AskHosts(&obstacles);
  auto unknown = [&](size_t i) {
    return obstacles.IsBarred(i) || std::any_of(obstacles.unseen.begin(), obstacles.unseen.end(),
                                                [&](const auto& host) { return host.first == i; });
  };
  AtOnce(all_, [&](size_t i) {
    health_[i] = members_[i].running || unknown(i) ? view_->AskHealth(i) : HealthAnswer();
    if (unknown(i)) members_[i].running = health_[i].kind != HealthAnswer::kNone;
  });
  // etcdctl is asked only where that does not say enough.
  const bool ask_all = std::any_of(all_.begin(), all_.end(), [&](size_t i) {
    return !members_[i].running || !members_[i].reasons.empty() || health_[i].kind != HealthAnswer::kHealthy;
  });
  live_ = ask_all ? view_->AskAll() : LiveCluster();
  live_.answers.resize(all_.size());
  const std::string leader = live_.Leader(plan_.cluster.cluster_id);
  for (size_t i : all_) {
    Judge(i);
    const MemberAnswer& answer = live_.answers[i];
    members_[i].leader = answer.has_leader() && answer.status->member_id == leader;
  }
  const bool all_run =
      std::all_of(members_.begin(), members_.end(), [](const MemberState& member) { return member.running; });
  if (!all_run && obstacles.unseen.empty()) AskForData(&obstacles);
  return obstacles;
}

void RolloutState::LookAgain(const MemberPlaces& members) {
  AtOnce(members, [&](size_t i) { health_[i] = view_->AskHealth(i); });
  const bool answered = std::any_of(members.begin(), members.end(),
                                    [&](size_t i) { return health_[i].kind != HealthAnswer::kNone; });
  live_ = answered ? view_->AskAll() : LiveCluster();
  live_.answers.resize(all_.size());
  for (size_t i : members) Judge(i);
}

bool RolloutState::HasCaughtUp(size_t i, uint64_t goal) const {
  const absl::StatusOr<EndpointStatus>& status = live_.answers[i].status;
  // Without etcdctl's word its read has to do, for which etcd reads through the quorum. 3.3 does not say.
  if (!status.ok() || status->raft_applied_index == 0) return true;
  return status->raft_applied_index >= goal;
}

}  // namespace kplan
