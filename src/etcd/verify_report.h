#ifndef KPLAN_ETCD_VERIFY_REPORT_H_
#define KPLAN_ETCD_VERIFY_REPORT_H_

// What a verification saw, and its verdict: reports/verify-etcd.json.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "src/probe/certificate_seen.h"

namespace kplan {

struct MemberSeen {
  std::string id, name, endpoint, version;
  bool leader = false;
  std::vector<std::string> peer_urls, client_urls;
  CertificateSeen certificate;
  // Only a cluster's member has these:
  std::string peer_endpoint;  // empty: it was not looked at
  CertificateSeen peer_certificate;
  uint64_t raft_term = 0, raft_index = 0;  // the term it is in, and up to where it has applied the log
};

struct Refusal {
  std::string endpoint;  // a client or peer URL
  std::string kind;      // no-cert, wrong-ca, plaintext
  std::string evidence;  // "TLS alert 42 bad_certificate"
};

// A check that failed.
struct Finding {
  std::string check;           // "serving-certificate"
  std::string expected, seen;  // what was compared
  std::string advice;          // what to look at
  std::string member = {};     // the name of a cluster's member that it is about; empty: of none alone

  bool ok() const { return check.empty(); }
};

// What was written, read back on every member and taken away again.
struct WriteSeen {
  std::string key;  // empty: nothing was written
  std::string endpoint;
  int64_t revision = 0;
  std::vector<std::string> read_at;  // endpoints
};

// Whether all members have the same in their stores (verify_data.h).
struct DataSeen {
  int64_t revision = 0;                                       // at which they were compared; 0: they were not
  int64_t compacted = 0;                                      // up to which all of them were
  std::vector<std::pair<std::string, uint32_t>> hashes = {};  // of each member, by its name
  std::string not_compared = {};                              // why not; "": they were, or nobody tried
};

struct VerifyReport {
  std::string label;
  bool clustered = false;  // the keys that only a cluster's report has are written
  std::string cluster_id;
  std::vector<MemberSeen> members;  // in the order of the record
  std::vector<Refusal> refusals;
  WriteSeen write;
  DataSeen data;
  std::vector<Finding> failures;  // none: the verdict is a good one

  bool ok() const { return failures.empty(); }

  // Canonical JSON (keys sorted, one line), with TIME as RFC 3339 in UTC.
  std::string ToJson(absl::Time time) const;
};

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_REPORT_H_
