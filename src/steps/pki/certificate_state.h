#ifndef KPLAN_STEPS_PKI_CERTIFICATE_STATE_H_
#define KPLAN_STEPS_PKI_CERTIFICATE_STATE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/base/reason.h"
#include "src/step/any_record.h"

namespace kplan {

// Why the step of RECORD, one of a certificate, would do something about its
// certificate, by the very chain that the step goes by, or "": "missing", "SAN differs: added dns x; expires
// soon, on ...". A certificate that somebody else signs and that is missing "waits for signing".
//
// Reads the files that the step reads, and changes nothing. Private keys are looked at only where that needs
// no passphrase; whether a key matches is not known otherwise, and nothing is said about it.
std::string WhyCertificateIsStale(const AnyRecord& record, absl::Time now);

// The same, reason by reason.
std::vector<Reason> CertificateState(const AnyRecord& record, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_CERTIFICATE_STATE_H_
