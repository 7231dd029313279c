#ifndef KPLAN_PRUNE_LEFTOVERS_H_
#define KPLAN_PRUNE_LEFTOVERS_H_

// What earlier plans made and this one has not: .kplan/leftovers.json. `gen` writes it when labels vanish
// from the shards, `plan` and `status` tell of it, `kplan prune` (prune.h) removes what it names.
//
// One record a line, as in a shard:
//   "KEY":RECORD
// KEY is the label, or LABEL@PLACE when the label is in the plan still (or again), but its artifact is
// elsewhere: PLACE is the old root of the host, below DIR the old path. RECORD is the step's, and has one
// member more, "left": {"digest":..., "files":[[PATH,SIGNATURE],...]}: what the journal knew of the artifact
// when its step had last run, so that one that was edited since can be told.
//
// What another step of the plan keeps now (a host that was renamed has the same files) is no leftover.

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/step/any_record.h"

namespace kplan {

struct Leftover {
  std::string key;     // in the file
  std::string label;   // the step's
  std::string host;    // the shard that its record was in: the host's name, or paths::kSharedShard
  std::string record;  // canonical JSON, without "left"
  AnyRecord made_by;   // that record, read
  std::string digest;  // of the artifact, as its stamp had it; empty: not known
  StringPairs files;   // (path, FileSignature), as JournalEntry::files

  // Why its line of the file cannot be understood. Then `record` is that line, `key` says which it is, and
  // nothing else is set.
  std::string problem;

  bool over_ssh() const { return !SshHostOf(made_by).empty(); }
};

// The shard that a step of this label is in: "file/worker/etc/etcd/ca.pem" in that of worker,
// "cert/kubernetes" in the shared one.
std::string ShardOfLabel(absl::string_view label);

// The names of the shards on disk, in no order; none where there is no folder of them.
absl::StatusOr<std::vector<std::string>> ShardsOnDisk();

// How the leftovers change when the shards on disk are replaced by those of a graph. It costs nothing to
// speak of while no label vanishes: only shards that differ are looked at, and of them only the labels.
class LeftoverUpdate {
 public:
  explicit LeftoverUpdate(const Graph& graph) : graph_(graph) {}  // GRAPH must outlive this

  // TEXT is what the shard NAME has held, "" when there was none. To be called for every shard that differs
  // from the graph's, or that the graph has not.
  void Replace(const std::string& name, absl::string_view text);

  // Brings leftovers.json up to date. Under RunLock::Exclusive, and before the shards are written: after a
  // kill between the two they say the same once more.
  absl::Status Write();

  // What Write() would leave, sorted by key. An error when there is a file that cannot be read.
  absl::StatusOr<std::vector<Leftover>> Result();

 private:
  const Shard* ShardOf(const std::string& name);
  // A step's artifact, or one of the services of a rollout, that the plan may have no longer.
  struct Gone {
    std::string host, label;  // the shard that it is listed under
    std::string record;
    AnyRecord made_by;
    std::string shard, step;  // the step that made it, and the shard of that one's journal
    bool elsewhere = false;   // the plan has LABEL, at another place
  };
  void Consider(Gone gone);
  // RECORD is the text of ROLLOUT; NOW the plan's step of the same label, if it has one.
  void ConsiderServices(const std::string& shard, const std::string& label, absl::string_view record,
                        const RolloutRecord& rollout, const Step* now);
  const JournalEntry* EntryOf(const std::string& shard, const std::string& label);  // null: never ran
  std::string RecordThatRan(const std::string& shard, const std::string& label);
  void DropWhatThePlanHolds(std::vector<Leftover>* leftovers);

  const Graph& graph_;
  bool replaced_ = false;
  std::vector<Leftover> vanished_;
  absl::flat_hash_map<absl::string_view, const Shard*> shards_;  // filled at the first Replace()
  absl::flat_hash_map<std::string, Journal> journals_;
};

// For a caller that has not read the shards on disk anyway: all of the above.
absl::Status UpdateLeftovers(const Graph& graph);

// The leftovers of GRAPH, also when its shards have not been written yet. Changes nothing. Sorted by key,
// as people count (base/natural_order.h); empty when the file cannot be read (PROBLEM says why, if given).
std::vector<Leftover> FindLeftovers(const Graph& graph, std::string* problem = nullptr);

// The file as it is; and written again with these, or removed when there are none.
absl::StatusOr<std::vector<Leftover>> ReadLeftovers();
absl::Status WriteLeftovers(const std::vector<Leftover>& leftovers);

}  // namespace kplan

#endif  // KPLAN_PRUNE_LEFTOVERS_H_
