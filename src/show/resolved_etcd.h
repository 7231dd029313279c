#ifndef KPLAN_SHOW_RESOLVED_ETCD_H_
#define KPLAN_SHOW_RESOLVED_ETCD_H_

#include "src/show/resolved_walk.h"

namespace kplan {

// `etcd`. The cluster has one.
void WalkEtcd(const ResolvedWalk& walk);

}  // namespace kplan

#endif  // KPLAN_SHOW_RESOLVED_ETCD_H_
