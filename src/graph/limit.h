#ifndef KPLAN_GRAPH_LIMIT_H_
#define KPLAN_GRAPH_LIMIT_H_

// A part of a plan: what `--limit NAME` means. The decision alone, over the graph.
//
//   1. What is named is done: the step of a label, the steps of a group, those of a host.
//   2. What that needs is done, too: all inputs, and of what only has to be there before (Step::after) what
//      is of the same host or of no host. That the service on another host comes first, or that somebody
//      else's service is proved first, is order and no need: it stays out, unless it is named.
//   3. A step that is about services of several hosts (a rollout) can be done for some of them: those of the
//      hosts that are named, or whose services are. Then it needs what is on these hosts, and nothing of what
//      is on the others. It is done for all when it is named itself, by its group, or by what is made from
//      it.
//   4. The order of services stays, also where one between two of them is left out. Where both are done, what
//      proves the first before the second is touched is done, too.
//   5. Where hosts are named, so is what proves the services on them, once it is about no others.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "src/graph/graph.h"

namespace kplan {

// A step of a part, with what has to be done before it in that part. All ids are the whole graph's.
struct LimitedStep {
  StepId step = 0;
  StepIds inputs, after;
  // Of a step about the services of several hosts: it is done for these alone. Empty: for all of them.
  std::vector<std::string> hosts;

  bool partial() const { return !hosts.empty(); }
};

struct Limit {
  std::vector<std::string> names;
  std::vector<LimitedStep> steps;  // ascending

  // Null: STEP is left out.
  const LimitedStep* Find(StepId step) const;
  // The steps that no other step of the part depends on.
  std::vector<StepId> Leaves() const;
};

// NAMES: labels, groups and hosts, at least one. NotFound when GRAPH has none of that name: "there is no
// host, service, group or label \"etcd-22\"; did you mean \"etcd-2\"?".
absl::StatusOr<Limit> LimitTo(const Graph& graph, absl::Span<const std::string> names);

// The services that SERVICE, a step of a service, takes turns with.
struct Turns {
  size_t at_a_time = 0;        // so many of them may be away at a time
  std::vector<StepId> others;  // those of the same name on other hosts that LIMIT leaves out
};
Turns TurnsOf(const Graph& graph, const Limit& limit, StepId service);

// The graph of LIMIT alone: its steps in their order, with their records, in shards of the same names. Step I
// of it is LIMIT.steps[I].
Graph LimitedGraph(const Graph& graph, const Limit& limit);

}  // namespace kplan

#endif  // KPLAN_GRAPH_LIMIT_H_
