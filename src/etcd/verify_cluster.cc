#include "src/etcd/verify_cluster.h"

#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/host/service_marker.h"
#include "src/probe/stranger.h"

namespace kplan {
namespace {

constexpr absl::Duration kProbeTime = absl::Seconds(5);
constexpr absl::Duration kLeastPatience = absl::Seconds(3);

absl::Status ReadPort(const std::string& url, ExpectedPort* port) {
  absl::StatusOr<HostPort> target = ParseHttpsUrl(url);
  if (!target.ok()) return target.status();
  port->url = url;
  port->target = *target;
  return absl::OkStatus();
}

absl::StatusOr<MemberExpected> ReadMember(const Json& json, const ClusterExpected& cluster, bool alone) {
  const Record item(json.is_object() ? json : Json::object());
  MemberExpected member;
  member.id = item.String("id");
  member.name = item.String("name");
  member.client_urls = item.Strings("client-urls");
  member.peer_urls = item.Strings("peer-urls");
  const std::string probe = item.String("probe");
  member.client.cert_path = PathFromHere(cluster.root, item.String("server-cert"));
  member.host = item.StringOr("host", "");
  member.root = item.StringOr("root", "/");
  member.manager = item.StringOr("manager", member.root == "/" ? "systemd" : "process");
  const std::string peer_probe = item.StringOr("peer-probe", "");
  const std::string peer_cert = item.StringOr("peer-cert", "");
  const std::string peer_key = item.StringOr("peer-key", "");
  if (!item.status().ok()) return item.status();
  if (absl::Status status = ReadPort(probe, &member.client); !status.ok()) return status;
  member.peer.peer = true;
  // Who has no other members may have a plain port for them, which is then nobody's.
  if (!cluster.clustered || (alone && absl::StartsWith(peer_probe, "http://"))) return member;
  if (peer_probe.empty() || peer_cert.empty()) {
    return absl::DataLossError(absl::StrCat("the record has no peer-probe and peer-cert of ", member.name));
  }
  if (absl::Status status = ReadPort(peer_probe, &member.peer); !status.ok()) return status;
  member.peer.cert_path = PathFromHere(cluster.root, peer_cert);
  if (!peer_key.empty()) member.peer_key_path = PathFromHere(cluster.root, peer_key);
  return member;
}

}  // namespace

absl::StatusOr<ClusterExpected> ReadClusterExpected(const Record& record, bool root_to_come) {
  ClusterExpected cluster;
  cluster.manager = record.String("manager");
  cluster.service = record.String("service");
  cluster.cluster_id = record.String("cluster-id");
  cluster.version = record.StringOr("version", "");
  cluster.refuse = record.Strings("refuse");
  cluster.deadline = absl::Now() + absl::Seconds(record.Int("timeout"));
  absl::StatusOr<std::string> root = record.String("root");
  // An empty root is no folder: paths are then relative to DIR.
  if (!root->empty() && (!root_to_come || access(root->c_str(), F_OK) == 0)) root = RealRoot(*root);
  const std::string cacert = record.String("cacert"), cert = record.String("cert");
  const std::string key = record.String("key"), program = record.String("etcdctl");
  const std::string peer_cacert = record.StringOr("peer-cacert", "");
  if (!record.status().ok()) return record.status();
  if (!root.ok()) return root.status();
  cluster.root = *root;
  cluster.clustered = !peer_cacert.empty();
  cluster.cacert_path = cluster.etcdctl.cacert = PathFromHere(*root, cacert);
  cluster.etcdctl.cert = PathFromHere(*root, cert);
  cluster.etcdctl.key = PathFromHere(*root, key);
  cluster.etcdctl.program = program.empty() ? "etcdctl" : PathFromHere(*root, program);
  if (cluster.clustered) cluster.peer_cacert_path = PathFromHere(*root, peer_cacert);
  auto members = record.json().find("members");
  if (members == record.json().end() || !members->is_array() || members->empty()) {
    return absl::DataLossError("the record has no members");
  }
  for (const Json& json : *members) {
    absl::StatusOr<MemberExpected> member = ReadMember(json, cluster, members->size() == 1);
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
  return std::max(std::min(absl::Now() + kProbeTime, cluster.deadline), absl::Now() + absl::Seconds(1));
}

absl::Time PatienceDeadline(const ClusterExpected& cluster) {
  return std::max(cluster.deadline, absl::Now() + kLeastPatience);
}

bool IsHealthy(const ProbeResult& probe) {
  if (HttpStatus(probe.response) != 200) return false;
  Json json = Json::parse(std::string(HttpBody(probe.response)), nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("health") && json["health"] == "true";
}

void InParallel(size_t count, absl::FunctionRef<void(size_t)> work) {
  if (count == 1) return work(0);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
  for (std::thread& thread : threads) thread.join();
}

}  // namespace kplan
