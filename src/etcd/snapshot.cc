#include "src/etcd/snapshot.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/base/bytes_text.h"
#include "src/base/files.h"
#include "src/etcd/alarm.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/hash_kv.h"
#include "src/etcd/member_read.h"
#include "src/etcd/snapshot_folder.h"

namespace kplan {
namespace {

// So many entries of the log behind the others a member still counts as one that has caught up: it catches up
// while it is asked.
constexpr uint64_t kFewEntries = 1000;
// Kept free on the disk beside a snapshot, for everybody else.
constexpr int64_t kRoom = 16 << 20;

constexpr absl::Duration kReadTime = absl::Seconds(30);

constexpr int64_t kFirstRevision = 1;

constexpr char kSaved[] = "snapshot.db";  // in the folder that it is saved in

bool IsCorrupt(const EndpointStatus& status) {
  const std::vector<EtcdAlarm> alarms = AlarmsAmong(status.errors);
  return std::any_of(alarms.begin(), alarms.end(), [&](const EtcdAlarm& alarm) {
    return alarm.name == "CORRUPT" && alarm.member_id == status.member_id;
  });
}

uint64_t LastIndexOf(const LiveCluster& live) {
  uint64_t last = 0;
  for (const MemberAnswer& answer : live.answers) {
    if (answer.status.ok()) last = std::max(last, answer.status->raft_index);
  }
  return last;
}

// The revision that a member of CLUSTER says it has, the highest.
int64_t LastRevision(const PlannedCluster& cluster, const LiveCluster& live) {
  int64_t last = 0;
  for (const MemberAnswer& answer : live.answers) {
    if (answer.status.ok() && answer.status->cluster_id == cluster.cluster_id)
      last = std::max(last, answer.status->revision);
  }
  return last;
}

absl::Status CheckRoom(const std::string& folder, int64_t bytes) {
  struct statvfs disk;
  if (statvfs(folder.c_str(), &disk) != 0) return ErrnoStatus(errno, absl::StrCat("cannot look at ", folder));
  const auto free = static_cast<int64_t>(disk.f_bavail * disk.f_frsize);
  if (free >= bytes + kRoom) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "there is no room for it in ", folder, ": it has about ", BytesText(bytes), ", and ", BytesText(free),
      " are free, of which ", BytesText(kRoom), " have to stay so; remove older snapshots, or make room"));
}

// What to type where auth forbids it.
absl::Status Forbidden(const PlannedCluster& cluster, const PlannedMember& member) {
  return absl::PermissionDeniedError(WantOfRights(cluster.etcdctl, {member.probe},
                                                  AskClientRights(cluster.etcdctl, member.probe),
                                                  EtcdRight::kRoot, "take a snapshot"));
}

// Has MEMBER save one as PATH, and checks it. *FORBIDDEN: auth does not let it, nor any other member.
absl::StatusOr<SnapshotInfo> SaveFrom(const PlannedCluster& cluster, const PlannedMember& member,
                                      const EndpointStatus& status, const std::string& path, int64_t revision,
                                      bool* forbidden) {
  if (status.leader_id.empty()) {
    revision = status.revision;
  } else if (absl::Status caught_up = ReadByEtcdctl(cluster.etcdctl, member.probe, kReadTime);
             !caught_up.ok()) {
    // It has all that a client was told was written only once it has read through the quorum.
    return WithoutLog(caught_up);
  }
  std::error_code error;
  const std::string target = std::filesystem::absolute(path, error).string();
  if (error) return ErrnoStatus(error.value(), absl::StrCat("cannot tell where ", path, " is"));
  absl::Status saved = RunEtcdctl(cluster.etcdctl, {member.probe}, {"snapshot", "save", target},
                                  TimeForSnapshot(status.db_size))
                           .status();
  if (!saved.ok()) {
    *forbidden = IsForWantOfRights(saved.message());
    return *forbidden ? Forbidden(cluster, member) : WithoutLog(saved);
  }
  absl::StatusOr<SnapshotInfo> info = CheckSnapshot(SnapshotProgram(cluster.etcdctl.program), path);
  if (!info.ok()) return info.status();
  // A store that nothing was ever written to is at revision 1, of which there is nothing in its file.
  if (std::max(info->revision, kFirstRevision) < revision) {
    return absl::DataLossError(absl::StrCat("it has revision ", info->revision,
                                            ", and the cluster had revision ", revision, " before"));
  }
  return info;
}

// Takes one into SAVING; NAME gives the path that it is kept under.
absl::StatusOr<TakenSnapshot> TakeInto(const PlannedCluster& cluster, const SavingFolder& saving,
                                       const std::function<std::string(const SnapshotInfo&)>& name) {
  const absl::Time begun = absl::Now();
  const LiveCluster live = AskLiveCluster(cluster);
  const std::vector<size_t> sources = SnapshotSources(cluster, live);
  std::vector<std::string> whys;
  for (size_t i : sources) {
    const PlannedMember& member = cluster.members[i];
    const EndpointStatus& status = *live.answers[i].status;
    if (absl::Status room = CheckRoom(saving.path(), status.db_size); !room.ok()) return room;
    const std::string path = absl::StrCat(saving.path(), "/", kSaved);
    bool forbidden = false;
    absl::StatusOr<SnapshotInfo> info =
        SaveFrom(cluster, member, status, path, LastRevision(cluster, live), &forbidden);
    if (forbidden) return info.status();
    if (!info.ok()) {
      whys.push_back(absl::StrCat(member.name, " (", member.probe, "): ", info.status().message()));
      continue;
    }
    TakenSnapshot taken;
    taken.info = *std::move(info);
    taken.member = member.name;
    taken.without_quorum = status.leader_id.empty();
    // For the person alone: that they cannot be counted makes no other snapshot of it.
    absl::StatusOr<int64_t> keys = absl::UnavailableError("no member serves");
    if (!taken.without_quorum) keys = CountKeys(cluster, taken.info.revision);
    if (keys.ok()) taken.info.keys = *keys;
    absl::Status kept;
    do {
      taken.info.path = name(taken.info);
      kept = saving.Keep(kSaved, taken.info.path);
      // When two are taken in one millisecond, the second gets another name. A name that was asked for stays.
    } while (absl::IsAlreadyExists(kept) && name(taken.info) != taken.info.path);
    if (!kept.ok()) return kept;
    taken.took = absl::Now() - begun;
    return taken;
  }
  if (sources.empty()) {
    for (size_t i = 0; i < cluster.members.size(); ++i) {
      if (live.answers[i].forbidden()) return Forbidden(cluster, cluster.members[i]);
      const absl::Status& said = live.answers[i].status.status();
      whys.push_back(absl::StrCat(cluster.members[i].name, " (", cluster.members[i].probe, "): ",
                                  said.ok() ? "it cannot be trusted with one" : WithoutLog(said).message()));
    }
  }
  return absl::UnavailableError(absl::StrCat("no member gives one: ", absl::StrJoin(whys, "; ")));
}

}  // namespace

std::string TakenSnapshot::Describe() const {
  return absl::StrCat(info.path, ": ", info.Describe(), ", from ", member,
                      absl::StrFormat(" in %.1f s", absl::ToDoubleSeconds(took)),
                      without_quorum ? "; no member serves, and this is what that one has" : "");
}

std::vector<size_t> SnapshotSources(const PlannedCluster& cluster, const LiveCluster& live) {
  const uint64_t last = LastIndexOf(live);
  std::vector<size_t> sources;
  for (size_t i = 0; i < live.answers.size(); ++i) {
    const absl::StatusOr<EndpointStatus>& status = live.answers[i].status;
    if (status.ok() && status->cluster_id == cluster.cluster_id && !status->learner && !IsCorrupt(*status))
      sources.push_back(i);
  }
  const auto rank = [&](size_t i) {
    const EndpointStatus& status = *live.answers[i].status;
    const bool leads = status.leader_id == status.member_id;
    const bool behind = status.raft_applied_index + kFewEntries < last;
    const uint64_t lacks = last - std::min(last, status.raft_applied_index);
    return std::make_tuple(status.leader_id.empty(), leads || behind, lacks, i);
  };
  std::sort(sources.begin(), sources.end(), [&](size_t a, size_t b) { return rank(a) < rank(b); });
  return sources;
}

absl::StatusOr<TakenSnapshot> TakeSnapshot(const PlannedCluster& cluster, const SnapshotPolicy& policy) {
  if (absl::Status status = MakeSnapshotFolder(policy.folder); !status.ok()) return status;
  absl::StatusOr<SavingFolder> saving = SavingFolder::Make(policy.folder, ".saving-");
  if (!saving.ok()) return saving.status();
  SnapshotName name;
  name.cluster_id = cluster.cluster_id;
  name.before_restart = policy.before_restart;
  name.taken = absl::InfinitePast();
  absl::StatusOr<TakenSnapshot> taken = TakeInto(cluster, *saving, [&](const SnapshotInfo& info) {
    name.revision = info.revision;
    // Asked again, it has to be another one.
    name.taken = std::max(absl::Now(), name.taken + absl::Milliseconds(1));
    return absl::StrCat(policy.folder, "/", name.ToString());
  });
  if (!taken.ok() || policy.keep == 0) return taken;
  absl::StatusOr<std::vector<std::string>> removed =
      RemoveOldSnapshots(policy.folder, taken->info.path.substr(policy.folder.size() + 1), policy.keep);
  if (!removed.ok()) return removed.status();
  taken->removed = *std::move(removed);
  return taken;
}

absl::StatusOr<TakenSnapshot> TakeSnapshotAs(const PlannedCluster& cluster, const std::string& path) {
  struct stat there;
  if (lstat(path.c_str(), &there) == 0)
    return absl::AlreadyExistsError(absl::StrCat(path, " is there already; give it another name"));
  const std::string folder = FolderOf(path);
  absl::StatusOr<SavingFolder> saving =
      SavingFolder::Make(folder, absl::StrCat(".", path.substr(path.rfind('/') + 1), ".saving-"));
  if (!saving.ok()) return saving.status();
  return TakeInto(cluster, *saving, [&](const SnapshotInfo&) { return path; });
}

}  // namespace kplan
