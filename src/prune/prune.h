#ifndef KPLAN_PRUNE_PRUNE_H_
#define KPLAN_PRUNE_PRUNE_H_

// The removal of leftovers (leftovers.h), as `kplan prune` does it.
//
// Removed is what a step made and nobody has touched since. Kept, and said why: what belongs to a CA, what
// was given, a data folder with something in it, what was edited (unless it is named), what nothing of
// kplan's can have written, and files that a service still runs with because ninja has not yet started it
// anew.
//
// What is on a host over ssh is not removed: no path of it is ever looked at on this machine. What has to be
// done there by hand is said, and then the leftover can be forgotten by name.
//
// Services go first: what they use must not vanish under them. Then the files of each host, then those below
// DIR; then kplan's notes of all that (stamps, journal, leftovers.json), after everything else is on the
// disk. So a kill or a power cut at any point leaves leftovers.json, and the next prune completes.

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "src/graph/graph.h"
#include "src/prune/leftovers.h"

namespace kplan {

struct PruneItem {
  Leftover leftover;
  bool remove = false;
  // What it is, for people: "rootfs/etc/etcd/ca.pem", "stop etcd". Empty: there is nothing left of it but
  // notes.
  std::vector<std::string> what;
  std::string why;      // it is kept
  bool edited = false;  // it would go if it were named
  // What removes it by hand, a command of the host's shell each, in this order; of what is on a host over
  // ssh.
  std::vector<std::string> by_hand;
};

struct PruneOptions {
  // Keys of leftovers that are removed though they were edited.
  absl::flat_hash_set<std::string> edited;
  // Keys of leftovers on hosts over ssh that somebody has removed there by hand, and names of hosts for all
  // of theirs: the notes of them go.
  absl::flat_hash_set<std::string> forget = {};
};

// What would become of each leftover of GRAPH now: by host, shared things last. Changes nothing.
std::vector<PruneItem> LookAtLeftovers(const Graph& graph, const PruneOptions& options);

// Removes those of ITEMS that are to be removed, each looked at once more before. Tells DONE of every one of
// them what became of it; what fails keeps its line in leftovers.json, and whatever is below the root of a
// service that does not end stays with it. The error is about kplan's own notes. Under RunLock::Exclusive.
absl::Status Prune(const Graph& graph, const std::vector<PruneItem>& items, const PruneOptions& options,
                   absl::FunctionRef<void(const PruneItem&, const absl::Status&)> done);

// FailedPrecondition when the shards on disk are not those of GRAPH.
absl::Status CheckThatGenHasRun(const Graph& graph);

}  // namespace kplan

#endif  // KPLAN_PRUNE_PRUNE_H_
