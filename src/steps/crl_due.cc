#include "src/steps/crl_due.h"

#include "absl/strings/str_cat.h"
#include "src/steps/revocation_list.h"

namespace kplan {

std::string CrlTimeDifference(const Validity& validity, std::optional<int64_t> expiry, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  const int64_t life = validity.not_after - validity.not_before;
  if (validity.not_before > seconds) return absl::StrCat("not valid before ", TimeText(validity.not_before));
  if (validity.not_after <= seconds) return absl::StrCat("expired on ", TimeText(validity.not_after));
  if (expiry.has_value() && life != *expiry) {
    return absl::StrCat("expiry differs: spec ", DurationText(*expiry), ", CRL ", DurationText(life));
  }
  if (validity.not_after - seconds < life / 3)
    return absl::StrCat("expires soon, on ", TimeText(validity.not_after));
  return "";
}

std::string WhyCrlIsDue(const std::string& path, absl::Time now) {
  absl::StatusOr<Validity> validity = ReadCrlValidity(path);
  if (!validity.ok()) return "";
  return CrlTimeDifference(*validity, std::nullopt, now);
}

}  // namespace kplan
