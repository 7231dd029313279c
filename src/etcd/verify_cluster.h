#ifndef KPLAN_ETCD_VERIFY_CLUSTER_H_
#define KPLAN_ETCD_VERIFY_CLUSTER_H_

// The etcd that a verification expects to find, and how a member of it is asked.

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/base/url.h"
#include "src/etcd/etcdctl.h"
#include "src/etcd/member_dialer.h"
#include "src/etcd/member_read.h"
#include "src/etcd/verify_report.h"
#include "src/probe/tls_probe.h"
#include "src/step/etcd_records.h"
#include "src/step/host_access.h"

namespace kplan {

// A port of a member: where it is asked, and what it has to show there.
struct ExpectedPort {
  bool peer = false;  // the members' port, not the clients'
  std::string url;    // "https://127.0.0.1:2379"; empty: it is not looked at
  HostPort target;
  std::string cert_path, cert;  // PEM, the leaf first; on this machine, as it is on the host
};

struct MemberExpected {
  std::string id, name;
  std::vector<std::string> client_urls, peer_urls;
  ExpectedPort client, peer;
  ClientIdentity peer_identity;     // what it shows other members; no certificate: not known here
  std::string peer_key_path;        // empty: as above
  std::string host, manager, root;  // where its log is; host empty: not to be asked for
  bool remote = false;              // an agent does what is done there
};

struct ClusterExpected {
  // It is a cluster as kplan makes them, with TLS between its members. Otherwise it is one local member, with
  // nothing between members to look at.
  bool clustered = false;
  std::string manager, root, service, cluster_id;
  std::string version;                        // empty: any, if all members have the same
  Etcdctl etcdctl;                            // its paths are those on this machine
  std::string cacert_path, peer_cacert_path;  // what the clients' and the members' port are checked with
  std::string ca_pem, peer_ca_pem;
  ClientIdentity client;
  std::vector<MemberExpected> members;
  std::vector<std::string> refuse;
  absl::Time deadline;  // when waiting ends, by the clock
  Clock* clock = Clock::Real();
  // By which ways members are reached, etcdctl's dialer; null: from here.
  std::shared_ptr<MemberDialer> ways;

  Dialer* dialer() const { return etcdctl.dialer.get(); }
};

// The cluster of RECORD, with a deadline from now on by CLOCK. HOSTS: as ReadPlannedCluster. ROOT_TO_COME:
// its root need not be there yet.
absl::StatusOr<ClusterExpected> ReadClusterExpected(const VerifyRecord& record, Clock* clock,
                                                    HostAccess* hosts = nullptr, bool root_to_come = false);

// Reads the certificates and keys that CLUSTER names, but for what IS_TO_COME: files that a step before is
// going to write.
Finding ReadCertificates(ClusterExpected* cluster, absl::FunctionRef<bool(const std::string&)> is_to_come);

// The CA that PORT is checked with, as PEM, and its path.
const std::string& CaOf(const ClusterExpected& cluster, const ExpectedPort& port);
const std::string& CaPathOf(const ClusterExpected& cluster, const ExpectedPort& port);

// When a probe that begins now is given up: after a moment of its own even past the deadline, which bounds
// the waiting for etcd and not the looking at it. By the real time, as it bounds a socket.
absl::Time ProbeDeadline(const ClusterExpected& cluster);

// When looking again ends, at what may still come right: at the deadline, but after a moment at least. By the
// cluster's clock.
absl::Time PatienceDeadline(const ClusterExpected& cluster);

// Has MEMBER read through the quorum (member_read.h), as the cluster's client.
absl::StatusOr<MemberRead> ReadThrough(const ClusterExpected& cluster, const MemberExpected& member);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_CLUSTER_H_
