#ifndef KPLAN_CLI_LOOK_H_
#define KPLAN_CLI_LOOK_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/graph/graph.h"

namespace kplan {

// Looks at what ninja cannot see (see Watch) and makes each step stale whose artifact is not as it should be,
// so that ninja runs it. Only steps that were done before: the others are ninja's to find. Returns what was
// found, a line each: "key/kubernetes: mode is 0644, should be 0600".
std::vector<std::string> LookForStale(const Graph& graph, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_CLI_LOOK_H_
