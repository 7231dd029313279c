#ifndef KPLAN_TRUST_LEAVES_SHOWN_H_
#define KPLAN_TRUST_LEAVES_SHOWN_H_

#include "absl/status/status.h"
#include "src/step/step.h"
#include "src/step/trust_records.h"

namespace kplan {

// Has those services of RECORD read their leaves that read them once, one after another, and waits until
// every member that runs shows its leaf at both ports, as a handshake sees it. Nothing else of a service is
// touched. FailedPrecondition when a member shows another one for half a minute.
absl::Status AwaitLeavesShown(const StepContext& context, const TrustRecord& record, StepResult* result);

}  // namespace kplan

#endif  // KPLAN_TRUST_LEAVES_SHOWN_H_
