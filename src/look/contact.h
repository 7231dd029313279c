#ifndef KPLAN_LOOK_CONTACT_H_
#define KPLAN_LOOK_CONTACT_H_

// How things stand on the hosts over ssh, by asking them: for `kplan status --contact` and `kplan gen
// --contact`, and nobody else. Nothing is changed there.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/graph/graph.h"
#include "src/look/forecast.h"
#include "src/step/host_access.h"

namespace kplan {

// An artifact that is not as its step left it.
struct Drift {
  StepId step = 0;
  std::vector<Reason> reasons;
};

// A service as its host sees it.
struct SeenService {
  std::string label;  // "service/etcd-2/etcd"
  bool managed = true, running = false;
  int64_t process = 0, since = 0;  // of one that runs; since: Unix seconds
  std::vector<std::string> older;  // files that it was started with, and that are others now
  std::string problem;             // why it cannot be told
};

struct HostVisit {
  std::string host;
  std::string problem;        // why it did not answer; empty: it did
  size_t asked = 0;           // artifacts that were looked at
  std::vector<Drift> drifts;  // in the order of the graph
  std::vector<SeenService> services;
};

// Visits every host over ssh of GRAPH that a step has been done on, several at a time, and looks at what was
// done there last: of a step that ninja would run in any case (its record is another one, or it failed) there
// is nothing to say. JOURNALS: as Graph::shards(). In the order of the shards.
//
// HOSTS reaches the hosts of the plan on disk (.kplan/steps), which may be older than GRAPH: one that is not
// there yet is not asked.
std::vector<HostVisit> VisitHosts(const Graph& graph, const std::vector<Journal>& journals,
                                  HostAccess* hosts);

// Puts what was found into FORECAST: what drifted is stale.
void AddVisits(const std::vector<HostVisit>& visits, Forecast* forecast);

}  // namespace kplan

#endif  // KPLAN_LOOK_CONTACT_H_
