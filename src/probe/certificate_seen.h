#ifndef KPLAN_PROBE_CERTIFICATE_SEEN_H_
#define KPLAN_PROBE_CERTIFICATE_SEEN_H_

// A certificate as a server showed it, for a verdict and for the person who reads it.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kplan {

struct CertificateSeen {
  std::string fingerprint;        // SHA-256 of the DER, hexadecimal
  std::string subject;            // RFC 2253, in the certificate's order
  std::vector<std::string> sans;  // "DNS:worker", "IP:127.0.0.1", in the certificate's order
  std::string not_after;          // RFC 3339, UTC
};

// What DER, a certificate, says of itself.
absl::StatusOr<CertificateSeen> DescribeCertificate(absl::string_view der);

// The same in one line: "sha256 ... (CN=kubernetes; DNS:worker; until 2026-11-14T22:08:00Z)".
std::string CertificateText(const CertificateSeen& certificate);

// The DER of the first certificate in PEM: the leaf of a chain, or of a bundle that has its key, too.
// OpenSSL's error when there is none.
absl::StatusOr<std::string> FirstCertificateDer(const std::string& pem);

// TIME as RFC 3339 in UTC, to the second.
std::string UtcText(absl::Time time);

}  // namespace kplan

#endif  // KPLAN_PROBE_CERTIFICATE_SEEN_H_
