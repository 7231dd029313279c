#ifndef KPLAN_STEPS_VERIFY_MEMBERS_H_
#define KPLAN_STEPS_VERIFY_MEMBERS_H_

// What the installed etcdctl says of the members, against what was expected.

#include "src/steps/verify_cluster.h"
#include "src/steps/verify_report.h"

namespace kplan {

// `etcdctl member list` has exactly the expected members, started and no learners; each endpoint is the
// member and of the cluster that it should be. What was seen goes into REPORT, whose members have their
// endpoints already.
Finding CheckMembership(const ClusterExpected& cluster, VerifyReport* report);

}  // namespace kplan

#endif  // KPLAN_STEPS_VERIFY_MEMBERS_H_
