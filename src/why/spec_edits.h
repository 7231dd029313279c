#ifndef KPLAN_WHY_SPEC_EDITS_H_
#define KPLAN_WHY_SPEC_EDITS_H_

// What was edited between two versions of a cluster.yaml, by meaning: comments, the order of keys and the way
// a value is quoted are no edits.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct SpecEdit {
  // Keys joined by ".", one that is not letters, digits, "_" and "-" only as a JSON string; entries of a list
  // of maps from 0, in the new list, or in the old one where the entry is gone: `certs.kubernetes.hosts`,
  // `hosts."etcd-1.example.com".address`, `revoked[1].date`. "" is the whole file.
  std::string path;
  std::string from,
      to;  // the value as YAML on one line ("[worker, 127.0.0.1]"); empty: it was not, is not there. For what
           // is secret (base/secret_content.h) on one of the sides, kSecretShown stands in them
  // What came and what went in an edited list of single values, as text without quotes. Neither: it was
  // reordered. For a text of several lines these are its lines, without the spaces around them.
  std::vector<std::string> added, removed;
  // Lines from 1; 0: not there. A single value has its own line. An edited list of them has the line of the
  // first entry that came or was moved. Anything else has the line of its key. When something is gone, `line`
  // is where it would be: the line of what held it.
  int line = 0, old_line = 0;
};

// Two versions of a cluster.yaml, and what lies between them.
class SpecDiff {
 public:
  // Both are YAML as kplan reads it, whatever they mean (else InvalidArgument).
  static absl::StatusOr<SpecDiff> Between(const std::string& old_text, const std::string& new_text);
  SpecDiff(SpecDiff&&) noexcept;
  SpecDiff& operator=(SpecDiff&&) noexcept;
  ~SpecDiff();

  const std::string& old_text() const;
  const std::string& new_text() const;

  // The edits that lead from the old text to the new one, in the order of the new text. A map is compared key
  // by key, a list of maps entry by entry, a list of single values as one; what only one of the two has is
  // one edit.
  const std::vector<SpecEdit>& edits() const { return edits_; }
  // The top-level key that the edit is at or below, counted in any way.
  int TopLevelKey(size_t edit) const { return top_level_[edit]; }

  // The old text's tree with those edits applied whose APPLY is true, as YAML text that compiles as such a
  // spec would. Without comments, and with nobody's layout.
  std::string Apply(const std::vector<bool>& apply) const;

 private:
  struct Trees;
  class Lister;
  SpecDiff();

  std::unique_ptr<Trees> trees_;
  std::vector<SpecEdit> edits_;
  std::vector<int> top_level_;
};

// SpecDiff's edits alone.
absl::StatusOr<std::vector<SpecEdit>> SpecEdits(const std::string& old_text, const std::string& new_text);

// SpecDiff::Apply for once. EDITS are those of the two texts (else InvalidArgument).
absl::StatusOr<std::string> ApplyEdits(const std::string& old_text, const std::string& new_text,
                                       const std::vector<SpecEdit>& edits, const std::vector<bool>& apply);

}  // namespace kplan

#endif  // KPLAN_WHY_SPEC_EDITS_H_
