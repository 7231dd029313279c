#ifndef KPLAN_PLAN_RESOLVED_PKI_H_
#define KPLAN_PLAN_RESOLVED_PKI_H_

#include "src/plan/resolved_walk.h"

namespace kplan {

// `ca`, `cas`, `signing`, `certs` and `revoked`.
void WalkPki(const ResolvedWalk& walk);

}  // namespace kplan

#endif  // KPLAN_PLAN_RESOLVED_PKI_H_
