#ifndef KPLAN_ETCD_CLAIM_ANSWER_H_
#define KPLAN_ETCD_CLAIM_ANSWER_H_

#include "absl/status/statusor.h"
#include "src/step/claim_question.h"

namespace kplan {

// A host's answer (host/host_claim.h): it notes the claim, or whose it is.
absl::StatusOr<ClaimAnswer> AnswerClaim(const ClaimQuestion& question);

}  // namespace kplan

#endif  // KPLAN_ETCD_CLAIM_ANSWER_H_
