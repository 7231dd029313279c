#ifndef KPLAN_PKI_CERTIFICATE_CHECK_H_
#define KPLAN_PKI_CERTIFICATE_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/reason.h"
#include "src/pki/certificate.h"

namespace kplan {

// The one reason that is no fault yet: whoever cannot renew a certificate says so and goes on.
inline constexpr absl::string_view kExpiresSoon = "expires-soon";

// How long a certificate is to live, and when it is to be renewed.
struct Lifetime {
  std::optional<int64_t> expiry;        // seconds from notBefore to notAfter; without: its signer decides
  int64_t backdate = 0;                 // seconds before it is made that it starts (issue.h)
  std::optional<int64_t> renew_before;  // seconds before notAfter; without: the last third of its life
  // The issuer's notAfter, beyond which no new certificate lives; without: it has no issuer, or is its own.
  std::optional<int64_t> cap;
};

// InvalidArgument when a new certificate would have to be renewed at once: an expiry that the back-dating
// eats, or a renew-before that is not shorter than the expiry.
absl::Status CheckLifetime(const Lifetime& lifetime);

// The first of the reasons that lie in a certificate's times: not valid yet, expired, another lifetime than
// the spec's, expires soon. Renewing what ends with its issuer would gain nothing, so that is never "soon";
// nor would signing again what ends after its issuer: verifiers take it for as long as the issuer lives, and
// what came in its place would end no later.
std::optional<Reason> TimeReason(const Validity& validity, const Lifetime& lifetime, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_PKI_CERTIFICATE_CHECK_H_
