#ifndef KPLAN_SHOW_PLAN_REPORT_INTERNAL_H_
#define KPLAN_SHOW_PLAN_REPORT_INTERNAL_H_

// What the report and its writers share.

#include <cstddef>

#include "src/look/forecast.h"

namespace kplan {

struct ServiceCounts {
  size_t starts = 0, restarts = 0, reloads = 0;
  size_t others = 0;  // that run on, and of which something else is put right
};

// Counts the services of a step about several. A step about a single one counts as that one.
ServiceCounts CountServices(const StepForecast& step);

}  // namespace kplan

#endif  // KPLAN_SHOW_PLAN_REPORT_INTERNAL_H_
