#ifndef KPLAN_GRAPH_GRAPH_H_
#define KPLAN_GRAPH_GRAPH_H_

// The dependency graph. This header can be read as the design: a cluster is a list of steps; each makes one
// artifact; an artifact is stale when its record or one it is made from has changed.

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

// Steps are numbered from 0 in the order they were added, which is an order of dependence: what a step is
// made from comes before it. A cycle can therefore not even be written down.
using StepId = uint32_t;

enum class StepKind : uint8_t {
  kKey,
  kCsr,
  kCaCert,
  kCert,
  kFetch,
  kUnpack,
  kRender,
  kDir,
  kInstall,
  kUnit,
  kService,
  kVerifyEtcd,
};

// The word a person reads while the step runs: "SIGN" (cert/kubernetes).
const char* VerbOf(StepKind kind);

// What `gen` can look at without running the step, because ninja, which sees times only, cannot: the mode of
// a file or folder, whether a service runs, whether a certificate is due.
struct Watch {
  enum class Kind : uint8_t { kNothing, kFile, kFolder, kCertificate, kService };

  Kind kind = Kind::kNothing;
  mode_t mode = 0;      // of a file or folder
  std::string root;     // "" for paths relative to DIR, else the host's root
  std::string path;     // of a service: its name
  std::string manager;  // of a service
  std::string issuer;   // of a certificate that another one signed: that one's path
};

struct Step {
  std::string label;   // "cert/kubernetes"
  std::string digest;  // SHA-256 of the record, hex
  StepKind kind;
  uint32_t shard;              // index into Graph::shards(): where the record is kept
  std::vector<StepId> inputs;  // stale when the artifact of one of these changes
  std::vector<StepId> after;   // must be done before, and may change without staling this
  Watch watch;
};

// The records of one host, or of what hosts share: the text of a JSON object with one record a line.
struct Shard {
  std::string name;  // the host's, or paths::kSharedShard
  std::string text;
};

// A name for several artifacts: "pki", a host, "etcd", "verify".
struct Group {
  std::string name;
  std::vector<StepId> members;
};

class Graph {
 public:
  uint32_t AddShard(std::string name);

  // RECORD is the canonical JSON of the step's parameters. The inputs must be steps already added.
  StepId AddStep(StepKind kind, uint32_t shard, std::string label, absl::string_view record,
                 std::vector<StepId> inputs, std::vector<StepId> after = {});
  Watch& WatchOf(StepId step) { return steps_[step].watch; }

  void AddToGroup(absl::string_view group, StepId step);

  // Completes the shards' text. Errors are kplan's own (two makers of one label, a label that is also the
  // folder of another, an input that was not there yet): the model lets no cluster.yaml come so far.
  absl::Status Finish();

  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Shard>& shards() const { return shards_; }
  const std::vector<Group>& groups() const { return groups_; }

  // The steps that no other step depends on: building them builds everything.
  std::vector<StepId> Leaves() const;

 private:
  std::vector<Step> steps_;
  std::vector<Shard> shards_;
  std::vector<Group> groups_;
  absl::flat_hash_map<std::string, size_t> group_index_;
  absl::Status status_;
};

}  // namespace kplan

#endif  // KPLAN_GRAPH_GRAPH_H_
