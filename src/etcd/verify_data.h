#ifndef KPLAN_ETCD_VERIFY_DATA_H_
#define KPLAN_ETCD_VERIFY_DATA_H_

// Whether all members have the same in their stores. etcd itself never looks, unless its experimental flags
// have it do so: a member whose data were damaged (a disk, a memory, a hand) serves on, and what a client
// reads depends on whom it asks.
//
// What is compared is etcd's hash over all keys and values up to one revision. It leaves out what was
// compacted, so that only hashes over stores that are compacted to the same revision can be compared. While a
// compaction is at work hashes may differ for a moment, where no key is left at all (etcd v3.5,
// server/storage/mvcc/hash.go: nothing is skipped when nothing is kept): so a difference counts only when a
// second look sees the very same.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/etcd/hash_kv.h"
#include "src/etcd/verify_cluster.h"
#include "src/etcd/verify_report.h"

namespace kplan {

// What the stores of all members come to, as they are at one revision.
struct StoresCompared {
  enum Kind {
    kSame,
    kDiffer,
    kApart,  // they are compacted to different revisions: nothing can be said
  };
  Kind kind = kSame;
  // Of kDiffer, by their places, those that have something else than more than half of all; none when no more
  // than half have the same.
  std::vector<size_t> odd;
};

// STORES: of every member of the cluster.
StoresCompared CompareStores(const std::vector<HashKv>& stores);

// The failures when the members of CLUSTER, in this order, have STORES, which differ, at REVISION.
std::vector<Finding> DifferentStores(const ClusterExpected& cluster, const std::vector<HashKv>& stores,
                                     int64_t revision);

// Asks all members, one after the other (etcd takes no write while it reads its store for that), at REVISION,
// which they have; where it is compacted meanwhile, at a newer one. *SEEN says what came of it, also that
// nothing was compared, and why.
std::vector<Finding> CheckData(const ClusterExpected& cluster, int64_t revision, DataSeen* seen);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_DATA_H_
