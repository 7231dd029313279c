#ifndef KPLAN_LOWER_LOWER_H_
#define KPLAN_LOWER_LOWER_H_

#include "absl/status/statusor.h"
#include "src/graph/graph.h"
#include "src/model/cluster.h"

namespace kplan {

// The steps that make CLUSTER. Labels and records depend on nothing but the cluster.
absl::StatusOr<Graph> Lower(const Cluster& cluster);

}  // namespace kplan

#endif  // KPLAN_LOWER_LOWER_H_
