#ifndef KPLAN_LOOK_LOOK_H_
#define KPLAN_LOOK_LOOK_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/graph/graph.h"
#include "src/step/host_access.h"

namespace kplan {

// Compares what there is with the plan where ninja cannot (see look/drift.h), and makes each step stale whose
// artifact is not as it should be, so that ninja runs it. Only steps that were done before: the others are
// ninja's to find. Returns what was found, a line each: "key/kubernetes: mode is 0644, should be 0600".
//
// Where a file was touched and is right all the same, the journal is told, and nothing else. Also keeps the
// journals short. Under RunLock::Exclusive.
//
// Nothing on hosts over ssh is looked at, and nothing that is at the same paths on this machine.
std::vector<std::string> LookForStale(const Graph& graph, absl::Time now);

// The same for the hosts over ssh, by asking them: adds what was found to *FOUND. Returns which hosts could
// not be asked, and why, a text each.
std::vector<std::string> LookForStaleOverSsh(const Graph& graph, HostAccess* hosts,
                                             std::vector<std::string>* found);

}  // namespace kplan

#endif  // KPLAN_LOOK_LOOK_H_
