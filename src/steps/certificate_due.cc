#include "src/steps/certificate_due.h"

#include "src/steps/certificate.h"
#include "src/steps/certificate_check.h"

namespace kplan {

std::string WhyCertificateIsDue(const std::string& path, const std::string& issuer, absl::Time now) {
  absl::StatusOr<Certificate> certificate = Certificate::Read(path);
  if (!certificate.ok()) return "";
  Lifetime lifetime;
  // The lifetime asked for is in the record, whose change ninja sees; here only the calendar matters.
  lifetime.expiry = certificate->not_after - certificate->not_before;
  if (!issuer.empty()) {
    absl::StatusOr<Certificate> signer = Certificate::Read(issuer);
    if (signer.ok()) lifetime.cap = signer->not_after;
  }
  return TimeDifference(*certificate, lifetime, now);
}

}  // namespace kplan
