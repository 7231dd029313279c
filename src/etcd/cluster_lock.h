#ifndef KPLAN_ETCD_CLUSTER_LOCK_H_
#define KPLAN_ETCD_CLUSTER_LOCK_H_

// One kplan at a time takes members of a cluster away: two, on two machines or in two folders, look at the
// same healthy cluster, and each takes another member; three members are then without a quorum.
//
// The lock is a key in the cluster itself, kLockKey, on a lease of kLockSeconds which its holder keeps alive.
// It is made in a transaction only where it does not exist, so that there is one holder, as long as leases
// last. What protects what:
//
//   the key     from two that restart members of a cluster that has a quorum. Its lease ends when its holder
//               was killed, or is cut off from the quorum, for kLockSeconds (a new leader counts from the
//               beginning); the key goes with it. On the holder's own machine its end is seen at once.
//   Hold()      before each restart, from a holder that has lost it and does not know: it asks through the
//               quorum. What is done after that is begun within a moment, and the lease, which was renewed
//               just then, lasts longer than that.
//   nothing     starts what does not run: two that start a dead cluster do what one would, for each member
//               has a lock of its own on its host (host/service_marker.h, LockService), and who comes second
//               finds it running.
//   claims      where etcd takes no key (no quorum, or an alarm as NOSPACE): a note on each member's host
//               (host_claims.h). Whoever has them asks for the key first before each restart, and waits for
//               who has that; so two of which one has the key and one the claims overlap by one restart at
//               most, in the moment in which etcd begins to take keys again, and whoever looks then sees it
//               under way.
//
// The key is below the prefix that verifications need anyway (facts/etcd_rights.h), so that etcd's auth wants
// no further right.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/etcd/etcd_cluster.h"

namespace kplan {

inline constexpr char kLockKey[] = "/kplan/verify/lock";
inline constexpr int kLockSeconds = 30;

class ClusterLock {
 public:
  using Tell = std::function<void(const std::string& line)>;

  virtual ~ClusterLock() = default;  // gives it back

  // Makes sure that this process has it, for WHAT ("rollout/etcd"). True: it had it already, and has it now.
  // False: it was taken just now, perhaps after others were at work: what was seen before is out of date.
  // Waits as long as somebody else has it; TELL, where it is given, hears at once who that is.
  // ResourceExhausted when an alarm keeps etcd from making keys, PermissionDenied when its auth does,
  // NotFound when there is no etcdctl, Unavailable when no member gets an answer through the quorum.
  virtual absl::StatusOr<bool> Hold(absl::string_view what, const Tell& tell) = 0;
};

// That of CLUSTER, which nobody has yet.
std::unique_ptr<ClusterLock> MakeClusterLock(const PlannedCluster& cluster, Clock* clock = Clock::Real());

}  // namespace kplan

#endif  // KPLAN_ETCD_CLUSTER_LOCK_H_
