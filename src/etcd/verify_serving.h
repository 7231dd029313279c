#ifndef KPLAN_ETCD_VERIFY_SERVING_H_
#define KPLAN_ETCD_VERIFY_SERVING_H_

// Whether a member answers, and which certificate it shows.

#include <vector>

#include "src/etcd/verify_cluster.h"
#include "src/etcd/verify_report.h"

namespace kplan {

// Waits until MEMBER is healthy for a good client. *PROBE is the last one. What stands in the way: one
// finding, or one for each alarm.
std::vector<Finding> AwaitHealth(const ClusterExpected& cluster, const MemberExpected& member,
                                 ProbeResult* probe);

// PROBE saw at PORT the very certificate that is expected there, signed by the CA, valid and good for the
// address. *SEEN is what was served.
Finding CheckServedCertificate(const ClusterExpected& cluster, const ExpectedPort& port,
                               const ProbeResult& probe, CertificateSeen* seen);

// The members' port of MEMBER: TLS, with the certificate that is expected there. A certificate and its key
// that are just being exchanged are looked at again for a moment.
//
// On the wire (etcd v3.4, pkg/transport/listener_tls.go): who has a certificate of the members' CA gets
// through the handshake, whatever its names. Only then etcd looks whether they fit the address that it came
// from, and if not closes the connection in order, with no word. A client without a certificate, or with one
// of another CA, gets an alert (42 bad_certificate): in TLS 1.2 in the handshake, in TLS 1.3 instead of the
// first answer. Either way the server's own certificate has been shown before.
Finding CheckPeerCertificate(const ClusterExpected& cluster, const MemberExpected& member,
                             CertificateSeen* seen);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_SERVING_H_
