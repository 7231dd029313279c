#include "src/look/members_asked.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/look/step_record.h"

namespace kplan {

MembersAsked::MembersAsked(const Graph& graph, const std::vector<Journal>& journals,
                           const OpenView& open_view, HostAccess* hosts) {
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const Step& step = graph.steps()[id];
    if (step.kind != StepKind::kVerify || !WasDone(step, journals[step.shard].Find(step.label))) continue;
    const VerifyRecord record = RecordOf<VerifyRecord>(step);
    const std::vector<MemberRecord>& members = record.cluster.members;
    if (std::none_of(members.begin(), members.end(), [](const auto& member) { return member.over_ssh(); }))
      continue;
    absl::StatusOr<PlannedCluster> cluster = ReadPlannedCluster(record.cluster, /*version=*/"", hosts);
    if (!cluster.ok()) continue;
    absl::StatusOr<std::unique_ptr<ClusterView>> view = open_view(*cluster);
    if (!view.ok()) continue;
    for (size_t i = 0; i < members.size(); ++i) {
      if (!members[i].over_ssh()) continue;
      members_.push_back({id, members[i].host, members[i].name, "", false});
      places_.push_back({view->get(), i, members[i].id, members[i].probe});
    }
    views_.push_back(*std::move(view));
  }
}

void MembersAsked::Ask(size_t i) {
  const Place& place = places_[i];
  const HealthAnswer answer = place.view->AskHealth(place.index);
  members_[i].auth = answer.auth;
  std::string& trouble = members_[i].trouble;
  // With an alarm a member may answer whoever reads; and it is why it does not.
  if (answer.kind != HealthAnswer::kNone) {
    for (const EtcdAlarm& alarm : place.view->AskAlarms(place.index)) {
      // Every member tells of all of them.
      if (IsOfAnother(place, alarm)) continue;
      trouble = absl::StrCat(members_[i].name, " has the alarm ", alarm.name, " (", place.probe,
                             "): ", AlarmAdvice(alarm.name));
      return;
    }
  }
  if (answer.kind == HealthAnswer::kHealthy) return;
  trouble = absl::StrCat(members_[i].name, " does not serve: ", Shown(answer.seen), " (", place.probe, ")");
}

// Of one that was added by hand the id is not known: its alarm is everybody's.
bool MembersAsked::IsOfAnother(const Place& place, const EtcdAlarm& alarm) const {
  return std::any_of(places_.begin(), places_.end(), [&](const Place& it) {
    return it.view == place.view && it.index != place.index && it.id == alarm.member_id;
  });
}

}  // namespace kplan
