#ifndef KPLAN_ETCD_PEER_REACH_H_
#define KPLAN_ETCD_PEER_REACH_H_

// Whether the members of a cluster reach each other's peer ports: a firewall between two of them leaves a
// quorum as long as everybody else is well, and takes it when one more goes.

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/member_dialer.h"

namespace kplan {

// Who got to a member's peer port. Aborted: nobody could be asked.
struct PeerReach {
  std::vector<absl::Status> from_member;  // in the order of the members, itself among them
  absl::Status from_here = absl::AbortedError("not tried");
};

// Two members, by their place in the list, of which one does not get to the other's port.
struct PeerGap {
  size_t from = 0, to = 0;
  std::string text;  // "etcd-2 does not reach etcd-1:2380 (no answer to a TCP connection); etcd-3 and this
                     // machine do"
};

// The gaps that REACH shows, one of each member: only where somebody gets to the port, so that something is
// there. NAMES: of the members; PORTS: theirs.
std::vector<PeerGap> FindPeerGaps(const std::vector<std::string>& names, const std::vector<int>& ports,
                                  const std::vector<PeerReach>& reach);

// Tries all of them, many at the same time. DIAL (from, to): what came of it from a member. HERE (to): from
// this machine.
std::vector<PeerReach> TryPeers(size_t members, absl::FunctionRef<absl::Status(size_t, size_t)> dial,
                                absl::FunctionRef<absl::Status(size_t)> here);

// What TryPeers shows of CLUSTER by bare connections, for a person, a line each; "": nothing, or its members
// are not asked by way of their hosts.
std::string PeerGapLines(const PlannedCluster& cluster);

}  // namespace kplan

#endif  // KPLAN_ETCD_PEER_REACH_H_
