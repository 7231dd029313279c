#include "src/base/patience.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace kplan {

Patience::Patience(const Bounds& bounds, Clock* clock)
    : bounds_(bounds), clock_(clock), begun_(clock->Now()), last_(begun_) {}

absl::Status Patience::Check() const {
  const absl::Time now = clock_->Now();
  if (now - begun_ >= bounds_.total) {
    return absl::DeadlineExceededError(
        absl::StrCat("it was not done within ", absl::FormatDuration(bounds_.total)));
  }
  if (now - last_ >= bounds_.silence) {
    return absl::DeadlineExceededError(
        absl::StrCat("it has been silent for ", absl::FormatDuration(bounds_.silence)));
  }
  return absl::OkStatus();
}

absl::Duration Patience::Left() const {
  const absl::Time end = std::min(begun_ + bounds_.total, last_ + bounds_.silence);
  return std::max(end - clock_->Now(), absl::ZeroDuration());
}

}  // namespace kplan
