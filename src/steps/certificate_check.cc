#include "src/steps/certificate_check.h"

#include "absl/strings/str_cat.h"
#include "src/steps/issue.h"

namespace kplan {
namespace {

// How long before the end a certificate of LIFE seconds is renewed.
int64_t RenewBefore(const Lifetime& lifetime, int64_t life) {
  return lifetime.renew_before.value_or(life / 3);
}

}  // namespace

absl::Status CheckLifetime(const Lifetime& lifetime) {
  int64_t left_when_new = lifetime.expiry - kMaxBackdating;
  if (left_when_new <= RenewBefore(lifetime, lifetime.expiry)) {
    return absl::InvalidArgumentError(
        lifetime.renew_before.has_value()
            ? absl::StrCat("a certificate of ", DurationText(lifetime.expiry), " that is renewed ",
                           DurationText(*lifetime.renew_before), " before its end would be renewed at once")
            : absl::StrCat("an expiry of ", DurationText(lifetime.expiry),
                           " is too short: a certificate starts 5 minutes ago; take 10m or more"));
  }
  return absl::OkStatus();
}

std::string TimeDifference(const Validity& c, const Lifetime& lifetime, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  if (c.not_before > seconds) return absl::StrCat("not valid before ", TimeText(c.not_before));
  if (c.not_after <= seconds) return absl::StrCat("expired on ", TimeText(c.not_after));
  if (lifetime.cap.has_value() && c.not_after > *lifetime.cap) {
    return absl::StrCat("outlives its CA, which ends on ", TimeText(*lifetime.cap));
  }
  const int64_t life = c.not_after - c.not_before;
  const bool capped = lifetime.cap.has_value() && c.not_after == *lifetime.cap;
  if (life != lifetime.expiry && !(capped && life < lifetime.expiry)) {
    return absl::StrCat("expiry differs: spec ", DurationText(lifetime.expiry), ", certificate ",
                        DurationText(life));
  }
  if (!capped && c.not_after - seconds < RenewBefore(lifetime, life)) {
    return absl::StrCat("expires soon, on ", TimeText(c.not_after));
  }
  return "";
}

}  // namespace kplan
