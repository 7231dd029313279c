#ifndef KPLAN_STEPS_CERTIFICATE_DUE_H_
#define KPLAN_STEPS_CERTIFICATE_DUE_H_

#include <string>

#include "absl/time/time.h"

namespace kplan {

// Why the certificate in PATH has to be renewed now ("expires soon, on ..."), or "" while it has not, and when it cannot
// be read (its step says why). ISSUER is the path of the certificate that signed it, empty for a self-signed one. The
// rule is the step's own.
std::string WhyCertificateIsDue(const std::string& path, const std::string& issuer, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_STEPS_CERTIFICATE_DUE_H_
