#ifndef KPLAN_ETCD_MEMBER_READ_H_
#define KPLAN_ETCD_MEMBER_READ_H_

// Whether a member serves: it is had to read through the quorum, which it can only when it is a part of one
// and has caught up with it. Nothing is written by that.
//
// /health is never asked. etcd 3.4 makes an entry of the log of each answer (a QGET by the v2 API,
// etcdserver/api/etcdhttp/metrics.go), and etcd 3.6 does not start with such a log (etcd-io/etcd#20809).

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/url.h"
#include "src/etcd/alarm.h"
#include "src/etcd/etcdctl.h"
#include "src/probe/tls_probe.h"

namespace kplan {

// For which etcd 3.4 to 3.6 reads a key through the quorum, by its gRPC gateway.
ProbeRequest QuorumReadRequest();

// For a member's own status, by its gateway.
ProbeRequest StatusRequest();

// That every member answers whom it lets in, without reading or writing anything; also at the members' port.
ProbeRequest VersionRequest();

// Whether RESPONSE, to QuorumReadRequest(), says that it was read.
bool HasRead(absl::string_view response);

// A member's answer.
struct MemberRead {
  ProbeResult probe;  // the connection over which it was asked
  bool served = false;
  bool auth = false;  // its gateway says that auth is enabled: our certificate is nobody's there
  std::string seen;   // when it has not served: what there was instead, for a person
};

// Where and as whom a member is asked. It holds nothing itself.
struct MemberEndpoint {
  const std::string& url;  // https
  const HostPort& target;  // the same
  const std::string& ca_pem;
  const ClientIdentity& client;
};

// Has the member at ENDPOINT read. One that has no gateway (enable-grpc-gateway: false), or whose gateway
// takes no client by its certificate (auth is enabled), is asked by ETCDCTL as well; by whose dialer it is
// reached. Errors: ProbeTls's.
absl::StatusOr<MemberRead> ReadThroughMember(const MemberEndpoint& endpoint, const Etcdctl& etcdctl,
                                             absl::Time deadline);

// The alarms that the member at ENDPOINT knows of, by its gateway, or, as above, by ETCDCTL; none where it
// does not say.
std::vector<EtcdAlarm> AlarmsAtMember(const MemberEndpoint& endpoint, const Etcdctl& etcdctl,
                                      absl::Time deadline);

// The alarms in RESPONSE, a member's status as its gateway gives it.
std::vector<EtcdAlarm> AlarmsIn(absl::string_view response);

// Has the member at URL read, by ETCDCTL alone.
absl::Status ReadByEtcdctl(const Etcdctl& etcdctl, const std::string& url, absl::Duration timeout);

}  // namespace kplan

#endif  // KPLAN_ETCD_MEMBER_READ_H_
