#ifndef KPLAN_LOOK_LOOK_H_
#define KPLAN_LOOK_LOOK_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/look/contact.h"

namespace kplan {

// Compares what there is with the plan where ninja cannot (see look/drift.h), and makes each step stale whose
// artifact is not as it should be, so that ninja runs it. Only steps that were done before: the others are
// ninja's to find. Returns what was found, a line each: "key/kubernetes: mode is 0644, should be 0600".
//
// Where a file was touched and is right all the same, the journal is told, and nothing else. Also keeps the
// journals short. Under RunLock::Exclusive.
//
// SIGHTS: what the hosts over ssh have said, with JOURNALS (ReadJournals). Of one that has not, nothing is
// made stale, and nothing that is at the same paths on this machine counts.
std::vector<std::string> LookForStale(const Graph& graph, const std::vector<Journal>& journals,
                                      const HostSights& sights, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_LOOK_LOOK_H_
