#ifndef KPLAN_PKI_CERTIFICATE_DUE_H_
#define KPLAN_PKI_CERTIFICATE_DUE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace kplan {

// When the certificate in PATH ends, in Unix seconds; nothing when it cannot be read.
std::optional<int64_t> EndOfCertificate(const std::string& path);

// Why the certificate in PATH has to be renewed now ("expires soon, on ..."), or "" while it has not, and
// when it cannot be read (its step says why). ISSUER_END is when the certificate ends that signed it; nothing
// for a self-signed one. RENEW_BEFORE is as in the step's record: seconds before its end when it is due, 0
// for the last third of its life. The rule is the step's own.
std::string WhyCertificateIsDue(const std::string& path, std::optional<int64_t> issuer_end,
                                int64_t renew_before, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_PKI_CERTIFICATE_DUE_H_
