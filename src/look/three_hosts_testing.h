#ifndef KPLAN_LOOK_THREE_HOSTS_TESTING_H_
#define KPLAN_LOOK_THREE_HOSTS_TESTING_H_

#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "src/graph/graph.h"

namespace kplan {

// A cluster of three hosts over ssh, none of which there is: a rendered text (kept as "trust") and a unit on
// each, a rollout of their services. Steps that work here are really done; those of the hosts are done in the
// folder hosts/HOST instead of "/", by the very functions, and noted as `kplan step` notes what a host did.
class ThreeHosts {
 public:
  // Enters a new folder, and writes the plan there as `gen` does.
  ThreeHosts();

  // The content of the texts that are rendered; a change is an edit of cluster.yaml. Rebuilds the graph.
  std::string trust = "trust 1\n", unit = "unit 1\n";
  std::string mode = "0644", address = "10.0.0.1";  // of the trust; of the hosts, up to the last digit
  std::string here;                                 // the host that is this machine, by sudo; empty: none
  std::vector<std::string> flags = {"--max-wals=5"};
  // The files of another service on etcd-2, which it is reloaded and restarted for; empty: there is none. Its
  // timer.
  std::string web_config, web_program = "program 1\n", web_timer = "timer 1\n";
  void Rebuild();   // the graph alone
  void Generate();  // and .kplan/steps

  // Does STEP, if it is one that this library can do, or notes it as done with the digest DIGEST.
  void Do(const std::string& label);
  void NoteDone(const std::string& label, const std::string& digest);
  void NoteFailed(const std::string& label, const std::string& reason);
  // A whole run of ninja, up to the rollout.
  void DoAll();

  StepId Find(const std::string& label) const;
  const Graph& graph() const { return graph_; }
  // Where the folder of HOST really is; its "/" is never this machine's.
  static std::string Place(const std::string& host) { return "hosts/" + host; }

  static constexpr const char* kHosts[] = {"etcd-1", "etcd-2", "etcd-3"};

 private:
  void AddWeb(uint32_t shard);
  // A step that contacts a host.
  StepId AddThere(StepKind kind, uint32_t shard, std::string label, const std::string& record,
                  absl::Span<const StepId> inputs, absl::Span<const StepId> after = {});

  Graph graph_;
  int64_t clock_;
};

}  // namespace kplan

#endif  // KPLAN_LOOK_THREE_HOSTS_TESTING_H_
