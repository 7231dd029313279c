#ifndef KPLAN_ETCD_VERIFY_REFUSALS_H_
#define KPLAN_ETCD_VERIFY_REFUSALS_H_

#include <string>
#include <vector>

#include "src/etcd/verify_cluster.h"
#include "src/etcd/verify_report.h"

namespace kplan {

// Shows that a client of KIND ("no-cert", "wrong-ca", "plaintext") is turned away at PORT of MEMBER, while a
// good one gets in. Only what the server itself says counts: silence, a reset or a timeout looks the same
// when the network is dead. At the clients' port the good one reads through the quorum. At the members' port
// it is the member itself, where its key is known: it gets through the handshake, and then an answer, or the
// connection is closed in order because it does not come from the member's address. Where its key is not
// known, the port still has to show its certificate and to ask for a client's.
Finding CheckRefused(const ClusterExpected& cluster, const MemberExpected& member, const ExpectedPort& port,
                     const std::string& kind, std::vector<Refusal>* refusals);

// PORT takes clients' certificates of exactly those CAs that are in the file it should trust, by the names
// that it asks for: one more lets strangers in that no probe could be, one less is a restart that is due.
Finding CheckTrust(const ClusterExpected& cluster, const ExpectedPort& port);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_REFUSALS_H_
