#include "src/pki/certificate_check.h"

#include "absl/strings/str_cat.h"

namespace kplan {
namespace {

// The start is rounded to the minute, half up.
constexpr int64_t kRounding = 30;

// How long before the end a certificate of LIFE seconds is renewed.
int64_t RenewBefore(const Lifetime& lifetime, int64_t life) {
  return lifetime.renew_before.value_or(life / 3);
}

}  // namespace

absl::Status CheckLifetime(const Lifetime& lifetime) {
  if (!lifetime.expiry.has_value()) return absl::OkStatus();
  const int64_t expiry = *lifetime.expiry, lost = lifetime.backdate + kRounding;
  if (lost < expiry && expiry - lost > RenewBefore(lifetime, expiry)) return absl::OkStatus();
  if (lifetime.renew_before.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("a certificate of ", DurationText(expiry),
                                                   " that is renewed ", DurationText(*lifetime.renew_before),
                                                   " before its end would be renewed at once"));
  }
  // Whole minutes, above one and a half times what is lost.
  return absl::InvalidArgumentError(
      absl::StrCat("an expiry of ", DurationText(expiry), " is too short: a certificate starts ",
                   DurationText(lifetime.backdate), " before it is made; take ",
                   DurationText((lost + lost / 2) / 60 * 60 + 120), " or more"));
}

std::optional<Reason> TimeReason(const Validity& c, const Lifetime& lifetime, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  if (c.not_before > seconds) {
    return Reason{"not-yet-valid", absl::StrCat("not valid before ", TimeText(c.not_before))};
  }
  if (c.not_after <= seconds) return Reason{"expired", absl::StrCat("expired on ", TimeText(c.not_after))};
  const int64_t life = c.not_after - c.not_before;
  // One that outlives its CA (cfssl caps nothing) is good for as long as one that ends with it.
  const bool capped = lifetime.cap.has_value() && c.not_after >= *lifetime.cap;
  if (lifetime.expiry.has_value() && life != *lifetime.expiry && !(capped && life < *lifetime.expiry)) {
    return Reason{"expiry", absl::StrCat("expiry differs: spec ", DurationText(*lifetime.expiry),
                                         ", certificate ", DurationText(life))};
  }
  if (!capped && c.not_after - seconds < RenewBefore(lifetime, life)) {
    return Reason{kExpiresSoon, absl::StrCat("expires soon, on ", TimeText(c.not_after))};
  }
  return std::nullopt;
}

}  // namespace kplan
