#ifndef KPLAN_PLAN_RESOLVED_ETCD_H_
#define KPLAN_PLAN_RESOLVED_ETCD_H_

#include "src/plan/resolved_walk.h"

namespace kplan {

// `etcd`. The cluster has one.
void WalkEtcd(const ResolvedWalk& walk);

}  // namespace kplan

#endif  // KPLAN_PLAN_RESOLVED_ETCD_H_
