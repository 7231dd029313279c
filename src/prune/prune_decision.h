#ifndef KPLAN_PRUNE_PRUNE_DECISION_H_
#define KPLAN_PRUNE_PRUNE_DECISION_H_

// What becomes of a leftover: whether it may go, and why not.

#include <string>

#include "absl/container/flat_hash_map.h"
#include "src/graph/graph.h"
#include "src/look/holdings.h"
#include "src/prune/leftovers.h"
#include "src/prune/prune.h"
#include "src/step/service_records.h"

namespace kplan {

// What is stopped, and not removed.
bool IsService(const Leftover& leftover);

// The root of its host; "" below DIR.
std::string RootOf(const Leftover& leftover);

// What stands between a leftover and its removal although it may go: services below the same root.
class Roots {
 public:
  explicit Roots(const Graph& graph) : graph_(graph), names_(&graph) {}

  // The name of the root of HOLDING, which is on a host.
  std::string NameOf(const Holding& holding);

  // Whether HOST, which has an agent or had one, is this machine.
  bool IsHere(const std::string& host) { return names_.IsHere(host); }

  // A service of the plan that may still run with what an earlier plan gave it; "" when there is none.
  std::string NotYetRestarted(const Holding& holding);

 private:
  void AddWaiting(const ServiceRecord& service, const std::string& label);

  const Graph& graph_;
  HoldingNames names_;
  bool read_ = false;
  absl::flat_hash_map<std::string, std::string> waiting_;  // label by root
};

// What would become of LEFTOVER now, by itself.
PruneItem ItemOf(const Leftover& leftover, const PruneOptions& options, Roots* roots);

}  // namespace kplan

#endif  // KPLAN_PRUNE_PRUNE_DECISION_H_
