#ifndef KPLAN_CLI_LOOK_H_
#define KPLAN_CLI_LOOK_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/graph/graph.h"

namespace kplan {

// Compares what there is with the plan where ninja cannot (see plan/drift.h), and makes each step stale whose
// artifact is not as it should be, so that ninja runs it. Only steps that were done before: the others are
// ninja's to find. Returns what was found, a line each: "key/kubernetes: mode is 0644, should be 0600".
//
// Where a file was touched and is right all the same, the journal is told, and nothing else. Also keeps the
// journals short. Under RunLock::Exclusive.
std::vector<std::string> LookForStale(const Graph& graph, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_CLI_LOOK_H_
