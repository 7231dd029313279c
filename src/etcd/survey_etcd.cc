// That the hosts of a cluster are the right ones, before anything on them is touched. It fails with all that
// is wrong at once; it makes nothing.
//
// Its digest is over the planned ids, and not over who has data: what is put on the hosts must not become
// stale because a cluster was made there. Members that have data and are silent are in it, so that the
// rollout, which has this as an input, starts them.

#include "src/etcd/survey_etcd.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/at_once.h"
#include "src/base/digest.h"
#include "src/step/outlook.h"
#include "src/step/questions.h"
#include "src/step/step.h"

namespace kplan {
namespace {

std::string SurveyDigest(const PlannedCluster& cluster, const std::vector<size_t>& stopped = {}) {
  std::string text = absl::StrCat(cluster.cluster_id, "\n");
  for (const PlannedMember& member : cluster.members) {
    absl::StrAppend(&text, member.host, " ", member.name, " ", member.id, " ", member.root, " ", member.data,
                    "\n");
  }
  for (size_t i : stopped) absl::StrAppend(&text, "stopped: ", cluster.members[i].name, "\n");
  return Sha256Hex(text);
}

}  // namespace

bool IsOnThisMachine(const PlannedCluster& cluster) {
  return std::none_of(cluster.members.begin(), cluster.members.end(),
                      [](const PlannedMember& member) { return member.remote; });
}

absl::StatusOr<EtcdData> AskEtcdData(HostAccess* hosts, const PlannedMember& member, bool versions) {
  EtcdDataQuestion question = {member.data, member.root, versions};
  if (member.manager == "systemd" && member.root == "/") question.unit = member.unit;
  if (hosts == nullptr && member.remote) return absl::InternalError("no way to reach the host");
  absl::StatusOr<Json> answer =
      hosts == nullptr ? EtcdDataJson(question) : hosts->Ask(member.host, ToJson(question));
  if (!answer.ok()) return answer.status();
  return ParseEtcdData(*answer);
}

SurveyVerdict TakeEtcdSurvey(HostAccess* hosts, const PlannedCluster& cluster, bool versions, bool rights) {
  std::vector<absl::StatusOr<EtcdData>> found(cluster.members.size(), absl::UnknownError("not asked"));
  LiveCluster live;
  AtOnce(found.size() + 1, [&](size_t i) {
    if (i < found.size()) {
      found[i] = AskEtcdData(hosts, cluster.members[i], versions);
    } else {
      live = AskLiveCluster(cluster);
      if (rights) AskForRights(cluster, &live);
    }
  });
  return DecideOnSurvey(cluster, found, live);
}

absl::StatusOr<StepResult> SurveyStep(const StepContext& context, const SurveyRecord& record) {
  absl::StatusOr<PlannedCluster> cluster = ReadPlannedCluster(record.cluster, record.version, context.hosts);
  if (!cluster.ok()) return cluster.status();
  const SurveyVerdict verdict = TakeEtcdSurvey(context.hosts, *cluster);
  if (absl::Status status = verdict.status(); !status.ok()) return status;
  StepResult result;
  result.digest = SurveyDigest(*cluster, verdict.stopped);
  result.output = absl::StrCat(context.label, ": ", verdict.summary, "\n");
  return result;
}

// As the step, where all members are this machine's. Of others it looks at nothing: whoever reaches their
// hosts, asks (look/refusals.h).
absl::StatusOr<Outlook> SurveyLook(const LookContext&, const SurveyRecord& record) {
  absl::StatusOr<PlannedCluster> cluster = ReadPlannedCluster(record.cluster, record.version);
  if (!cluster.ok()) return cluster.status();
  SurveyVerdict verdict;
  if (IsOnThisMachine(*cluster)) {
    // What auth forbids matters when the survey runs, and whether it will is not known here.
    verdict = TakeEtcdSurvey(nullptr, *cluster, /*versions=*/true, /*rights=*/false);
    verdict.forbidden.clear();
  } else {
    std::vector<absl::StatusOr<EtcdData>> found;
    for (const PlannedMember& member : cluster->members) {
      found.push_back(member.remote ? EtcdData() : AskEtcdData(nullptr, member, /*versions=*/false));
    }
    verdict.problems = FolderProblems(*cluster, found);
  }
  if (absl::Status status = verdict.status(); !status.ok()) return status;
  Outlook outlook;
  outlook.digest = SurveyDigest(*cluster, verdict.stopped);
  return outlook;
}

}  // namespace kplan
