// That the hosts of a cluster are the right ones, before anything on them is touched. It fails with all that
// is wrong at once; it makes nothing.
//
// Its digest is over the planned ids, and not over who has data: what is put on the hosts must not become
// stale because a cluster was made there. Members that have data and are silent are in it, so that the
// rollout, which has this as an input, starts them.

#include "src/etcd/survey_etcd.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/at_once.h"
#include "src/base/digest.h"
#include "src/base/folders.h"
#include "src/step/outlook.h"
#include "src/step/questions.h"
#include "src/step/step.h"

namespace kplan {
namespace {

std::string SurveyDigest(const PlannedCluster& cluster, const std::vector<size_t>& stopped = {}) {
  std::string text = absl::StrCat(cluster.cluster_id, "\n");
  for (const PlannedMember& member : cluster.members) {
    absl::StrAppend(&text, member.host, " ", member.name, " ", member.id, " ", member.root, " ", member.data,
                    member.wal.empty() ? "" : " ", member.wal, "\n");
  }
  for (size_t i : stopped) absl::StrAppend(&text, "stopped: ", cluster.members[i].name, "\n");
  return Sha256Hex(text);
}

// The programs that are going to be beside MEMBER's etcd: those beside the etcdctl of CLUSTER, where they
// have been unpacked. Those of another architecture are about as large.
std::vector<GroundQuestion::Program> ProgramsOf(const PlannedCluster& cluster) {
  std::vector<GroundQuestion::Program> programs;
  const std::string folder = FolderOf(cluster.etcdctl.program);
  absl::StatusOr<std::vector<std::string>> names = ListFolder(folder);
  if (!names.ok()) return programs;  // not unpacked yet
  for (const std::string& name : *names) {
    struct stat info;
    if (!absl::StartsWith(name, "etcd")) continue;
    if (stat(absl::StrCat(folder, "/", name).c_str(), &info) == 0 && S_ISREG(info.st_mode))
      programs.push_back({name, info.st_size});
  }
  return programs;
}

GroundQuestion GroundFor(const PlannedCluster& cluster, const PlannedMember& member) {
  GroundQuestion ground;
  ground.manager = member.manager;
  ground.service = member.unit;
  ground.listens = member.listens;
  ground.bin = member.bin;
  ground.config = member.config;
  ground.programs = ProgramsOf(cluster);
  ground.sent = member.remote;
  return ground;
}

}  // namespace

bool IsOnThisMachine(const PlannedCluster& cluster) {
  return std::none_of(cluster.members.begin(), cluster.members.end(),
                      [](const PlannedMember& member) { return member.remote; });
}

absl::StatusOr<EtcdData> AskEtcdData(HostAccess* hosts, const PlannedCluster& cluster,
                                     const PlannedMember& member, AskedOfData asked) {
  const bool surveyed = asked == AskedOfData::kSurvey;
  EtcdDataQuestion question = {member.data, member.root, surveyed};
  question.wal = member.wal;
  if (member.manager == "systemd" && member.root == "/") question.unit = member.unit;
  if (surveyed) question.ground = GroundFor(cluster, member);
  if (hosts == nullptr && member.remote) return absl::InternalError("no way to reach the host");
  absl::StatusOr<Json> answer =
      hosts == nullptr ? EtcdDataJson(question) : hosts->Ask(member.host, ToJson(question));
  if (!answer.ok()) return answer.status();
  return ParseEtcdData(*answer);
}

SurveyVerdict TakeEtcdSurvey(HostAccess* hosts, const PlannedCluster& cluster, AskedOfData asked,
                             bool rights) {
  std::vector<absl::StatusOr<EtcdData>> found(cluster.members.size(), absl::UnknownError("not asked"));
  LiveCluster live;
  AtOnce(found.size() + 1, [&](size_t i) {
    if (i < found.size()) {
      found[i] = AskEtcdData(hosts, cluster, cluster.members[i], asked);
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
    verdict = TakeEtcdSurvey(nullptr, *cluster, AskedOfData::kSurvey, /*rights=*/false);
    verdict.forbidden.clear();
  } else {
    std::vector<absl::StatusOr<EtcdData>> found;
    for (const PlannedMember& member : cluster->members) {
      found.push_back(member.remote ? EtcdData()
                                    : AskEtcdData(nullptr, *cluster, member, AskedOfData::kData));
    }
    verdict.problems = FolderProblems(*cluster, found);
  }
  if (absl::Status status = verdict.status(); !status.ok()) return status;
  Outlook outlook;
  outlook.digest = SurveyDigest(*cluster, verdict.stopped);
  return outlook;
}

}  // namespace kplan
