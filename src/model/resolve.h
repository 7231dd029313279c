#ifndef KPLAN_MODEL_RESOLVE_H_
#define KPLAN_MODEL_RESOLVE_H_

#include "src/base/diagnostic.h"
#include "src/model/cluster.h"
#include "src/spec/spec.h"

namespace kplan {

// Puts the defaults in and checks the meaning of everything. All errors are reported; the Cluster is to be
// used only when there were none.
Cluster Resolve(const Spec& spec, Diagnostics* diagnostics);

// The CA called NAME or, where that is not set, the one that signs what names none: the one called "ca", or
// the only one. Index into Cluster::cas; -1 when there is none.
int FindCa(const Cluster& cluster, const Text& name);

}  // namespace kplan

#endif  // KPLAN_MODEL_RESOLVE_H_
