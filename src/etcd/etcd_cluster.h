#ifndef KPLAN_ETCD_ETCD_CLUSTER_H_
#define KPLAN_ETCD_ETCD_CLUSTER_H_

// The cluster of a record: its members as planned, and what they say when they are asked.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/etcd/client_rights.h"
#include "src/etcd/etcdctl.h"
#include "src/etcd/member_dialer.h"
#include "src/step/etcd_records.h"
#include "src/step/host_access.h"

namespace kplan {

// A member as the spec has it. (EtcdMember is the model's: two structs of one name in a namespace are one too
// many for the linker.)
struct PlannedMember {
  std::string host, name;
  std::string unit;                      // its service's name, "etcd"
  std::string id;                        // foretold (etcd/facts/etcd_ids.h)
  std::string data, root;                // the data folder, inside the host's root
  std::string wal;                       // of the log, likewise; empty: it is in the data folder
  std::string manager;                   // "systemd", "process"
  bool remote = false;                   // the host is at the other end of an ssh connection
  std::string probe;                     // "https://10.0.0.11:2379": where it is asked
  std::vector<std::string> peer_urls;    // sorted
  std::vector<std::string> client_urls;  // sorted
  std::string bin, config;               // the folders of its programs and certificates
  std::vector<std::string> listens;      // URLs at which it is going to listen; of a survey
};

struct PlannedCluster {
  std::string cluster_id;  // foretold
  std::string version;     // of the etcd that shall run, "3.4.15"; "" when the record does not say
  // "new" or "existing", etcd's flag initial-cluster-state; "" when the record does not say.
  std::string initial_state;
  // Whatever etcd is there already gives way (`etcd.replace`).
  bool replace = false;
  bool snapshots = false;  // a rollout takes one before it restarts a member
  Etcdctl etcdctl;
  std::shared_ptr<MemberDialer> ways;  // etcdctl's dialer; null: members are asked from here
  std::vector<PlannedMember> members;  // in the order of the spec

  size_t quorum() const { return members.size() / 2 + 1; }
  std::vector<std::string> probes() const;  // of all members
};

// The cluster of a record, a survey's or rollout's. VERSION: the record's, where it says one. HOSTS: by way
// of which members may be asked (member_dialer.h), as long as the cluster exists; null: from here alone.
// DataLoss when there are no members, or one lacks what a member of a cluster has.
absl::StatusOr<PlannedCluster> ReadPlannedCluster(const ClusterFields& fields,
                                                  const std::string& version = "",
                                                  HostAccess* hosts = nullptr);

// What one member said.
struct MemberAnswer {
  // Unavailable when nobody listens at its probe; PermissionDenied when auth forbids to ask; otherwise
  // etcdctl's error.
  absl::StatusOr<EndpointStatus> status = absl::UnavailableError("not asked");
  absl::StatusOr<MemberList> list = absl::UnavailableError("not asked");

  // It answered, as a part of a cluster that has a leader.
  bool has_leader() const { return status.ok() && !status->leader_id.empty(); }
  // It runs, and auth forbids to say more.
  bool forbidden() const {
    return absl::IsPermissionDenied(status.status()) || absl::IsPermissionDenied(list.status());
  }
};

struct LiveCluster {
  std::vector<MemberAnswer> answers;  // of each member, in the order of PlannedCluster::members
  ClientRights rights;                // where they were asked for

  // The list of members that counts: what the one says that has a leader, belongs to CLUSTER_ID and knows
  // most (by the index of its log); a member that is cut off may have an old one. Null when there is none: no
  // quorum, or nobody answered.
  const MemberList* List(const std::string& cluster_id) const;
  // The id of the leader that the same member knows; empty when there is none.
  std::string Leader(const std::string& cluster_id) const;

 private:
  const MemberAnswer* BestInformed(const std::string& cluster_id) const;
};

// Asks every member at its probe, at the same time, each at most TIMEOUT. Where nobody listens costs one
// connection that is refused.
LiveCluster AskLiveCluster(const PlannedCluster& cluster, absl::Duration timeout = absl::Seconds(5));

// Asks a member that has answered in LIVE what its client may do; nobody when none has.
void AskForRights(const PlannedCluster& cluster, LiveCluster* live,
                  absl::Duration timeout = absl::Seconds(5));

// What the client of CLUSTER may not do that its upkeep needs, and what to type (client_rights.h); "" when
// nothing is forbidden, as far as LIVE says.
std::string RightsProblem(const PlannedCluster& cluster, const LiveCluster& live);

}  // namespace kplan

#endif  // KPLAN_ETCD_ETCD_CLUSTER_H_
