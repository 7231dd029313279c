#ifndef KPLAN_ETCD_MEMBER_HEALTH_H_
#define KPLAN_ETCD_MEMBER_HEALTH_H_

// Whether a member of a cluster serves, as a client of it sees that: what a rollout goes by.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/etcd/alarm.h"
#include "src/etcd/cluster_lock.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/rollout_order.h"
#include "src/etcd/snapshot.h"

namespace kplan {

// What came of having one member read (member_read.h), at its own endpoint.
struct HealthAnswer {
  enum Kind {
    kHealthy,    // it just read through the quorum, and so has caught up with it
    kUnhealthy,  // it answered something else
    kNone,       // nobody answers there, or not us
  };
  Kind kind = kNone;
  std::string seen;   // what it was, for a person
  bool auth = false;  // auth is enabled there, as far as it says
};

// A cluster as its client sees it. An interface, so that rollouts can be tried without one. Several threads
// may use one.
class ClusterView {
 public:
  virtual ~ClusterView() = default;

  virtual HealthAnswer AskHealth(size_t member) = 0;
  // The alarms that a member, which answers, knows of; none where it may not be asked for them.
  virtual std::vector<EtcdAlarm> AskAlarms(size_t) { return {}; }
  // All members, by etcdctl.
  virtual LiveCluster AskAll() = 0;
  // What LIVE, of AskAll(), lacks of that: what this client may do. Leaves it as it is where nobody can say.
  virtual void AskForRights(LiveCluster*) {}
  virtual absl::StatusOr<TakenSnapshot> TakeSnapshot(const SnapshotPolicy& policy) = 0;
  // The lock of this cluster, the same each time; it is given back with the view. Null: there is none.
  virtual ClusterLock* lock() { return nullptr; }
  // Which members do not get to each other, for a person, a line each (peer_reach.h).
  virtual std::string UnreachedPeers() { return ""; }
};

// The view with CLUSTER's own client certificate. Members are asked in process over TLS; a server whose
// certificate does not lead to our CA is not a member. Errors: the certificates cannot be read, a probe is no
// https URL.
absl::StatusOr<std::unique_ptr<ClusterView>> OpenClusterView(const PlannedCluster& cluster);

// How the member that gave HEALTH is. ANSWER: what etcdctl heard from it. One with an alarm (NOSPACE,
// CORRUPT) is a part of the quorum all the same, and taking it away would be a loss; so what it knows of a
// leader decides, where it did not read.
MemberState::Health HealthOf(const HealthAnswer& health, const MemberAnswer& answer);

// The highest index of the log that anybody in LIVE knows of.
uint64_t LastIndex(const LiveCluster& live);

}  // namespace kplan

#endif  // KPLAN_ETCD_MEMBER_HEALTH_H_
