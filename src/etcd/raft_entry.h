#ifndef KPLAN_ETCD_RAFT_ENTRY_H_
#define KPLAN_ETCD_RAFT_ENTRY_H_

// One entry of etcd's log, as far as it says which etcd may go on with the log. Its data is
//
//   InternalRaftRequest   of the v3 API (etcdserverpb/raft_internal.proto): all but its ID are messages
//   Request               of the v2 API, bare (etcdserver.proto): what 3.4 writes, and 3.5 until the cluster
//   is
//                         of 3.5. Its flags and numbers are always there, so it is never taken for the first
//
// etcd 3.6 takes of the v2 API only what members once used it for: PUT of their attributes and of the version
// of the cluster. At any other it panics when it reads its log (server/etcdserver/apply/v2 of 3.6,
// v2ToV3Request: "detected disallowed v2 WAL for stage --v2-deprecation=write-only").

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

struct RaftEntry {
  uint64_t index = 0;
  bool refused_by_36 = false;
  std::string version;  // that the cluster is given, "3.5.0"; "": it is about something else
  // It allows the cluster to go down to this version ("3.5.0"), or ("") takes that back; nothing: it is about
  // something else.
  std::optional<std::string> downgrade;
};

// Whether TEXT may be a version: short, and of the letters that versions have.
bool IsVersionText(absl::string_view text);

// BYTES is a raftpb.Entry. One that cannot be read says nothing: etcd does not get to it either.
RaftEntry ReadRaftEntry(absl::string_view bytes);

}  // namespace kplan

#endif  // KPLAN_ETCD_RAFT_ENTRY_H_
