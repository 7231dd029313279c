#ifndef KPLAN_PKI_CERTIFICATE_POLICY_H_
#define KPLAN_PKI_CERTIFICATE_POLICY_H_

// The staleness chain: the one list of reasons for which a certificate has to be made again. The steps decide
// with it, and `kplan certs` explains with it, so that the two cannot disagree. (The model is cert-manager's
// trigger policy chain, internal/controller/certificates/policies.)

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_check.h"
#include "src/pki/certificate_spec.h"

namespace kplan {

// What a certificate is judged by, besides the spec.
struct Evidence {
  const std::string* spki = nullptr;    // of its key; null when that is not known
  const Certificate* issuer = nullptr;  // null for one that is its own issuer, and for an adopted CA
  // Only a look sets these: the key, or the issuer's certificate, will be of a key that is not made yet.
  bool key_anew = false, issuer_anew = false;
  absl::Time now;
};

// Every reason for which C is not the certificate that SPEC wants, in the order of the chain; empty when it
// is.
std::vector<Reason> WhyStale(const Certificate& c, const CertificateSpec& spec, const Evidence& evidence);

}  // namespace kplan

#endif  // KPLAN_PKI_CERTIFICATE_POLICY_H_
