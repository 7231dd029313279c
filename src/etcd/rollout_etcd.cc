// rollout-etcd: {"cacert":"pki/ca.pem", "cert":"pki/root.pem", "cluster-id":"..", "etcdctl":"archives/...",
//   "key":"pki/root-key.pem", "kind":"rollout-etcd", "max-unavailable":1, "members":[{..., "service":{a
//   record of the kind "service"}},...], "snapshot":{"dir":"snapshots", "keep":3}, "timeout":SECONDS}
//   (etcd_cluster.h, steps/service/service.cc)
// That all members of a cluster run with what the plan wants them to run with, and serve: the services of all
// of them in one step, because whether one may be restarted depends on how the others are.
//
// "snapshot" is optional: before the first restart of a run one is taken (snapshot.h), and so many are kept.
// Where that fails no member is restarted.
//
// Its digest is over the digest of every member's service: which instance runs, with which inputs.
//
// Two at once: a second kplan in this folder waits for the first (.kplan/rollout/etcd.lock). One from another
// machine is not held off by that. Each member's own service lock lies on its host, so nobody is restarted
// twice; both go by the same order and look again before each member, so they mostly walk together; but
// between one's look and its restart the other can take another member, and three members are then without a
// quorum until the first of the two is back.

#include "src/etcd/rollout_etcd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/etcd/etcd_steps.h"
#include "src/step/outlook.h"

namespace kplan {
namespace {

constexpr char kLock[] = ".kplan/rollout/etcd.lock";

// Waits until no other kplan in this folder rolls. Held while it is open.
absl::StatusOr<UniqueFd> LockRollout() {
  if (absl::Status status = MakeFolders(FolderOf(kLock)); !status.ok()) return status;
  UniqueFd lock(open(kLock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", kLock));
  if (absl::Status status = AwaitLock(lock.get(), LOCK_EX, kLock); !status.ok()) return status;
  return lock;
}

}  // namespace

absl::StatusOr<RolloutPlan> ReadRolloutPlan(const Record& record) {
  absl::StatusOr<PlannedCluster> cluster = ReadPlannedCluster(record);
  if (!cluster.ok()) return cluster.status();
  RolloutPlan plan;
  plan.cluster = *std::move(cluster);
  plan.max_unavailable = static_cast<int>(record.Int("max-unavailable"));
  plan.timeout = absl::Seconds(record.Int("timeout"));
  if (!record.status().ok()) return record.status();
  if (auto found = record.json().find("snapshot"); found != record.json().end()) {
    const Record wanted(found->is_object() ? *found : Json::object());
    SnapshotPolicy policy;
    policy.folder = wanted.String("dir");
    policy.keep = static_cast<int>(wanted.Int("keep"));
    policy.before_restart = true;
    if (!wanted.status().ok()) return wanted.status();
    plan.snapshot = policy;
  }
  for (const PlannedMember& member : plan.cluster.members) {
    auto service = member.json.find("service");
    if (service == member.json.end() || !service->is_object()) {
      return absl::DataLossError(absl::StrCat("the record has no service of ", member.name));
    }
    plan.services.emplace_back(*service);
    plan.services.back().String("manager");
    plan.services.back().String("name");
    plan.services.back().String("root");
    if (absl::Status status = plan.services.back().status(); !status.ok()) return status;
  }
  return plan;
}

std::string SnapshotNote(const Record& record, bool restarts) {
  return restarts && record.Has("snapshot") ? "after a snapshot" : "";
}

absl::StatusOr<StepResult> RolloutEtcdStep(const StepContext& context, const Record& record) {
  absl::StatusOr<RolloutPlan> plan = ReadRolloutPlan(record);
  if (!plan.ok()) return plan.status();
  if (context.hosts == nullptr) return absl::InternalError("no way to reach the hosts");
  absl::StatusOr<UniqueFd> lock = LockRollout();
  if (!lock.ok()) return lock.status();
  absl::StatusOr<std::unique_ptr<ClusterView>> view = OpenClusterView(plan->cluster);
  if (!view.ok()) return view.status();
  return RollOut(*plan, context.hosts, view->get());
}

// Contacts no host, and asks no member. What becomes of members elsewhere is for whoever has kept what went
// there (look/rollout_look.h).
absl::StatusOr<Outlook> RolloutEtcdLook(const LookContext& context, const Record& record) {
  absl::StatusOr<RolloutPlan> plan = ReadRolloutPlan(record);
  if (!plan.ok()) return plan.status();
  Outlook outlook;
  for (size_t i = 0; i < plan->services.size(); ++i) {
    const PlannedMember& member = plan->cluster.members[i];
    const Record& service = plan->services[i];
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
    seen.service = service.String("name");
    if (seen.reasons.empty()) continue;
    outlook.starts = outlook.starts || seen.starts;
    outlook.restarts = outlook.restarts || seen.restarts;
    for (const Reason& reason : seen.reasons) {
      const auto same = [&](const Reason& other) { return other.text == reason.text; };
      if (std::none_of(outlook.reasons.begin(), outlook.reasons.end(), same))
        outlook.reasons.push_back(reason);
    }
    outlook.services.push_back(std::move(seen));
  }
  outlook.note = SnapshotNote(record, outlook.restarts);
  return outlook;
}

}  // namespace kplan
