#include "src/etcd/etcd_cluster.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/at_once.h"
#include "src/base/paths.h"
#include "src/base/url.h"
#include "src/etcd/facts/etcd_rights.h"
#include "src/etcd/facts/etcd_version.h"
#include "src/probe/listening.h"

namespace kplan {
namespace {

std::vector<std::string> Sorted(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  return texts;
}

// OK when something accepts a connection at PROBE. etcdctl itself takes five seconds to say that it could not
// connect.
absl::Status CanConnect(Dialer* dialer, const std::string& probe, absl::Duration timeout) {
  absl::StatusOr<HostPort> target = ParseHttpsUrl(probe);
  if (!target.ok()) return target.status();
  return dialer == nullptr ? DialFromHere(*target, absl::Now() + timeout).status()
                           : dialer->Dial(*target, timeout).status();
}

MemberAnswer NoAnswer(const absl::Status& status) {
  MemberAnswer answer;
  answer.status = status;
  answer.list = status;
  return answer;
}

absl::StatusOr<EndpointStatus> AskStatus(const Etcdctl& etcdctl, const std::string& probe,
                                         absl::Duration timeout) {
  absl::StatusOr<std::string> text =
      RunEtcdctl(etcdctl, {probe}, {"endpoint", "status", "--write-out=json"}, timeout);
  if (!text.ok()) return AsRefusal(text.status());
  absl::StatusOr<std::vector<EndpointStatus>> statuses = ParseEndpointStatus(*text);
  if (!statuses.ok()) return statuses.status();
  if (statuses->size() != 1) {
    return absl::DataLossError("`etcdctl endpoint status` told of another number of endpoints than one");
  }
  return std::move(statuses->front());
}

MemberAnswer AskMember(const Etcdctl& etcdctl, const std::string& probe, absl::Duration timeout) {
  absl::Status connected = CanConnect(etcdctl.dialer.get(), probe, timeout);
  if (!connected.ok()) return NoAnswer(connected);
  absl::StatusOr<EndpointStatus> status = AskStatus(etcdctl, probe, timeout);
  if (!status.ok()) return NoAnswer(status.status());
  MemberAnswer answer;
  answer.status = *std::move(status);
  if (!answer.has_leader()) {
    // From etcd 3.5 on the list needs one, and asking would take the whole timeout.
    answer.list = absl::UnavailableError("it knows no leader");
    return answer;
  }
  absl::StatusOr<std::string> text =
      RunEtcdctl(etcdctl, {probe}, {"member", "list", "--write-out=json"}, timeout);
  answer.list = text.ok() ? ParseMemberList(*text) : absl::StatusOr<MemberList>(AsRefusal(text.status()));
  return answer;
}

// What a member of VERSION wants of whoever asks it how it is. Of one that is not known: nothing.
EtcdRight RightToAsk(const std::string& version) {
  EtcdVersion parsed;
  if (!ParseEtcdVersion(version, &parsed)) return EtcdRight::kName;
  return RightFor({EtcdRequest::kRead, EtcdRequest::kStatus, EtcdRequest::kMemberList}, parsed);
}

bool IsThere(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

// A chain, or all generations of a CA that are trusted, are put together when a CA is exchanged. Before that,
// members show and trust what these are made of.
std::string AsItIs(const std::string& path) {
  for (absl::string_view suffix : {"-chain.pem", "-trust.pem"}) {
    absl::string_view stem = path;
    if (!absl::ConsumeSuffix(&stem, suffix) || IsThere(path)) continue;
    const std::string before = absl::StrCat(stem, ".pem");
    if (IsThere(before)) return before;
  }
  return path;
}

}  // namespace

absl::StatusOr<PlannedCluster> ReadPlannedCluster(const ClusterFields& fields, const std::string& version,
                                                  HostAccess* hosts) {
  if (fields.members.empty()) return absl::DataLossError("the record has no members");
  PlannedCluster cluster;
  cluster.cluster_id = fields.cluster_id;
  cluster.version = version;
  cluster.initial_state = fields.initial_cluster_state;
  cluster.replace = fields.replace;
  cluster.etcdctl.program = fields.etcdctl.empty() ? "etcdctl" : fields.etcdctl;
  cluster.etcdctl.cacert = AsItIs(fields.cacert);
  cluster.etcdctl.cert = AsItIs(fields.cert);
  cluster.etcdctl.key = fields.key;
  cluster.ways = MemberDialer::Make(hosts, fields);
  cluster.etcdctl.dialer = cluster.ways;
  for (const MemberRecord& record : fields.members) {
    if (const absl::string_view key = record.LackedInCluster(); !key.empty()) return RecordLacks(key);
    PlannedMember member;
    member.host = record.host;
    member.name = record.name;
    member.unit = fields.name.empty() ? "etcd" : fields.name;
    member.id = record.id;
    member.data = record.data;
    member.root = record.root;
    member.manager = record.manager;
    member.remote = record.over_ssh();
    member.probe = record.probe;
    member.peer_urls = Sorted(record.peer_urls);
    member.client_urls = Sorted(record.client_urls);
    member.wal = record.wal;
    member.bin = record.bin.empty() ? paths::on_host::EtcdPrograms(member.unit) : record.bin;
    member.config = record.config.empty() ? paths::on_host::EtcdConfig(member.unit) : record.config;
    member.listens = record.listens.empty() ? record.UsualListens() : record.listens;
    cluster.members.push_back(std::move(member));
  }
  return cluster;
}

std::vector<std::string> PlannedCluster::probes() const {
  std::vector<std::string> probes;
  for (const PlannedMember& member : members) probes.push_back(member.probe);
  return probes;
}

const MemberAnswer* LiveCluster::BestInformed(const std::string& cluster_id) const {
  const MemberAnswer* best = nullptr;
  for (const MemberAnswer& answer : answers) {
    if (!answer.has_leader() || answer.status->cluster_id != cluster_id || !answer.list.ok() ||
        answer.list->cluster_id != cluster_id) {
      continue;
    }
    if (best == nullptr || answer.status->raft_index > best->status->raft_index) best = &answer;
  }
  return best;
}

const MemberList* LiveCluster::List(const std::string& cluster_id) const {
  const MemberAnswer* best = BestInformed(cluster_id);
  return best == nullptr ? nullptr : &*best->list;
}

std::string LiveCluster::Leader(const std::string& cluster_id) const {
  const MemberAnswer* best = BestInformed(cluster_id);
  return best == nullptr ? "" : best->status->leader_id;
}

LiveCluster AskLiveCluster(const PlannedCluster& cluster, absl::Duration timeout) {
  LiveCluster live;
  live.answers.resize(cluster.members.size());
  AtOnce(cluster.members.size(),
         [&](size_t i) { live.answers[i] = AskMember(cluster.etcdctl, cluster.members[i].probe, timeout); });
  return live;
}

void AskForRights(const PlannedCluster& cluster, LiveCluster* live, absl::Duration timeout) {
  for (size_t i = 0; i < live->answers.size(); ++i) {
    const MemberAnswer& answer = live->answers[i];
    const bool ours = answer.has_leader() && answer.status->cluster_id == cluster.cluster_id;
    if (!ours && !answer.forbidden()) continue;
    live->rights = AskClientRights(cluster.etcdctl, cluster.members[i].probe, timeout);
    if (live->rights.has.has_value()) return;
  }
}

std::string RightsProblem(const PlannedCluster& cluster, const LiveCluster& live) {
  const ClientRights& rights = live.rights;
  EtcdRight of_status = RightToAsk(cluster.version);
  std::vector<std::string> endpoints, forbidden;
  for (size_t i = 0; i < live.answers.size(); ++i) {
    const MemberAnswer& answer = live.answers[i];
    if (answer.forbidden()) of_status = EtcdRight::kRoot;
    if (answer.status.ok()) of_status = std::max(of_status, RightToAsk(answer.status->version));
    if (answer.status.ok() || answer.forbidden()) endpoints.push_back(cluster.members[i].probe);
  }
  EtcdRight needed = EtcdRight::kName;
  const auto check = [&](EtcdRight right, bool lacks, std::string what) {
    if (!lacks) return;
    needed = std::max(needed, right);
    forbidden.push_back(std::move(what));
  };
  const bool said = std::any_of(live.answers.begin(), live.answers.end(),
                                [](const MemberAnswer& answer) { return answer.forbidden(); });
  check(of_status, said || rights.Lacks(of_status), "ask for the status of members");
  if (cluster.snapshots)
    check(EtcdRight::kRoot, rights.Lacks(EtcdRight::kRoot), "take the snapshot before a restart");
  check(EtcdRight::kVerifyKeys, rights.Lacks(EtcdRight::kVerifyKeys),
        absl::StrCat("write and read below ", kVerifyPrefix));
  if (forbidden.empty()) return "";
  return WantOfRights(cluster.etcdctl, endpoints, rights, needed, absl::StrJoin(forbidden, ", nor "));
}

}  // namespace kplan
