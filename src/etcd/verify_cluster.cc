#include "src/etcd/verify_cluster.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/clock.h"
#include "src/base/files.h"
#include "src/base/url.h"
#include "src/host/host_file.h"
#include "src/host/service_marker.h"
#include "src/probe/stranger.h"

namespace kplan {
namespace {

constexpr absl::Duration kProbeTime = absl::Seconds(5), kLeastProbeTime = absl::Seconds(1);
constexpr absl::Duration kLeastPatience = absl::Seconds(3);

absl::Status ReadPort(const std::string& url, ExpectedPort* port) {
  absl::StatusOr<HostPort> target = ParseHttpsUrl(url);
  if (!target.ok()) return target.status();
  port->url = url;
  port->target = *target;
  return absl::OkStatus();
}

absl::StatusOr<MemberExpected> ReadMember(const MemberRecord& record, const ClusterExpected& cluster,
                                          bool alone) {
  if (record.server_cert.empty())
    return absl::DataLossError(absl::StrCat("the record has no server-cert of ", record.name));
  MemberExpected member;
  member.id = record.id;
  member.name = record.name;
  member.client_urls = record.client_urls;
  member.peer_urls = record.peer_urls;
  member.client.cert_path = PathFromHere(cluster.root, record.server_cert);
  member.host = record.host;
  member.remote = record.over_ssh();
  member.root = record.root.empty() ? "/" : record.root;
  member.manager = record.manager;
  if (member.manager.empty()) member.manager = member.root == "/" ? "systemd" : "process";
  if (absl::Status status = ReadPort(record.probe, &member.client); !status.ok()) return status;
  member.peer.peer = true;
  // Who has no other members may have a plain port for them, which is then nobody's.
  if (!cluster.clustered || (alone && absl::StartsWith(record.peer_probe, "http://"))) return member;
  if (record.peer_probe.empty() || record.peer_cert.empty()) {
    return absl::DataLossError(absl::StrCat("the record has no peer-probe and peer-cert of ", member.name));
  }
  if (absl::Status status = ReadPort(record.peer_probe, &member.peer); !status.ok()) return status;
  member.peer.cert_path = PathFromHere(cluster.root, record.peer_cert);
  if (!record.peer_key.empty()) member.peer_key_path = PathFromHere(cluster.root, record.peer_key);
  return member;
}

}  // namespace

absl::StatusOr<ClusterExpected> ReadClusterExpected(const VerifyRecord& record, Clock* clock,
                                                    HostAccess* hosts, bool root_to_come) {
  const ClusterFields& fields = record.cluster;
  ClusterExpected cluster;
  cluster.manager = record.manager;
  cluster.service = record.service;
  cluster.cluster_id = fields.cluster_id;
  cluster.version = record.version;
  cluster.refuse = record.refuse;
  cluster.deadline = clock->Now() + absl::Seconds(record.timeout);
  cluster.clock = clock;
  absl::StatusOr<std::string> root = record.root;
  // An empty root is no folder: paths are then relative to DIR.
  if (!root->empty() && (!root_to_come || access(root->c_str(), F_OK) == 0)) root = RealRoot(*root);
  if (!root.ok()) return root.status();
  cluster.root = *root;
  cluster.clustered = !record.peer_cacert.empty();
  cluster.cacert_path = cluster.etcdctl.cacert = PathFromHere(*root, fields.cacert);
  cluster.etcdctl.cert = PathFromHere(*root, fields.cert);
  cluster.etcdctl.key = PathFromHere(*root, fields.key);
  cluster.etcdctl.program = fields.etcdctl.empty() ? "etcdctl" : PathFromHere(*root, fields.etcdctl);
  cluster.ways = MemberDialer::Make(hosts, fields);
  cluster.etcdctl.dialer = cluster.ways;
  if (cluster.clustered) cluster.peer_cacert_path = PathFromHere(*root, record.peer_cacert);
  if (fields.members.empty()) return absl::DataLossError("the record has no members");
  for (const MemberRecord& each : fields.members) {
    absl::StatusOr<MemberExpected> member = ReadMember(each, cluster, fields.members.size() == 1);
    if (!member.ok()) return member.status();
    cluster.members.push_back(*std::move(member));
  }
  for (const std::string& kind : cluster.refuse) {
    if (!IsStrangerKind(kind)) {
      return absl::InvalidArgumentError(absl::StrCat("refuse: there is no kind of client \"", kind, "\""));
    }
  }
  return cluster;
}

Finding ReadCertificates(ClusterExpected* cluster, absl::FunctionRef<bool(const std::string&)> is_to_come) {
  absl::Status status;
  auto read = [&](const std::string& path) -> std::string {
    if (path.empty() || !status.ok() || is_to_come(path)) return "";
    absl::StatusOr<std::string> text = ReadFile(path, 1 << 20);
    if (text.ok()) return *std::move(text);
    status = text.status();
    return "";
  };
  cluster->ca_pem = read(cluster->cacert_path);
  cluster->peer_ca_pem = read(cluster->peer_cacert_path);
  cluster->client.cert_pem = read(cluster->etcdctl.cert);
  cluster->client.key_pem = Secret(read(cluster->etcdctl.key));
  for (MemberExpected& member : cluster->members) {
    member.client.cert = read(member.client.cert_path);
    member.peer.cert = read(member.peer.cert_path);
    if (member.peer_key_path.empty()) continue;
    member.peer_identity.cert_pem = member.peer.cert;
    member.peer_identity.key_pem = Secret(read(member.peer_key_path));
  }
  if (status.ok()) return {};
  return {"installed-files", "readable certificates and key", std::string(status.message()),
          cluster->clustered ? "the certificates are made again by ninja"
                             : "the install steps put them there; run ninja again"};
}

const std::string& CaOf(const ClusterExpected& cluster, const ExpectedPort& port) {
  return port.peer ? cluster.peer_ca_pem : cluster.ca_pem;
}

const std::string& CaPathOf(const ClusterExpected& cluster, const ExpectedPort& port) {
  return port.peer ? cluster.peer_cacert_path : cluster.cacert_path;
}

absl::Time ProbeDeadline(const ClusterExpected& cluster) {
  const absl::Duration left = cluster.deadline - cluster.clock->Now();
  return absl::Now() + std::max(std::min(left, kProbeTime), kLeastProbeTime);
}

absl::Time PatienceDeadline(const ClusterExpected& cluster) {
  return std::max(cluster.deadline, cluster.clock->Now() + kLeastPatience);
}

absl::StatusOr<MemberRead> ReadThrough(const ClusterExpected& cluster, const MemberExpected& member) {
  return ReadThroughMember({member.client.url, member.client.target, cluster.ca_pem, cluster.client},
                           cluster.etcdctl, ProbeDeadline(cluster));
}

}  // namespace kplan
