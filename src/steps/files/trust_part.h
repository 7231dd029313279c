#ifndef KPLAN_STEPS_FILES_TRUST_PART_H_
#define KPLAN_STEPS_FILES_TRUST_PART_H_

#include "absl/status/statusor.h"
#include "src/step/trust_records.h"

namespace kplan {

// What is trusted on this machine, by the files that QUESTION names. FailedPrecondition where one is no file,
// has a private key in it, or is larger than any list of CAs.
absl::StatusOr<TrustAnswer> AnswerTrust(const TrustQuestion& question);

}  // namespace kplan

#endif  // KPLAN_STEPS_FILES_TRUST_PART_H_
