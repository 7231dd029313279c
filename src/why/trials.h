#ifndef KPLAN_WHY_TRIALS_H_
#define KPLAN_WHY_TRIALS_H_

// The counterfactuals of blame.h: what the records of some labels are when only some of the edits are
// applied.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "src/graph/graph.h"
#include "src/why/spec_edits.h"

namespace kplan {

// One bit an edit.
using EditSet = std::vector<bool>;

class Trials {
 public:
  // The first 64 bits of the digest of each label's record; 0 when there is no such label.
  using Outcome = std::vector<uint64_t>;

  // All must outlive it. BUDGET is in steps of graphs compiled; FREE trials are made even so.
  Trials(const std::string& path, const SpecDiff& diff, int64_t budget, int free);

  // Compiles the two texts, but for a graph that is given; null: it is not. False when one does not compile.
  // The outcomes are then about those of LABELS whose records differ.
  bool Start(absl::Span<const std::string> labels, const Graph* old_graph, const Graph* new_graph);

  size_t edits() const { return edits_; }
  // The labels that the outcomes are about, as indices into LABELS.
  const std::vector<uint32_t>& differing() const { return differing_; }
  const Outcome& before() const { return before_; }
  const Outcome& after() const { return after_; }

  // Whether Try(APPLIED) would keep within the budget.
  bool Affords(const EditSet& applied) const { return Affords(1) || Tried(applied); }
  // Whether N more trials would.
  bool Affords(int64_t n) const { return compiled_ + n <= allowed_; }
  bool Tried(const EditSet& applied) const { return tried_.count(applied) > 0; }
  int64_t allowed() const { return allowed_; }

  // The old text with those edits, and no others, compiled; once for each set. Null: it does not compile.
  const Outcome* Try(const EditSet& applied);

  int compiled() const { return static_cast<int>(compiled_ + given_); }

 private:
  Outcome OutcomeOf(const Graph& graph) const;

  const std::string& path_;
  const SpecDiff& diff_;
  const int64_t budget_;
  const int free_;
  const size_t edits_;
  int64_t compiled_ = 0, allowed_ = 0, given_ = 0;
  std::vector<std::string> names_;  // of the labels that the outcomes are about
  std::vector<uint32_t> differing_;
  Outcome before_, after_;
  std::map<EditSet, std::unique_ptr<Outcome>> tried_;
};

}  // namespace kplan

#endif  // KPLAN_WHY_TRIALS_H_
