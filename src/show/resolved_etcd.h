#ifndef KPLAN_SHOW_RESOLVED_ETCD_H_
#define KPLAN_SHOW_RESOLVED_ETCD_H_

#include "src/show/resolved_walk.h"

namespace kplan {

// `etcd` and `etcds`.
void WalkEtcds(const ResolvedWalk& walk);

}  // namespace kplan

#endif  // KPLAN_SHOW_RESOLVED_ETCD_H_
