#ifndef KPLAN_ETCD_SNAPSHOT_H_
#define KPLAN_ETCD_SNAPSHOT_H_

// Taking a snapshot of a cluster that runs. Nothing is called one that was not checked.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/snapshot_file.h"

namespace kplan {

struct SnapshotPolicy {
  std::string folder;           // "snapshots"; made when missing
  int keep = 0;                 // of this cluster and of this kind, the new one included; 0: all
  bool before_restart = false;  // the kind: taken by a rollout, or because somebody wanted one
};

struct TakenSnapshot {
  SnapshotInfo info;            // path: its final one
  std::string member;           // which it is from
  bool without_quorum = false;  // no member serves: it is what that one has
  absl::Duration took;
  std::vector<std::string> removed;  // names of older ones

  // "snapshots/c1-….db: revision 100001, 100008 keys, 24 MB, from etcd-2 in 0.4 s"
  std::string Describe() const;
};

// From which members one may be taken (by their place), the best first: one that has caught up with the
// others and does not lead, so that it costs the leader nothing; then whoever has most. Members that know no
// leader come last. Not one whose data etcd has found to be corrupt, nor one of another cluster.
std::vector<size_t> SnapshotSources(const PlannedCluster& cluster, const LiveCluster& live);

// Takes one into POLICY's folder, and removes those that are too many. All writes that a client was told of
// before are in it, unless there is no quorum. Errors: nobody answers (Unavailable); the disk is too full for
// it, by what the database has now (ResourceExhausted); it is damaged (DataLoss); the folder is not ours;
// auth forbids it (PermissionDenied, with what to type).
absl::StatusOr<TakenSnapshot> TakeSnapshot(const PlannedCluster& cluster, const SnapshotPolicy& policy);

// Takes one as the file PATH, whose folder is there. AlreadyExists when the file is.
absl::StatusOr<TakenSnapshot> TakeSnapshotAs(const PlannedCluster& cluster, const std::string& path);

}  // namespace kplan

#endif  // KPLAN_ETCD_SNAPSHOT_H_
