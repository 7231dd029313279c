#ifndef KPLAN_TRUST_GENERATIONS_H_
#define KPLAN_TRUST_GENERATIONS_H_

// The generations of a CA that is exchanged, as their files in pki/ show them: each has its certificate and
// its key under a name of its own (paths::Generation).

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/pki/certificate.h"
#include "src/step/outlook.h"
#include "src/step/trust_records.h"

namespace kplan {

struct Generation {
  int64_t number = 1;
  std::string stem;  // of its files
  Certificate certificate;
};

// Those of CA that are there, by their numbers. A file of such a name that holds no CA's certificate is an
// error: FailedPrecondition, or Certificate::Read's.
absl::StatusOr<std::vector<Generation>> FindGenerations(const ExchangedCa& ca);

// The one that is wanted among GENERATIONS; null: it is not there.
const Generation* WantedOf(const ExchangedCa& ca, const std::vector<Generation>& generations);

// FailedPrecondition when the generation that CA wants was retired, which never comes back.
absl::Status CheckNotRetired(const ExchangedCa& ca);

// Why OTHER cannot sign the key of CA's next generation for a while, NOW; "": it can. WANTED: null where it
// is not made yet. The key is not opened.
std::string WhyNoCross(const Generation& other, const Generation* wanted, absl::Time now);

// The certificate of WANTED's key that SIGNER signs, in paths::Cross: made, or made again where it is not
// that, is missing, or ends sooner than it could.
absl::Status EnsureCross(const ExchangedCa& ca, const Generation& wanted, const Generation& signer,
                         absl::Time now);

// All GENERATIONS as PEM, the wanted one first; that goes to paths::Trust.
std::string TrustText(const ExchangedCa& ca, const std::vector<Generation>& generations);

// Which of GENERATIONS are in PEM, the content of a file of trusted CAs: their numbers. One counts by subject
// and key, whenever its certificate was made.
std::vector<int64_t> TrustedIn(absl::string_view pem, const std::vector<Generation>& generations);

// Moves the files of GENERATION, and what it signed for WANTED, to paths::kRetired.
absl::Status Retire(const Generation& generation, const Generation& wanted);

}  // namespace kplan

#endif  // KPLAN_TRUST_GENERATIONS_H_
