#ifndef KPLAN_WHY_BLAME_H_
#define KPLAN_WHY_BLAME_H_

// Which edit of cluster.yaml changed a step's record. It is never guessed: some of the edits between two
// texts are applied to the old one, the others not, and that is compiled; what then differs is those edits'
// doing.

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "src/graph/graph.h"
#include "src/why/spec_edits.h"

namespace kplan {

// The edits that changed the record of one label: indices into the list of edits, ascending. Empty: no edit
// did; where the record is another one all the same, kplan itself makes another one of the same spec. Labels
// share their lists: a copy is cheap.
class Blame {
 public:
  Blame() = default;
  explicit Blame(std::shared_ptr<const std::vector<size_t>> edits) : edits_(std::move(edits)) {}

  const std::vector<size_t>& edits() const { return edits_ != nullptr ? *edits_ : None(); }
  std::vector<size_t>::const_iterator begin() const { return edits().begin(); }
  std::vector<size_t>::const_iterator end() const { return edits().end(); }
  size_t size() const { return edits().size(); }
  bool empty() const { return edits().empty(); }
  size_t operator[](size_t i) const { return edits()[i]; }

 private:
  static const std::vector<size_t>& None();

  std::shared_ptr<const std::vector<size_t>> edits_;
};

struct BlameOptions {
  // What one call may compile, in steps: about 0.6 s. At least four compilations are made where they help,
  // whatever the size.
  static constexpr int64_t kBudget = 300'000;

  // The graphs of the two texts, where the caller has them: else they are compiled here.
  const Graph* old_graph = nullptr;
  const Graph* new_graph = nullptr;
  int64_t budget = kBudget;
};

// For each of LABELS the edits of DIFF to blame: the fewest that make the old record, or none, the new one.
// Edits that only make another one possible (a certificate, for the key that names it) are not among them.
// Both texts compile; should one not, everything is blamed on every edit. Where the budget does not last, a
// label may be blamed on more than it takes, never on less. *COMPILED, if given: how many texts were
// compiled.
//
// PATH is the cluster.yaml's; nothing is read there.
std::vector<Blame> BlameEdits(const std::string& path, const SpecDiff& diff,
                              absl::Span<const std::string> labels, const BlameOptions& options = {},
                              int* compiled = nullptr);

// The same for EDITS, which are SpecEdits(OLD_TEXT, NEW_TEXT).
std::vector<Blame> BlameEdits(const std::string& path, const std::string& old_text,
                              const std::string& new_text, const std::vector<SpecEdit>& edits,
                              absl::Span<const std::string> labels);

}  // namespace kplan

#endif  // KPLAN_WHY_BLAME_H_
