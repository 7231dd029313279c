#ifndef KPLAN_ETCD_VERIFY_ALARMS_H_
#define KPLAN_ETCD_VERIFY_ALARMS_H_

#include <string>
#include <vector>

#include "src/etcd/verify_cluster.h"
#include "src/etcd/verify_report.h"

namespace kplan {

// The alarms among ERRORS, what a member's status has (alarm.h), each a finding about the member that raised
// it.
std::vector<Finding> AlarmFindings(const ClusterExpected& cluster, const std::vector<std::string>& errors);

// Asks MEMBER alone. Nothing when it cannot be asked.
std::vector<Finding> AskForAlarms(const ClusterExpected& cluster, const MemberExpected& member);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_ALARMS_H_
