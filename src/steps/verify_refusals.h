#ifndef KPLAN_STEPS_VERIFY_REFUSALS_H_
#define KPLAN_STEPS_VERIFY_REFUSALS_H_

#include <string>
#include <vector>

#include "src/steps/verify_cluster.h"
#include "src/steps/verify_report.h"

namespace kplan {

// Shows that a client of KIND ("no-cert", "wrong-ca", "plaintext") is turned away at MEMBER, while a good one
// gets in. Only what the server itself says counts: silence, a reset or a timeout looks the same when the
// network is dead.
Finding CheckRefused(const ClusterExpected& cluster, const MemberExpected& member, const std::string& kind,
                     std::vector<Refusal>* refusals);

}  // namespace kplan

#endif  // KPLAN_STEPS_VERIFY_REFUSALS_H_
