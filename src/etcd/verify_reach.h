#ifndef KPLAN_ETCD_VERIFY_REACH_H_
#define KPLAN_ETCD_VERIFY_REACH_H_

#include <string>
#include <vector>

#include "src/etcd/verify_cluster.h"
#include "src/etcd/verify_report.h"

namespace kplan {

// Every member gets from its own host to every other one's peer port, with its own certificate, by TLS: what
// a quorum of them may hide. Nothing where members are asked from here alone. *UNASKED: lines about members
// whose hosts could not be reached, each indented.
std::vector<Finding> CheckPeerReach(const ClusterExpected& cluster, std::string* unasked);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_REACH_H_
