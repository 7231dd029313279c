#ifndef KPLAN_STEPS_PKI_PKI_TESTING_H_
#define KPLAN_STEPS_PKI_PKI_TESTING_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/record.h"
#include "src/pki/certificate.h"
#include "src/step/step_testing.h"

namespace kplan {

// Records of a small PKI (ECDSA, which is made at once) that a test changes, and a clock that it sets.
class PkiTest : public StepTest {
 protected:
  PkiTest();

  absl::StatusOr<StepResult> RunNow(const AnyStep& step, const Json& record) const;
  // Expects success; the reason that the step gives.
  std::string ReasonOf(const AnyStep& step, const Json& record) const;
  // Expects success for a reason, and then that a second run finds nothing to do and touches nothing.
  std::string RemakeReason(const AnyStep& step, const Json& record) const;
  // Expects failure that touches nothing; its message.
  std::string Refusal(const AnyStep& step, const Json& record) const;
  std::string DigestOf(const AnyStep& step, const Json& record) const;

  // All five, in order.
  void MakeAll() const;

  // An intermediate CA below that one: pki/mid.pem, and the records.
  void MakeIntermediate();

  static Certificate Parsed(const std::string& path);

  absl::Time now_;
  Json ca_key_, ca_cert_, key_, csr_, cert_;
  Json mid_key_, mid_csr_, mid_cert_;  // set by MakeIntermediate()
};

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_PKI_TESTING_H_
