#ifndef KPLAN_LOOK_DRIFT_H_
#define KPLAN_LOOK_DRIFT_H_

// What became of artifacts since their steps ran, seen from outside: whether somebody touched a file, whether
// a service runs, whether a certificate is due. Cheap: no content is read but that of certificates that may
// be due.

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"

namespace kplan {

// The watches of every step, found without a search: a step has a few, one after another in no fixed order.
class WatchIndex {
 public:
  explicit WatchIndex(const Graph& graph);

  template <typename Function>
  void ForEach(StepId step, Function function) const {
    for (uint32_t i = first_[step]; i != kNone; i = next_[i]) function(graph_.watches()[i]);
  }

 private:
  static constexpr uint32_t kNone = static_cast<uint32_t>(-1);
  const Graph& graph_;
  std::vector<uint32_t> first_, next_;
};

// Looks at watches.
class Watcher {
 public:
  explicit Watcher(absl::Time now) : now_(now) {}

  // Why the artifact of WATCH is not as it should be ("mode is 0644, should be 0600"); empty when it is, or
  // when a file is missing (its signature tells). *TIME: whether it is the clock that says so.
  std::string WhyStale(const Watch& watch, bool* time);

 private:
  std::optional<int64_t> EndOf(const std::string& issuer);

  absl::Time now_;
  // When certificates end that have signed others: of one that signed thousands it is read once.
  absl::flat_hash_map<std::string, std::optional<int64_t>> ends_;
};

// Whether a file of ENTRY is another one than when its step ended.
bool FilesDiffer(const JournalEntry& entry);

// Whether ninja sees it, too: a file is gone, or newer than its step's run.
bool FilesAreNewer(const JournalEntry& entry);

}  // namespace kplan

#endif  // KPLAN_LOOK_DRIFT_H_
