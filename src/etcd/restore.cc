#include "src/etcd/restore.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/at_once.h"
#include "src/base/digest.h"
#include "src/base/text.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/facts/etcd_ids.h"
#include "src/etcd/hash_kv.h"
#include "src/etcd/rollout_etcd.h"
#include "src/etcd/snapshot_auth.h"
#include "src/host/host_file.h"
#include "src/step/etcd_records.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

constexpr char kLabel[] = "restore/etcd";

class Restore {
 public:
  Restore(const RestorePlan& plan, const SnapshotInfo& snapshot, HostAccess* hosts, ClusterView* view,
          absl::FunctionRef<void(const std::string&)> tell)
      : plan_(plan),
        members_(plan.cluster.members),
        snapshot_(snapshot),
        hosts_(hosts),
        view_(view),
        tell_(tell),
        // The same for this file and cluster each time, so that a second run knows what the first prepared.
        id_(Sha256Hex(absl::StrCat(snapshot.sha256, " ", plan.cluster.cluster_id)).substr(0, 16)),
        time_(absl::FormatTime("%E4Y%m%dT%H%M%E3SZ", absl::Now(), absl::UTCTimeZone())) {}

  absl::Status Run();

 private:
  RestorePartRecord Part(size_t i, const char* phase) const;
  absl::StatusOr<StepResult> Do(size_t i, const RestorePartRecord& part) const;
  // PHASE on all hosts at the same time; the errors of all that have one, as one.
  absl::Status DoAll(const char* phase) const;
  absl::Status Prepare();
  absl::Status Swap();
  absl::Status Start();
  absl::Status Compare();

  absl::Status Together(const std::vector<absl::Status>& statuses) const;

  const RestorePlan& plan_;
  const std::vector<PlannedMember>& members_;
  const SnapshotInfo& snapshot_;
  HostAccess* const hosts_;
  ClusterView* const view_;
  const absl::FunctionRef<void(const std::string&)> tell_;
  const std::string id_, time_;
};

absl::Status WithAdvice(const absl::Status& error, absl::string_view advice) {
  if (error.ok()) return error;
  return absl::Status(error.code(),
                      absl::StrCat(absl::StripSuffix(error.message(), "\n"), "\n  next: ", advice));
}

std::string InitialCluster(const PlannedCluster& cluster) {
  std::vector<std::string> entries;
  for (const PlannedMember& member : cluster.members) {
    for (const std::string& url : member.peer_urls) entries.push_back(absl::StrCat(member.name, "=", url));
  }
  return absl::StrJoin(entries, ",");
}

// Where the programs beside the etcd of SERVICE are, inside its root.
std::string EtcdctlBeside(const ServiceRecord& service) {
  const std::string etcd = service.argv.empty() ? "" : service.argv[0].second;
  return absl::StrCat(etcd.substr(0, etcd.rfind('/') + 1), "etcdctl");
}

// The stage of DATA may lie at one of two places; this is only the name that the file travels under.
std::string TravelName(const std::string& data) {
  const size_t slash = data.rfind('/');
  return absl::StrCat(data.substr(0, slash + 1), ".", data.substr(slash + 1), ".kplan-restore/snapshot.db");
}

RestorePartRecord Restore::Part(size_t i, const char* phase) const {
  RestorePartRecord part;
  part.phase = phase;
  part.restore = id_;
  part.root = members_[i].root;
  part.data = members_[i].data;
  part.wal = members_[i].wal;
  part.service = plan_.services[i];
  return part;
}

absl::StatusOr<StepResult> Restore::Do(size_t i, const RestorePartRecord& part) const {
  return hosts_->RunStep(members_[i].host, kLabel, ToJson(part));
}

absl::Status Restore::Together(const std::vector<absl::Status>& statuses) const {
  std::vector<std::string> texts;
  absl::StatusCode code = absl::StatusCode::kOk;
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (statuses[i].ok()) continue;
    code = statuses[i].code();
    const std::string host = absl::StrCat("host ", members_[i].host, ": ");
    texts.push_back(absl::StrCat(host, absl::StripPrefix(statuses[i].message(), host)));
  }
  return absl::Status(code, absl::StrJoin(texts, "\n"));
}

absl::Status Restore::DoAll(const char* phase) const {
  std::vector<absl::Status> statuses(members_.size());
  AtOnce(members_.size(), [&](size_t i) { statuses[i] = Do(i, Part(i, phase)).status(); });
  return Together(statuses);
}

absl::Status Restore::Prepare() {
  std::vector<absl::Status> statuses(members_.size());
  const absl::Time begun = absl::Now();
  AtOnce(members_.size(), [&](size_t i) {
    RestorePartRecord part = Part(i, RestorePartRecord::kPrepare);
    part.service.reset();
    part.file = plan_.snapshot_name;
    part.from = snapshot_.path;
    part.target = TravelName(members_[i].data);
    part.name = members_[i].name;
    part.member_id = members_[i].id;
    part.cluster_id = plan_.cluster.cluster_id;
    part.initial_cluster = InitialCluster(plan_.cluster);
    part.token = plan_.token;
    part.peer_urls = members_[i].peer_urls;
    part.etcdctl = EtcdctlBeside(plan_.services[i]);
    part.mode = plan_.folders[i].mode;
    part.owner = plan_.folders[i].owner;
    part.revision = snapshot_.revision;
    part.time = time_;
    statuses[i] = Do(i, part).status();
  });
  absl::Status status = Together(statuses);
  if (status.ok()) {
    std::vector<std::string> names;
    for (const PlannedMember& member : members_) names.push_back(member.name);
    tell_(absl::StrFormat("prepared %s: revision %d, in %.1f s", JoinAnd(names), snapshot_.revision,
                          absl::ToDoubleSeconds(absl::Now() - begun)));
    return status;
  }
  absl::Status discarded = DoAll(RestorePartRecord::kDiscard);
  return WithAdvice(
      status, discarded.ok() ? "nothing was stopped or replaced; put that right, and run kplan restore again"
                             : "nothing was stopped or replaced, but what was prepared lies there still; put "
                               "that right, and run kplan restore again");
}

absl::Status Restore::Swap() {
  for (size_t i = 0; i < members_.size(); ++i) {
    absl::StatusOr<StepResult> result = Do(i, Part(i, RestorePartRecord::kSwap));
    if (!result.ok()) {
      std::vector<absl::Status> statuses(members_.size());
      statuses[i] = result.status();
      return Together(statuses);
    }
    const std::string shown = PathFromHere(members_[i].root == "/" ? "" : members_[i].root, members_[i].data);
    tell_(absl::StrCat(members_[i].host, ": ", shown, " has the snapshot's data",
                       result->output.empty() ? "" : absl::StrCat("; what was there is ", result->output)));
  }
  return absl::OkStatus();
}

absl::Status Restore::Start() {
  RolloutPlan rollout;
  rollout.cluster = plan_.cluster;
  rollout.services = plan_.services;
  rollout.timeout = plan_.timeout;
  return RollOut(rollout, hosts_, view_, Clock::Real(), tell_).status();
}

absl::Status Restore::Compare() {
  if (plan_.unchecked) {
    tell_(absl::StrCat(
        members_.size() == 1 ? "the member serves" : "all members serve",
        "; what they have was not compared (--unchecked). As root: ",
        EtcdctlLine(plan_.cluster.etcdctl, plan_.cluster.probes(),
                    {"--user=root", "endpoint", "hashkv", absl::StrCat("--rev=", snapshot_.revision)})));
    return absl::OkStatus();
  }
  absl::StatusOr<HashKvs> hashes = AskHashKvs(plan_.cluster, snapshot_.revision);
  if (!hashes.ok()) return hashes.status();
  absl::Status same = CompareHashKvs(plan_.cluster, *hashes, snapshot_.revision);
  if (!same.ok()) return same;
  absl::StatusOr<int64_t> keys = CountKeys(plan_.cluster, snapshot_.revision);
  if (!keys.ok()) return keys.status();
  tell_(absl::StrCat(members_.size() == 1 ? "the member serves" : "all members serve", " revision ",
                     snapshot_.revision, ", ", Count(static_cast<size_t>(*keys), "key"), ", with the hash ",
                     hashes->begin()->hash));
  return absl::OkStatus();
}

absl::Status Restore::Run() {
  if (absl::Status status = Prepare(); !status.ok()) return status;
  if (absl::Status status = DoAll(RestorePartRecord::kStop); !status.ok()) {
    return WithAdvice(status,
                      "members may be stopped; nothing was replaced. Run kplan restore again, or ninja, "
                      "which starts them with the data that they had");
  }
  tell_("stopped");
  absl::Status status = DoAll(RestorePartRecord::kHold);
  if (status.ok()) status = Swap();
  if (status.ok()) status = DoAll(RestorePartRecord::kRelease);
  if (!status.ok()) {
    return WithAdvice(
        status,
        "some members may have the snapshot's data now and some their own, and nobody is started with that; "
        "put that right, and run kplan restore again with the same file: it goes on from here");
  }
  const char kPlace[] = "all members have the snapshot's data; what was there before lies beside it";
  if (status = Start(); !status.ok()) {
    return WithAdvice(status, absl::StrCat(kPlace, ". When the cause is removed, ninja starts them"));
  }
  return WithAdvice(Compare(), kPlace);
}

}  // namespace

absl::Status CheckComparable(const RestorePlan& plan, const SnapshotInfo& snapshot) {
  const std::string user = UserOf(plan.cluster.etcdctl);
  absl::StatusOr<SnapshotAuth> auth = ReadSnapshotAuth(snapshot.path, user);
  if (!auth.ok()) {
    return absl::Status(
        auth.status().code(),
        absl::StrCat("cannot see whether auth is enabled in this snapshot: ", auth.status().message(),
                     ". --unchecked restores it, and does not compare what members have"));
  }
  if (auth->IsRoot()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "auth is enabled in this snapshot, and ", UserText(plan.cluster.etcdctl, user),
      ", as whom kplan asks, ", auth->roles.has_value() ? "has no role root in it" : "is no user in it",
      ". The members would come up, but etcd tells the hash of what they have to root alone, so that they "
      "could not be compared. Take a client certificate whose CN is root, or another user with the role root "
      "(`etcd.tls.client`); or restore without that check: --unchecked"));
}

absl::Status CheckPlannedIds(const RestorePlan& plan) {
  std::vector<std::string> ids;
  for (const PlannedMember& member : plan.cluster.members) {
    ids.push_back(PredictedMemberId(member.peer_urls, plan.token));
    if (ids.back() == member.id) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(member.name, " would become member ", ids.back(), " with the token ", Quote(plan.token),
                     ", and the plan has member ", member.id, "; run `kplan gen` again"));
  }
  if (PredictedClusterId(ids) == plan.cluster.cluster_id) return absl::OkStatus();
  return absl::FailedPreconditionError("the members of the plan are not its cluster; run `kplan gen` again");
}

absl::StatusOr<RestoreLook> LookBeforeRestore(const RestorePlan& plan, HostAccess* hosts) {
  const std::vector<PlannedMember>& members = plan.cluster.members;
  RestoreLook look;
  look.data.resize(members.size());
  look.running.resize(members.size());
  std::vector<absl::Status> statuses(members.size());
  AtOnce(members.size(), [&](size_t i) {
    EtcdDataQuestion question = {members[i].data, members[i].root};
    question.wal = members[i].wal;
    absl::StatusOr<Json> answer = hosts->Ask(members[i].host, ToJson(question));
    absl::StatusOr<EtcdData> data =
        answer.ok() ? ParseEtcdData(*answer) : absl::StatusOr<EtcdData>(answer.status());
    if (!data.ok()) {
      statuses[i] = data.status();
      return;
    }
    look.data[i] = *std::move(data);
    absl::StatusOr<ServiceLookAnswer> seen = ReadAnswer<ServiceLookAnswer>(
        hosts->Ask(members[i].host, ToJson(ServiceLookQuestion{plan.services[i]})));
    statuses[i] = seen.status();
    look.running[i] = seen.ok() && !seen->starts;
  });
  std::vector<std::string> texts;
  for (size_t i = 0; i < members.size(); ++i) {
    if (!statuses[i].ok()) texts.push_back(absl::StrCat("  ", members[i].host, ": ", statuses[i].message()));
  }
  if (!texts.empty()) {
    return absl::UnavailableError(
        absl::StrCat("nothing was touched: a restore needs all members, and how these are cannot be seen:\n",
                     absl::StrJoin(texts, "\n")));
  }
  if (std::none_of(look.running.begin(), look.running.end(), [](char runs) { return runs; })) return look;
  for (const MemberAnswer& answer : AskLiveCluster(plan.cluster).answers) {
    if (answer.status.ok()) look.revision = std::max(look.revision, answer.status->revision);
    look.forbidden = look.forbidden || answer.forbidden();
  }
  return look;
}

std::string WhatRestoreReplaces(const RestorePlan& plan, const RestoreLook& look,
                                const SnapshotInfo& snapshot) {
  std::string text;
  for (size_t i = 0; i < look.data.size(); ++i) {
    const PlannedMember& member = plan.cluster.members[i];
    const EtcdData& data = look.data[i];
    std::string has;
    if (!data.strange.empty()) {
      has = data.strange;
    } else if (data.initialised) {
      has = absl::StrCat("has data", data.cluster_id == plan.cluster.cluster_id
                                         ? ""
                                         : absl::StrCat(" of another cluster, ", data.cluster_id));
    } else if (!look.running[i]) {
      continue;
    }
    if (!data.held.empty()) absl::StrAppend(&has, "; a restore of ", data.held, " was begun");
    absl::StrAppend(&text, "  ", member.name, look.running[i] ? " runs" : "",
                    look.running[i] && !has.empty() ? ", " : " ", has, "\n");
  }
  if (!text.empty() && look.revision == 0 && look.forbidden) {
    absl::StrAppend(&text, "  at which revision the cluster is cannot be asked: auth does not let ",
                    UserText(plan.cluster.etcdctl, UserOf(plan.cluster.etcdctl)),
                    "; the snapshot is at revision ", snapshot.revision, "\n");
  }
  if (text.empty() || look.revision == 0) return text;
  absl::StrAppend(&text, "  the cluster is at revision ", look.revision, ", the snapshot at revision ",
                  snapshot.revision);
  if (look.revision > snapshot.revision)
    absl::StrAppend(&text, ": ", look.revision - snapshot.revision, " would be lost");
  return absl::StrCat(text, "\n");
}

absl::Status RestoreCluster(const RestorePlan& plan, const SnapshotInfo& snapshot, HostAccess* hosts,
                            ClusterView* view, absl::FunctionRef<void(const std::string&)> tell) {
  if (absl::Status status = CheckPlannedIds(plan); !status.ok()) return status;
  return Restore(plan, snapshot, hosts, view, tell).Run();
}

}  // namespace kplan
