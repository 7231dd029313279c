// That all members of a cluster run with what the plan wants them to run with, and serve: the services of all
// of them in one step, because whether one may be restarted depends on how the others are.
//
// Where the snapshot (snapshot.h) that the record wants cannot be taken, no member is restarted.
//
// Its digest is over the digest of every member's service: which instance runs, with which inputs.
//
// Two at once: a second kplan in this folder waits for the first (.kplan/rollout/etcd.lock). One of another
// folder, or another machine, is held off by a lock in the cluster itself, from the first restart on
// (cluster_lock.h); then it looks at everything anew.

#include "src/etcd/rollout_etcd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/base/reason_list.h"
#include "src/base/text.h"
#include "src/etcd/survey_etcd.h"
#include "src/step/outlook.h"

namespace kplan {
namespace {

constexpr char kLock[] = ".kplan/rollout/etcd.lock";

// Waits until no other kplan in this folder rolls. Held while it is open.
absl::StatusOr<UniqueFd> LockRollout() {
  if (absl::Status status = MakeFolders(FolderOf(kLock)); !status.ok()) return status;
  UniqueFd lock(disk::Open(kLock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", kLock));
  if (absl::Status status = GiveToOwnerOf(paths::kState, FolderOf(kLock)); !status.ok()) return status;
  if (absl::Status status = AwaitLock(lock.get(), LOCK_EX, kLock); !status.ok()) return status;
  return lock;
}

}  // namespace

absl::StatusOr<RolloutPlan> ReadRolloutPlan(const RolloutRecord& record, HostAccess* hosts) {
  absl::StatusOr<PlannedCluster> cluster = ReadPlannedCluster(record.cluster, /*version=*/"", hosts);
  if (!cluster.ok()) return cluster.status();
  RolloutPlan plan;
  plan.cluster = *std::move(cluster);
  plan.max_unavailable = static_cast<int>(record.max_unavailable);
  plan.timeout = absl::Seconds(record.timeout);
  if (record.snapshot.has_value()) {
    SnapshotPolicy policy;
    policy.folder = record.snapshot->dir;
    policy.keep = static_cast<int>(record.snapshot->keep);
    policy.before_restart = true;
    plan.snapshot = policy;
    plan.cluster.snapshots = true;
  }
  for (const MemberRecord& member : record.cluster.members) {
    if (!member.service.has_value())
      return absl::DataLossError(absl::StrCat("the record has no service of ", member.name));
    plan.services.push_back(*member.service);
  }
  return plan;
}

std::string SnapshotNote(const RolloutRecord& record, bool restarts) {
  return restarts && record.snapshot.has_value() ? "after a snapshot" : "";
}

absl::StatusOr<StepResult> RolloutStep(const StepContext& context, const RolloutRecord& record) {
  return RollOutPart(context, record, {});
}

absl::StatusOr<StepResult> RollOutPart(const StepContext& context, const RolloutRecord& record,
                                       const std::vector<std::string>& hosts) {
  absl::StatusOr<RolloutPlan> plan = ReadRolloutPlan(record, context.hosts);
  if (!plan.ok()) return plan.status();
  for (const std::string& host : hosts) {
    const std::vector<PlannedMember>& members = plan->cluster.members;
    if (std::none_of(members.begin(), members.end(), [&](const auto& member) { return member.host == host; }))
      return absl::InvalidArgumentError(absl::StrCat("no member is on ", Quote(host)));
  }
  plan->hosts = hosts;
  if (context.hosts == nullptr) return absl::InternalError("no way to reach the hosts");
  absl::StatusOr<UniqueFd> lock = LockRollout();
  if (!lock.ok()) return lock.status();
  absl::StatusOr<std::unique_ptr<ClusterView>> view = OpenClusterView(plan->cluster);
  if (!view.ok()) return view.status();
  return RollOut(*plan, context.hosts, view->get(), context.clock, context.tell);
}

// Contacts no host. What becomes of members elsewhere is for whoever has kept what went there
// (look/rollout_look.h).
absl::StatusOr<Outlook> RolloutLook(const LookContext& context, const RolloutRecord& record) {
  absl::StatusOr<RolloutPlan> plan = ReadRolloutPlan(record);
  if (!plan.ok()) return plan.status();
  Outlook outlook;
  for (size_t i = 0; i < plan->services.size(); ++i) {
    const PlannedMember& member = plan->cluster.members[i];
    const ServiceRecord& service = plan->services[i];
    if (member.remote) continue;
    absl::StatusOr<Outlook> look = ServiceLook(context, service);
    if (!look.ok()) return look.status();
    outlook.changes_digest = outlook.changes_digest || look->changes_digest;
    ServiceOutlook seen;
    seen.starts = look->starts;
    seen.restarts = look->restarts;
    seen.reasons = std::move(look->reasons);
    seen.changes = std::move(look->changes);
    seen.host = member.host;
    seen.service = service.name;
    if (seen.reasons.empty()) continue;
    outlook.starts = outlook.starts || seen.starts;
    outlook.restarts = outlook.restarts || seen.restarts;
    for (const Reason& reason : seen.reasons) AddOnce(reason, &outlook.reasons);
    outlook.services.push_back(std::move(seen));
  }
  // As the rollout, before it starts one, or restarts one.
  if (outlook.starts && IsOnThisMachine(plan->cluster)) {
    absl::Status status =
        TakeEtcdSurvey(nullptr, plan->cluster, AskedOfData::kData, /*rights=*/outlook.restarts).status();
    if (!status.ok()) return status;
  } else if (outlook.restarts && IsOnThisMachine(plan->cluster)) {
    LiveCluster live = AskLiveCluster(plan->cluster);
    AskForRights(plan->cluster, &live);
    const std::string problem = RightsProblem(plan->cluster, live);
    if (!problem.empty()) return absl::FailedPreconditionError(problem);
  }
  outlook.note = SnapshotNote(record, outlook.restarts);
  return outlook;
}

}  // namespace kplan
