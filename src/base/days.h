#ifndef KPLAN_BASE_DAYS_H_
#define KPLAN_BASE_DAYS_H_

#include <cstdint>

#include "absl/time/time.h"

namespace kplan {

inline constexpr int64_t kDaySeconds = 24 * 3600;

// The whole days from NOW to END (Unix seconds), rounded down: 0 is less than a day, and -1 is past.
int64_t DaysLeft(int64_t end, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_BASE_DAYS_H_
