#include "src/etcd/peer_reach.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/at_once.h"
#include "src/base/text.h"
#include "src/base/url.h"

namespace kplan {
namespace {

constexpr absl::Duration kDialTime = absl::Seconds(3);
constexpr size_t kAtATime = 32;

}  // namespace

std::vector<PeerGap> FindPeerGaps(const std::vector<std::string>& names, const std::vector<int>& ports,
                                  const std::vector<PeerReach>& reach) {
  std::vector<PeerGap> gaps;
  for (size_t to = 0; to < reach.size(); ++to) {
    const std::vector<absl::Status>& from = reach[to].from_member;
    std::vector<std::string> reaching;
    for (size_t i = 0; i < from.size(); ++i) {
      if (from[i].ok()) reaching.push_back(i == to ? absl::StrCat(names[i], " itself") : names[i]);
    }
    if (reach[to].from_here.ok()) reaching.push_back("this machine");
    if (reaching.empty()) continue;
    for (size_t i = 0; i < from.size(); ++i) {
      if (i == to || from[i].ok() || absl::IsAborted(from[i])) continue;
      gaps.push_back(
          {i, to,
           absl::StrCat(names[i], " does not reach ", names[to], ":", ports[to], " (", from[i].message(),
                        "); ", JoinAnd(reaching), reaching.size() == 1 ? " does" : " do")});
    }
  }
  return gaps;
}

std::vector<PeerReach> TryPeers(size_t members, absl::FunctionRef<absl::Status(size_t, size_t)> dial,
                                absl::FunctionRef<absl::Status(size_t)> here) {
  std::vector<PeerReach> reach(members);
  for (PeerReach& each : reach) each.from_member.resize(members);
  // The last of each row is this machine.
  AtOnce(members * (members + 1), kAtATime, [&](size_t i) {
    const size_t to = i / (members + 1), from = i % (members + 1);
    (from < members ? reach[to].from_member[from] : reach[to].from_here) =
        from < members ? dial(from, to) : here(to);
  });
  return reach;
}

std::string PeerGapLines(const PlannedCluster& cluster) {
  MemberDialer* ways = cluster.ways.get();
  if (ways == nullptr || cluster.members.size() < 2) return "";
  std::vector<std::string> names;
  std::vector<int> ports;
  std::vector<HostPort> targets;
  for (const PlannedMember& member : cluster.members) {
    absl::StatusOr<HostPort> target = ParseHttpsUrl(member.peer_urls.empty() ? "" : member.peer_urls[0]);
    if (!target.ok()) return "";
    names.push_back(member.name);
    ports.push_back(target->port);
    targets.push_back(*std::move(target));
  }
  const auto dial = [&](size_t from, size_t to) {
    const PlannedMember& member = cluster.members[from];
    if (!member.remote) return absl::Status(absl::AbortedError("it is here"));
    return ways->DialFrom(member.host, targets[to], kDialTime).status();
  };
  const auto here = [&](size_t to) { return ways->DialFromThisMachine(targets[to], kDialTime); };
  std::string lines;
  for (const PeerGap& gap : FindPeerGaps(names, ports, TryPeers(names.size(), dial, here)))
    absl::StrAppend(&lines, lines.empty() ? "" : "\n", gap.text);
  return lines;
}

}  // namespace kplan
