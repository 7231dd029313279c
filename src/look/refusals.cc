#include "src/look/refusals.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "src/base/at_once.h"
#include "src/etcd/survey_etcd.h"
#include "src/look/holdings.h"
#include "src/look/step_record.h"

namespace kplan {
namespace {

// The rollout behind SURVEY; none in a part of a plan that has no rollout.
std::optional<StepId> RolloutBehind(const Graph& graph, StepId survey) {
  for (StepId id = survey + 1; id < graph.steps().size(); ++id) {
    const Step& step = graph.steps()[id];
    if (step.kind == StepKind::kRollout &&
        std::find(step.inputs.begin(), step.inputs.end(), survey) != step.inputs.end())
      return id;
  }
  return std::nullopt;
}

// What can be known of one cluster.
class Cluster {
 public:
  Cluster(const PlannedCluster& planned, const VisitsSoFar& visits, HostAccess* hosts)
      : planned_(planned), visits_(visits), hosts_(hosts), found_(planned.members.size(), EtcdData()) {}

  bool HasSilentHost() const {
    return std::any_of(planned_.members.begin(), planned_.members.end(),
                       [&](const auto& member) { return visits_.silent.count(member.host) != 0; });
  }

  // The same text as the step's; "" when nothing forbids to go on.
  // SURVEYED: by the survey, which looks at more than a rollout.
  std::string WhyNot(const OpenView& open_view, bool surveyed) {
    const bool all = Ask(open_view, surveyed);
    SurveyVerdict verdict;
    if (all) {
      verdict = DecideOnSurvey(planned_, found_, live_);
    } else {
      verdict.problems = FolderProblems(planned_, found_);
    }
    return std::string(verdict.status().message());
  }

 private:
  bool IsKnown(const PlannedMember& member) const {
    return !member.remote || visits_.answered.count(member.host) != 0;
  }

  // Whether all members' folders were seen.
  bool Ask(const OpenView& open_view, bool surveyed) {
    live_.answers.resize(planned_.members.size());
    AtOnce(found_.size() + 1, [&](size_t i) {
      if (i < found_.size()) {
        const PlannedMember& member = planned_.members[i];
        const AskedOfData asked = surveyed ? AskedOfData::kSurvey : AskedOfData::kData;
        if (IsKnown(member))
          found_[i] = AskEtcdData(member.remote ? hosts_ : nullptr, planned_, member, asked);
        return;
      }
      absl::StatusOr<std::unique_ptr<ClusterView>> view = open_view(planned_);
      if (view.ok()) {
        live_ = (*view)->AskAll();
        if (surveyed) (*view)->AskForRights(&live_);
      }
      live_.answers.resize(planned_.members.size());
    });
    return std::all_of(planned_.members.begin(), planned_.members.end(),
                       [&](const auto& member) { return IsKnown(member); });
  }

  const PlannedCluster& planned_;
  const VisitsSoFar& visits_;
  HostAccess* const hosts_;
  std::vector<absl::StatusOr<EtcdData>> found_;
  LiveCluster live_;
};

// As the rollout, before it restarts a member; "" when nothing is forbidden.
std::string WhyForbidden(const PlannedCluster& planned, const OpenView& open_view) {
  absl::StatusOr<std::unique_ptr<ClusterView>> view = open_view(planned);
  if (!view.ok()) return "";
  LiveCluster live = (*view)->AskAll();
  (*view)->AskForRights(&live);
  return RightsProblem(planned, live);
}

}  // namespace

absl::flat_hash_map<StepId, std::string> ForeseeRefusals(const Graph& graph,
                                                         const std::vector<Journal>& journals,
                                                         const VisitsSoFar& visits, const OpenView& open_view,
                                                         HostAccess* hosts) {
  absl::flat_hash_map<StepId, std::string> refusals;
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const Step& step = graph.steps()[id];
    if (step.kind != StepKind::kSurvey) continue;
    const bool done = WasDone(step, journals[step.shard].Find(step.label));
    const std::optional<StepId> rollout = RolloutBehind(graph, id);
    bool idle = false;
    if (rollout.has_value()) {
      for (const ServicePart& service : ServicesOf(graph, graph.steps()[*rollout]))
        idle = idle || visits.idle.count(service.label) != 0;
    }
    const SurveyRecord record = RecordOf<SurveyRecord>(step);
    const bool auth = std::any_of(record.cluster.members.begin(), record.cluster.members.end(),
                                  [&](const auto& it) { return visits.with_auth.count(it.host) != 0; });
    if (done && !idle && !auth) continue;
    absl::StatusOr<PlannedCluster> planned = ReadPlannedCluster(record.cluster, record.version, hosts);
    if (!planned.ok()) continue;
    if (auth && !idle && rollout.has_value()) {
      planned->snapshots = RecordOf<RolloutRecord>(graph.steps()[*rollout]).snapshot.has_value();
      const std::string why = WhyForbidden(*planned, open_view);
      if (!why.empty()) refusals.emplace(*rollout, why);
      planned->snapshots = false;  // of which the survey knows nothing
    }
    if (done && !idle) continue;
    const bool elsewhere = std::any_of(planned->members.begin(), planned->members.end(), [&](const auto& it) {
      return it.remote && visits.answered.count(it.host) != 0;
    });
    Cluster cluster(*planned, visits, hosts);
    if (!elsewhere || cluster.HasSilentHost()) continue;
    const std::string why = cluster.WhyNot(open_view, /*surveyed=*/!done);
    if (why.empty()) continue;
    refusals.emplace(id, why);
    if (idle) refusals.emplace(*rollout, why);
  }
  return refusals;
}

}  // namespace kplan
