#ifndef KPLAN_ETCD_VERIFY_WRITE_H_
#define KPLAN_ETCD_VERIFY_WRITE_H_

#include <vector>

#include "src/etcd/verify_cluster.h"
#include "src/etcd/verify_report.h"

namespace kplan {

// A write through one member is there on every member: put at the first one's endpoint, a key of a random
// name below kVerifyPrefix (facts/etcd_rights.h), it is read at each one's own endpoint, linearizably (what
// the cluster agreed on) and serializably (what that member has itself). The key hangs on a lease: revoking
// it deletes the key, whatever the checks found, and where kplan is killed in between it goes by itself after
// five minutes. An election in between is waited out. *SEEN is filled when all is well.
std::vector<Finding> CheckWrite(const ClusterExpected& cluster, WriteSeen* seen);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_WRITE_H_
