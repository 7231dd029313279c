#ifndef KPLAN_PLAN_RESOLVED_SERVICES_H_
#define KPLAN_PLAN_RESOLVED_SERVICES_H_

#include "src/plan/resolved_walk.h"

namespace kplan {

// `services`, if there are any.
void WalkServices(const ResolvedWalk& walk);

}  // namespace kplan

#endif  // KPLAN_PLAN_RESOLVED_SERVICES_H_
