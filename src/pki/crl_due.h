#ifndef KPLAN_PKI_CRL_DUE_H_
#define KPLAN_PKI_CRL_DUE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_check.h"

namespace kplan {

// Why a CRL of VALIDITY has to be made again because of its times, if it has: not valid yet, expired, another
// lifetime than EXPIRY seconds (if given), expires soon. It is due when a third of its life is left, because
// whoever checks it refuses everybody once it has expired. The names are a certificate's (TimeReason).
std::optional<Reason> CrlTimeReason(const Validity& validity, std::optional<int64_t> expiry, absl::Time now);

// The text of that, or "".
std::string CrlTimeDifference(const Validity& validity, std::optional<int64_t> expiry, absl::Time now);

// The same of the CRL in the PEM file PATH, but for its lifetime, for `gen`; "" also when it cannot be read
// (its step says why).
std::string WhyCrlIsDue(const std::string& path, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_PKI_CRL_DUE_H_
