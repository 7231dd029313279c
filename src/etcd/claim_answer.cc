#include "src/etcd/claim_answer.h"

#include "src/host/host_claim.h"

namespace kplan {

absl::StatusOr<ClaimAnswer> AnswerClaim(const ClaimQuestion& question) {
  ClaimAnswer answer;
  if (question.seconds == 0) {
    answer.granted = true;
    absl::Status status = DropHostClaim(question.root, question.cluster, question.holder);
    return status.ok() ? absl::StatusOr<ClaimAnswer>(answer) : status;
  }
  absl::StatusOr<ClaimResult> result =
      TakeHostClaim(question.root, question.cluster, question.holder, question.gone, question.seconds);
  if (!result.ok()) return result.status();
  answer.granted = result->before != ClaimState::kTaken;
  answer.had = result->before == ClaimState::kOurs;
  if (!answer.granted) answer.holder = result->holder;
  return answer;
}

}  // namespace kplan
