#include "src/etcd/verify_reach.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/etcd/peer_reach.h"

namespace kplan {
namespace {

constexpr absl::Duration kDialTime = absl::Seconds(3);

// The connections of one member's host.
class FromHost : public Dialer {
 public:
  FromHost(MemberDialer* ways, const std::string& host) : ways_(ways), host_(host) {}

  absl::StatusOr<Connection> Dial(const HostPort& target, absl::Duration timeout) override {
    return ways_->DialFrom(host_, target, std::min(timeout, kDialTime));
  }

 private:
  MemberDialer* const ways_;
  const std::string& host_;
};

}  // namespace

std::vector<Finding> CheckPeerReach(const ClusterExpected& cluster, std::string* unasked) {
  const std::vector<MemberExpected>& members = cluster.members;
  if (cluster.ways == nullptr || !cluster.clustered || members.size() < 2) return {};
  // A connection without a handshake would be an error in the log of whoever takes it.
  const auto dial = [&](size_t from, size_t to) -> absl::Status {
    if (!members[from].remote) return absl::AbortedError("");
    FromHost dialer(cluster.ways.get(), members[from].host);
    return ProbeTls(members[to].peer.target, cluster.peer_ca_pem, members[from].peer_identity,
                    ProbeDeadline(cluster), VersionRequest(), &dialer)
        .status();
  };
  const auto here = [&](size_t to) {
    return cluster.ways->DialFromThisMachine(members[to].peer.target, kDialTime);
  };
  std::vector<std::string> names;
  std::vector<int> ports;
  for (const MemberExpected& member : members) {
    names.push_back(member.name);
    ports.push_back(member.peer.target.port);
  }
  const std::vector<PeerReach> reach = TryPeers(members.size(), dial, here);
  std::vector<Finding> findings;
  for (PeerGap& gap : FindPeerGaps(names, ports, reach)) {
    findings.push_back({"peer-reach", absl::StrCat(names[gap.from], " reaches ", members[gap.to].peer.url),
                        std::move(gap.text),
                        absl::StrCat("is there a firewall between the two, at port ", ports[gap.to],
                                     "? Without the one, the other is no part of a quorum that needs both"),
                        names[gap.from]});
  }
  for (size_t i = 0; i < members.size(); ++i) {
    const absl::Status& own = reach[i].from_member[i];
    if (absl::IsAborted(own) && !own.message().empty())
      absl::StrAppend(unasked, "  ", names[i], " was not asked whom it reaches: ", own.message(), "\n");
  }
  return findings;
}

}  // namespace kplan
