#ifndef KPLAN_STEPS_VERIFY_CLUSTER_H_
#define KPLAN_STEPS_VERIFY_CLUSTER_H_

// The etcd that a verification expects to find, and how a member of it is asked.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/steps/listening.h"
#include "src/steps/tls_probe.h"

namespace kplan {

struct MemberExpected {
  std::string id, name, probe, server_cert;  // server_cert: PEM, as installed
  std::string server_cert_path;
  std::vector<std::string> client_urls, peer_urls;
  HostPort target;
};

struct ClusterExpected {
  std::string manager, root, service, cluster_id;
  std::string cacert_path, cert_path, key_path, etcdctl;  // on this machine
  std::string ca_pem;
  ClientIdentity client;
  std::vector<MemberExpected> members;
  std::vector<std::string> refuse;
  absl::Time deadline;
};

// When a probe that begins now is given up: after a moment of its own even past the deadline, which bounds
// the waiting for etcd and not the looking at it.
absl::Time ProbeDeadline(const ClusterExpected& cluster);

// Whether /health says true.
bool IsHealthy(const ProbeResult& probe);

// What was seen, for the person: "TLS alert 42 bad_certificate".
std::string DescribeProbe(const ProbeResult& probe);

}  // namespace kplan

#endif  // KPLAN_STEPS_VERIFY_CLUSTER_H_
