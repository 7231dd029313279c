#ifndef KPLAN_LOOK_HOLDINGS_H_
#define KPLAN_LOOK_HOLDINGS_H_

// Where the artifacts of steps are, on this machine or on hosts over ssh, for who compares many of them.

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "src/graph/graph.h"
#include "src/step/any_record.h"

namespace kplan {

// A service of a plan: one with a step of its own, or one of those that a rollout is about.
struct ServicePart {
  std::string label, host, name;  // "service/etcd-2/etcd"
  bool over_ssh = false;
  ServiceRecord record;  // of a step of its own: with `host` where that is over ssh
};

// Those of a rollout.
std::vector<ServicePart> ServicesOf(const RolloutRecord& rollout);

// That of a service's step, or those of a rollout's; none of other kinds, which are not looked into.
std::vector<ServicePart> ServicesOf(const Graph& graph, const Step& step);

// What tells two artifacts of one label apart: the host's root, with "HOST:" before it over ssh; below DIR
// the path. "" without holdings.
std::string PlaceOf(const AnyRecord& record);

// One name for one thing, however its root is written ("./rootfs", "rootfs", by a link), and by whichever
// name a machine over ssh is known: it is told by its machine-id once it has been asked (.kplan/hosts).
//
// This machine has one name whoever works on it, the user or by `become` an agent. Which hosts it is GRAPH
// says, which must outlive this, and of one that is worked on by the user now its machine-id. Without a graph
// hosts with an agent are all elsewhere.
class HoldingNames {
 public:
  explicit HoldingNames(const Graph* graph = nullptr) : graph_(graph) {}
  std::string Of(const Holding& holding);

  // Whether HOST, which has an agent or had one, is this machine.
  bool IsHere(const std::string& host);

 private:
  const std::string& RealRoot(const std::string& root);
  const std::string& MachineOf(const std::string& host);
  const Graph* const graph_;
  absl::flat_hash_map<std::string, bool> here_;
  absl::flat_hash_map<std::string, std::string> roots_, machines_;
};

}  // namespace kplan

#endif  // KPLAN_LOOK_HOLDINGS_H_
