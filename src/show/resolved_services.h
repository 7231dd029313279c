#ifndef KPLAN_SHOW_RESOLVED_SERVICES_H_
#define KPLAN_SHOW_RESOLVED_SERVICES_H_

#include "src/show/resolved_walk.h"

namespace kplan {

// `services`, if there are any.
void WalkServices(const ResolvedWalk& walk);

}  // namespace kplan

#endif  // KPLAN_SHOW_RESOLVED_SERVICES_H_
