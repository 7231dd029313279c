#include "src/pki/certificate_due.h"

#include "src/pki/certificate.h"
#include "src/pki/certificate_check.h"

namespace kplan {

std::optional<int64_t> EndOfCertificate(const std::string& path) {
  absl::StatusOr<Validity> validity = Validity::Read(path);
  if (!validity.ok()) return std::nullopt;
  return validity->not_after;
}

std::string WhyCertificateIsDue(const std::string& path, std::optional<int64_t> issuer_end,
                                int64_t renew_before, absl::Time now) {
  absl::StatusOr<Validity> validity = Validity::Read(path);
  if (!validity.ok()) return "";
  Lifetime lifetime;  // the length asked for is in the record, whose change ninja sees
  lifetime.cap = issuer_end;
  if (renew_before != 0) lifetime.renew_before = renew_before;
  std::optional<Reason> reason = TimeReason(*validity, lifetime, now);
  return reason.has_value() ? reason->text : "";
}

}  // namespace kplan
