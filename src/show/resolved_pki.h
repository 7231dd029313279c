#ifndef KPLAN_SHOW_RESOLVED_PKI_H_
#define KPLAN_SHOW_RESOLVED_PKI_H_

#include "src/show/resolved_walk.h"

namespace kplan {

// `ca`, `cas`, `signing`, `certs` and `revoked`.
void WalkPki(const ResolvedWalk& walk);

}  // namespace kplan

#endif  // KPLAN_SHOW_RESOLVED_PKI_H_
