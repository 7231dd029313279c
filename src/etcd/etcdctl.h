#ifndef KPLAN_ETCD_ETCDCTL_H_
#define KPLAN_ETCD_ETCDCTL_H_

// Asking a cluster by etcdctl, as its client would, and what etcdctl's JSON says. etcd's JSON has ids as
// unsigned numbers; here they are text, as etcdctl's tables and etcd/facts/etcd_ids.h have them.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/dialer.h"

namespace kplan {

// Which etcdctl asks, and as whom.
struct Etcdctl {
  std::string program;            // a path, or "etcdctl" for the one that PATH has
  std::string cacert, cert, key;  // paths on this machine
  // By which ways endpoints are reached; null: from this machine. Also for whoever asks without etcdctl.
  std::shared_ptr<Dialer> dialer = nullptr;
};

// What `etcdctl WORDS...` prints when it asks ENDPOINTS (v3 API; nothing of the caller's environment); by way
// of the dialer where this machine does not reach them. A path among WORDS has to be absolute. The error says
// what happened instead ("exit 1: ...", "no answer within 30 s"), not which command it was. INPUT:
// what it reads from stdin.
absl::StatusOr<std::string> RunEtcdctl(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints,
                                       const std::vector<std::string>& words,
                                       absl::Duration timeout = absl::Seconds(30),
                                       absl::string_view input = "");

// The command with which a person asks ENDPOINTS the same way, for a POSIX shell: "etcdctl --endpoints=...
// --cacert=... --cert=... --key=... member list".
std::string EtcdctlLine(const Etcdctl& etcdctl, const std::vector<std::string>& endpoints,
                        const std::vector<std::string>& words);

// One line of the cluster's member list.
struct ListedMember {
  std::string id;
  std::string name;                      // empty: it was added, and never started
  std::vector<std::string> peer_urls;    // sorted
  std::vector<std::string> client_urls;  // sorted; empty: it has not published any, so it never ran
  bool learner = false;
};

struct MemberList {
  std::string cluster_id;
  std::vector<ListedMember> members;
};

// JSON is the output of `member list --write-out=json` (etcd 3.4 to 3.6). DataLoss when it is none.
absl::StatusOr<MemberList> ParseMemberList(absl::string_view json);

// Who answers at an endpoint, and how it is.
struct EndpointStatus {
  std::string endpoint, cluster_id, member_id, version;
  std::string leader_id;  // empty: it knows none
  // "3.5.0" where `etcdctl downgrade enable 3.5` was said (etcd 3.6 and later); else empty.
  std::string downgrade_target;
  bool learner = false;
  uint64_t raft_term = 0, raft_index = 0, raft_applied_index = 0;  // raft_applied_index: 3.4 and later
  int64_t revision = 0;                                            // of its store
  int64_t db_size = 0, db_size_in_use = 0;                         // bytes; in use: 3.4 and later
  std::vector<std::string> errors;                                 // alarms, "etcdserver: no leader"
};

// JSON is the output of `endpoint status --write-out=json`: those that answered, in etcdctl's order.
absl::StatusOr<std::vector<EndpointStatus>> ParseEndpointStatus(absl::string_view json);

}  // namespace kplan

#endif  // KPLAN_ETCD_ETCDCTL_H_
