#include "src/etcd/member_health.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/url.h"
#include "src/etcd/alarm.h"
#include "src/etcd/member_read.h"
#include "src/etcd/peer_reach.h"
#include "src/pki/openssl_util.h"
#include "src/probe/stranger.h"
#include "src/probe/tls_probe.h"

namespace kplan {
namespace {

// More than QuorumReadRequest() gives the member.
constexpr absl::Duration kProbeTime = absl::Seconds(6);
constexpr size_t kMaxPem = 1 << 20;

HealthAnswer AnswerOf(const MemberRead& read) {
  const ProbeResult& probe = read.probe;
  if (IsServersFault(probe.alert))
    return {HealthAnswer::kNone, absl::StrCat(DescribeProbe(probe), ": ", kServersFaultAdvice)};
  if (probe.alert >= 0) {
    return {HealthAnswer::kNone, absl::StrCat("it turns our client certificate away: TLS alert ", probe.alert,
                                              " ", AlertName(probe.alert))};
  }
  if (!probe.chain_error.empty()) {
    return {HealthAnswer::kNone,
            absl::StrCat("the certificate that is served there is not ours: ", probe.chain_error)};
  }
  const int status = HttpStatus(probe.response);
  if (status == 0) {
    return {HealthAnswer::kNone,
            probe.error.empty() ? "the connection was closed without an answer" : probe.error};
  }
  if (read.served) return {HealthAnswer::kHealthy, "", read.auth};
  return {HealthAnswer::kUnhealthy, read.seen, read.auth};
}

class RealView : public ClusterView {
 public:
  RealView(const PlannedCluster& cluster, std::vector<HostPort> targets, std::string ca_pem,
           ClientIdentity client)
      : cluster_(cluster),
        targets_(std::move(targets)),
        ca_pem_(std::move(ca_pem)),
        client_(std::move(client)) {}

  HealthAnswer AskHealth(size_t member) override {
    absl::StatusOr<MemberRead> read =
        ReadThroughMember({cluster_.members[member].probe, targets_[member], ca_pem_, client_},
                          cluster_.etcdctl, absl::Now() + kProbeTime);
    if (!read.ok()) return {HealthAnswer::kNone, std::string(read.status().message())};
    return AnswerOf(*read);
  }

  std::vector<EtcdAlarm> AskAlarms(size_t member) override {
    return AlarmsAtMember({cluster_.members[member].probe, targets_[member], ca_pem_, client_},
                          cluster_.etcdctl, absl::Now() + kProbeTime);
  }

  LiveCluster AskAll() override { return AskLiveCluster(cluster_); }

  void AskForRights(LiveCluster* live) override { kplan::AskForRights(cluster_, live); }

  absl::StatusOr<TakenSnapshot> TakeSnapshot(const SnapshotPolicy& policy) override {
    return kplan::TakeSnapshot(cluster_, policy);
  }

  ClusterLock* lock() override {
    if (lock_ == nullptr) lock_ = MakeClusterLock(cluster_);
    return lock_.get();
  }

  std::string UnreachedPeers() override { return PeerGapLines(cluster_); }

 private:
  const PlannedCluster cluster_;
  const std::vector<HostPort> targets_;
  const std::string ca_pem_;
  const ClientIdentity client_;
  std::unique_ptr<ClusterLock> lock_;  // null: nobody has asked for it
};

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterView>> OpenClusterView(const PlannedCluster& cluster) {
  InitOpenSsl();
  std::vector<HostPort> targets;
  for (const PlannedMember& member : cluster.members) {
    absl::StatusOr<HostPort> target = ParseHttpsUrl(member.probe);
    if (!target.ok()) return target.status();
    targets.push_back(*std::move(target));
  }
  absl::StatusOr<std::string> ca = ReadFile(cluster.etcdctl.cacert, kMaxPem);
  if (!ca.ok()) return ca.status();
  absl::StatusOr<std::string> cert = ReadFile(cluster.etcdctl.cert, kMaxPem);
  if (!cert.ok()) return cert.status();
  absl::StatusOr<std::string> key = ReadFile(cluster.etcdctl.key, kMaxPem);
  if (!key.ok()) return key.status();
  ClientIdentity client;
  client.cert_pem = *std::move(cert);
  client.key_pem = Secret(*std::move(key));
  return std::unique_ptr<ClusterView>(
      new RealView(cluster, std::move(targets), *std::move(ca), std::move(client)));
}

MemberState::Health HealthOf(const HealthAnswer& health, const MemberAnswer& answer) {
  if (health.kind == HealthAnswer::kHealthy) return MemberState::kServes;
  if (health.kind == HealthAnswer::kNone || !answer.status.ok()) return MemberState::kSilent;
  if (!answer.has_leader()) return MemberState::kOut;
  const bool alarm = !AlarmsAmong(answer.status->errors).empty();
  return alarm ? MemberState::kServes : MemberState::kSilent;
}

uint64_t LastIndex(const LiveCluster& live) {
  uint64_t last = 0;
  for (const MemberAnswer& answer : live.answers) {
    if (answer.status.ok()) last = std::max(last, answer.status->raft_index);
  }
  return last;
}

}  // namespace kplan
