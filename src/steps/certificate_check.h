#ifndef KPLAN_STEPS_CERTIFICATE_CHECK_H_
#define KPLAN_STEPS_CERTIFICATE_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "src/steps/certificate.h"

namespace kplan {

// How long a certificate is to live, and when it is to be renewed.
struct Lifetime {
  int64_t expiry = 0;                   // seconds from notBefore to notAfter
  std::optional<int64_t> renew_before;  // seconds before notAfter; without: the last third of its life
  // The issuer's notAfter, beyond which no leaf lives; for a CA: none.
  std::optional<int64_t> cap;
};

// InvalidArgument when a new certificate would have to be renewed at once: an expiry that the back-dating
// eats, or a renew-before that is not shorter than the expiry.
absl::Status CheckLifetime(const Lifetime& lifetime);

// Why a certificate of VALIDITY has to be made again because of its times, or "": not yet valid, expired,
// expires soon, lifetime differs from the spec. Renewing what ends with its issuer would gain nothing, so
// that is never "soon".
std::string TimeDifference(const Validity& validity, const Lifetime& lifetime, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_STEPS_CERTIFICATE_CHECK_H_
