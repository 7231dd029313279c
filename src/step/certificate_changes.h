#ifndef KPLAN_STEP_CERTIFICATE_CHANGES_H_
#define KPLAN_STEP_CERTIFICATE_CHANGES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/pki/certificate.h"
#include "src/step/outlook.h"

namespace kplan {

// How a person tells keys apart: "SHA256:" and the first 16 hexadecimal digits of the digest of SPKI (DER of
// the SubjectPublicKeyInfo, RFC 5280 4.1.2.7).
std::string KeyFingerprint(absl::string_view spki);

// What TO says that FROM does not, and the other way round, in cfssl's words: "CN", "subject" (its other
// fields), "issuer", "issuer key" (its identifier), "key", "SAN", "usage", "CA", "max-path-len", "expiry"
// (how long it lives: "8760h"), "until" (its last moment), "permitted name", "excluded name", "CRL URL",
// "OCSP URL", "issuer URL". Of lists one change an element that comes or goes. Empty for two that differ in
// serial number and signature only.
std::vector<Change> CertificateChanges(const Certificate& from, const Certificate& to);

}  // namespace kplan

#endif  // KPLAN_STEP_CERTIFICATE_CHANGES_H_
