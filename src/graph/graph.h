#ifndef KPLAN_GRAPH_GRAPH_H_
#define KPLAN_GRAPH_GRAPH_H_

// The dependency graph. This header can be read as the design: a cluster is a list of steps; each makes one
// artifact; an artifact is stale when its record or one it is made from has changed.

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/base/source.h"
#include "src/step/kinds.h"

namespace kplan {

// Steps are numbered from 0 in the order they were added, which is an order of dependence: what a step is
// made from comes before it. A cycle can therefore not even be written down.
using StepId = uint32_t;

// Few steps have more than four inputs: for the others nothing is allocated.
using StepIds = absl::InlinedVector<StepId, 4>;

struct Step {
  absl::string_view digest() const { return {hex_digest.data(), hex_digest.size()}; }

  std::string label;                // "cert/kubernetes"
  std::array<char, 64> hex_digest;  // SHA-256 of the record
  absl::string_view record;         // canonical JSON
  StepKind kind;
  bool contacts = false;  // a host's agent: only so many of these run at a time
  // Its artifact is not for everybody to read (base/secret_content.h): neither what is in it nor a digest of
  // that is shown.
  bool secret = false;
  uint32_t shard;  // index into Graph::shards(): where the record is kept
  Range made_for;  // the key in cluster.yaml that asks for it
  StepIds inputs;  // stale when the artifact of one of these changes
  StepIds after;   // must be done before, and may change without staling this
};

// Whether STEP makes nothing and proves what others made.
inline bool IsProof(const Step& step) { return KindOf(step.kind).stage == Stage::kVerdicts; }

// What `gen` can look at without running the step, because ninja, which sees times only, cannot: the mode of
// a file or folder, whether a service runs, whether a certificate or a CRL is due.
struct Watch {
  enum class Kind : uint8_t {
    kFile,
    kFolder,
    kCertificate,
    kCrl,
    kService,
    kGone,     // there is nothing at `path`
    kVerdict,  // the verification of the step's services, which are elsewhere, failed when it last ran
  };

  StepId step = 0;  // whose artifact it is
  Kind kind = Kind::kFile;
  mode_t mode = 0;           // of a file or folder; 0: any is right
  const char* manager = "";  // of a service
  std::string root;    // "" for paths relative to DIR, else the host's root; of a verdict: the shard's name
  std::string path;    // of a service: its name; of a verdict: the label
  std::string issuer;  // of a certificate that another one signed: that one's path
  int64_t renew_before = 0;  // of a certificate: seconds before its end when it is due; 0: the step's default
  bool renewable = true;     // of a certificate: whether its step can make it again
};

// What a step may have to wait for, and so keep a person waiting: "127.0.0.1:2379 answers, 90 s at most". Few
// steps have one, so it is no field of Step.
struct Wait {
  StepId step = 0;
  std::string until;
};

// The records of one host, or of what hosts share.
struct Shard {
  std::string name;  // the host's, or paths::kSharedShard
  std::vector<StepId> steps;
};

// A name for several artifacts: "pki", a host, "etcd", "verify".
struct Group {
  std::string name;
  std::vector<StepId> members;
};

class Graph {
 public:
  Graph() = default;
  // Moved, not copied: Step::record points into the graph's own blocks.
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;

  // Makes room for STEPS steps: vectors that grow copy, and 100,000 steps are tens of megabytes.
  void Reserve(size_t steps);

  uint32_t AddShard(std::string name);

  // RECORD is the canonical JSON of the step's parameters. The inputs must be steps already added.
  StepId AddStep(StepKind kind, uint32_t shard, std::string label, absl::string_view record,
                 absl::Span<const StepId> inputs, absl::Span<const StepId> after = {}, Range made_for = {});

  void AddWatch(Watch watch) { watches_.push_back(std::move(watch)); }

  // At most once a step, and soon after it was added: the list is in the order of the steps.
  void AddWait(StepId step, std::string until) { waits_.push_back({step, std::move(until)}); }

  // STEP contacts the agent of a host, over ssh or on this machine.
  void AddContact(StepId step) { steps_[step].contacts = true; }

  // The artifact of STEP is secret.
  void AddSecret(StepId step) { steps_[step].secret = true; }

  void AddToGroup(absl::string_view group, StepId step);

  // To be called when all is added. Errors are kplan's own (two makers of one label, a label that is also the
  // folder of another, an input that was not there yet): the model lets no cluster.yaml come so far.
  absl::Status Finish() const;

  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<Watch>& watches() const { return watches_; }
  const std::vector<Wait>& waits() const { return waits_; }
  const std::vector<Shard>& shards() const { return shards_; }
  const std::vector<Group>& groups() const { return groups_; }

  // The text of a shard's file: a JSON object from labels to records, one a line. It is put together for each
  // call: ten thousand texts that all grow at a time would cost twice their size.
  std::string ShardText(const Shard& shard) const;

  // The steps that contact a host over ssh, ascending.
  std::vector<StepId> Contacts() const;

  // The steps that no other step depends on: building them builds everything.
  std::vector<StepId> Leaves() const;

 private:
  absl::string_view Keep(absl::string_view record);

  std::vector<Step> steps_;
  std::vector<Watch> watches_;
  std::vector<Wait> waits_;
  std::vector<Shard> shards_;
  std::vector<Group> groups_;
  // What Step::record points into: blocks that never move.
  std::deque<std::string> records_;
  absl::flat_hash_map<std::string, size_t> group_index_;
  absl::Status status_;
};

// Whether steps of GRAPH are done by agents: on hosts over ssh, or on this machine by sudo.
bool HasAgents(const Graph& graph);

// Whether steps of GRAPH are done on hosts over ssh.
bool HasHostsOverSsh(const Graph& graph);

}  // namespace kplan

#endif  // KPLAN_GRAPH_GRAPH_H_
