#ifndef KPLAN_ETCD_RESTORE_H_
#define KPLAN_ETCD_RESTORE_H_

// Giving a cluster the data of a snapshot: every member a new data folder, made from the same file.
//
//   1. All hosts make the new folder, beside the old one; etcd runs on. Whatever fails here changes nothing.
//   2. etcd is stopped on all of them, and no longer started at boot.
//   3. All hosts are told to hold (restore_stage.h).
//   4. One host after the other puts its new folder in place, and the old one aside.
//   5. The hosts need not hold any more.
//   6. The members are started as a rollout does it, and compared with each other and with the snapshot,
//   unless
//      that was waived.
//
// The ids are those of the plan, and so those that the members had. When it is cut off at any moment, a
// second run completes it; until then kplan starts nobody from step 3 on.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/etcd_data.h"
#include "src/etcd/member_health.h"
#include "src/etcd/snapshot_file.h"
#include "src/step/host_access.h"
#include "src/step/service_records.h"

namespace kplan {

struct RestorePlan {
  PlannedCluster cluster;
  std::string token;                    // initial-cluster-token
  std::string snapshot_name;            // where the snapshot is from, for a person
  std::vector<ServiceRecord> services;  // of each member
  // The mode and owner that each member's data folder gets where there is none. The owner is "", or in the
  // record's words.
  struct Folder {
    std::string mode = "0700", owner;
  };
  std::vector<Folder> folders;
  absl::Duration timeout;  // for a member that was started, until it serves
  bool unchecked = false;  // what the members have in the end need not be compared
};

// That what is restored from SNAPSHOT can be compared in the end: with a snapshot comes its auth, and etcd
// tells the hash of what a member has to root alone. FailedPrecondition, with what to do, when the client of
// PLAN is not root in it; DataLoss when it cannot be read.
absl::Status CheckComparable(const RestorePlan& plan, const SnapshotInfo& snapshot);

// FailedPrecondition when members that have TOKEN and these peer URLs would not have the ids of the plan.
absl::Status CheckPlannedIds(const RestorePlan& plan);

// How the members are before it.
struct RestoreLook {
  std::vector<EtcdData> data;
  std::vector<char> running;
  int64_t revision = 0;    // what the cluster, as far as it answers, has; 0: nobody says
  bool forbidden = false;  // a member answers, and auth lets it say no more
};

// Unavailable, with all of them, when a host cannot be asked: it could run on with the old data.
absl::StatusOr<RestoreLook> LookBeforeRestore(const RestorePlan& plan, HostAccess* hosts);

// What would be replaced by SNAPSHOT, a line a member and one about the revisions; "" when no member has
// data.
std::string WhatRestoreReplaces(const RestorePlan& plan, const RestoreLook& look,
                                const SnapshotInfo& snapshot);

// Does it. SNAPSHOT is checked, and its path is relative to the current folder and plain: hosts over ssh get
// it under that name. TELL is told what was done, a line each. Errors: what failed, how far it came, and how
// to go on.
absl::Status RestoreCluster(const RestorePlan& plan, const SnapshotInfo& snapshot, HostAccess* hosts,
                            ClusterView* view, absl::FunctionRef<void(const std::string&)> tell);

}  // namespace kplan

#endif  // KPLAN_ETCD_RESTORE_H_
