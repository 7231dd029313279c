#include "src/pki/crl_due.h"

#include "absl/strings/str_cat.h"
#include "src/pki/revocation_list.h"

namespace kplan {

std::optional<Reason> CrlTimeReason(const Validity& validity, std::optional<int64_t> expiry, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  const int64_t life = validity.not_after - validity.not_before;
  if (validity.not_before > seconds) {
    return Reason{"not-yet-valid", absl::StrCat("not valid before ", TimeText(validity.not_before))};
  }
  if (validity.not_after <= seconds) {
    return Reason{"expired", absl::StrCat("expired on ", TimeText(validity.not_after))};
  }
  if (expiry.has_value() && life != *expiry) {
    return Reason{"expiry",
                  absl::StrCat("expiry differs: spec ", DurationText(*expiry), ", CRL ", DurationText(life))};
  }
  if (validity.not_after - seconds < life / 3) {
    return Reason{kExpiresSoon, absl::StrCat("expires soon, on ", TimeText(validity.not_after))};
  }
  return std::nullopt;
}

std::string CrlTimeDifference(const Validity& validity, std::optional<int64_t> expiry, absl::Time now) {
  std::optional<Reason> reason = CrlTimeReason(validity, expiry, now);
  return reason.has_value() ? reason->text : "";
}

std::string WhyCrlIsDue(const std::string& path, absl::Time now) {
  absl::StatusOr<Validity> validity = ReadCrlValidity(path);
  if (!validity.ok()) return "";
  return CrlTimeDifference(*validity, std::nullopt, now);
}

}  // namespace kplan
