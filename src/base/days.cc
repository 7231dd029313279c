#include "src/base/days.h"

namespace kplan {

int64_t DaysLeft(int64_t end, absl::Time now) {
  const int64_t left = end - absl::ToUnixSeconds(now);
  return left >= 0 ? left / kDaySeconds : -((-left + kDaySeconds - 1) / kDaySeconds);
}

}  // namespace kplan
