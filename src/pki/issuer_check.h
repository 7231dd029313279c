#ifndef KPLAN_PKI_ISSUER_CHECK_H_
#define KPLAN_PKI_ISSUER_CHECK_H_

// What is looked at before and after a certificate is signed, so that none comes of it that verifiers refuse.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_spec.h"
#include "src/pki/usages.h"

namespace kplan {

// Who signs a certificate or a CRL.
struct Signer {
  const std::string& path;  // of the certificate
  const Certificate& certificate;
  const std::string& key_path;
  const std::string* spki;  // of the key: DER of the SubjectPublicKeyInfo; null when that is not known
};

// FailedPrecondition when SIGNER may not sign now: not the certificate of its key, not a CA, a key usage
// without USAGE (kCertSign or kCrlSign), not valid yet, or expired.
absl::Status CheckSigner(const Signer& signer, KeyUsageBit usage, absl::Time now);

// FailedPrecondition when ISSUER may not sign what SPEC wants now: as CheckSigner says, or with a path length
// that leaves no room for another CA, usages that do not cover those asked for, or the same subject.
// ISSUER_SPKI: as Signer's.
absl::Status CheckIssuer(const CertificateSpec& spec, const Certificate& issuer,
                         const std::string* issuer_spki, absl::Time now);

// The request proves that whoever asks holds the key, and has to be about the one on disk, whose public half
// is SPKI (DER); null when that is not known: then about any. Returns the public half that it is about.
absl::StatusOr<std::string> CheckRequest(const CertificateSpec& spec, const std::string* spki);

// FailedPrecondition when the certificate MADE (DER) has a name that ISSUER's name constraints do not allow.
absl::Status CheckNames(const CertificateSpec& spec, absl::string_view made, const Certificate& issuer);

}  // namespace kplan

#endif  // KPLAN_PKI_ISSUER_CHECK_H_
