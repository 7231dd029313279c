#ifndef KPLAN_ETCD_VERIFY_MEMBERS_H_
#define KPLAN_ETCD_VERIFY_MEMBERS_H_

// What the members say of themselves and of each other, against what was expected.

#include <cstdint>
#include <vector>

#include "src/etcd/etcd_cluster.h"
#include "src/etcd/verify_cluster.h"
#include "src/etcd/verify_report.h"

namespace kplan {

// What is wrong with the answers of one moment.
struct Judgement {
  std::vector<Finding> lasting;
  std::vector<Finding> passing;  // may come right by itself: an election, a member that catches up

  bool ok() const { return lasting.empty() && passing.empty(); }
};

// ANSWERS are those of the members ASKED (by their place in CLUSTER). Each has to list exactly the expected
// members: ids, names and URLs, started, no learners; has to be the member, of the cluster, that it should
// be; and, in a cluster, without an alarm, of the one version, with the one leader that all have in the one
// term, and with the log applied up to LEAST_INDEX at least. An id is foretold only for a member that the
// cluster began with: of one that was removed and added again by hand, name and peer URLs have to fit. What
// was seen goes into SEEN, which is in the order of ASKED.
Judgement JudgeMembership(const ClusterExpected& cluster, const std::vector<size_t>& asked,
                          const std::vector<MemberAnswer>& answers, uint64_t least_index,
                          std::vector<MemberSeen>* seen);

// Asks the members ASKED by etcdctl, each at its own endpoint, and judges; what may pass is looked at again,
// until the deadline. What was seen goes into REPORT, whose members are those asked.
std::vector<Finding> CheckMembership(const ClusterExpected& cluster, const std::vector<size_t>& asked,
                                     VerifyReport* report);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_MEMBERS_H_
