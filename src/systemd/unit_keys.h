#ifndef KPLAN_SYSTEMD_UNIT_KEYS_H_
#define KPLAN_SYSTEMD_UNIT_KEYS_H_

// The keys of a service's unit of which it can be told, by the text, how systemctl shows them (systemd 252).

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "src/systemd/unit_text.h"

namespace kplan {

// How a value is written, and shown.
enum class UnitValueForm {
  kText,         // as it is
  kWord,         // the same; "append:/var/log/x" is shown without what it is about
  kBoolean,      // shown as yes or no
  kNumber,       // shown in decimal
  kMode,         // shown as "0077"
  kPath,         // without slashes too many
  kFolder,       // the same; "-/x", which may be missing, is shown as "!/x"
  kWords,        // a list, as it is, of which every line adds
  kAssignments,  // the same, quoted
  kFiles,        // the same; "-/x" is shown as "/x (ignore_errors=yes)"
  kCommands,
};

struct ComparedKey {
  absl::string_view key;
  UnitValueForm form;
  absl::string_view shown = {};  // the property, where it has another name
};

// Those of [Unit] and [Service].
absl::Span<const ComparedKey> ComparedKeys();

inline absl::string_view PropertyOf(const ComparedKey& key) {
  return key.shown.empty() ? key.key : key.shown;
}

// Whether every assignment adds to what is there.
bool IsList(UnitValueForm form);

// What assignments to one key come to.
class UnitValue {
 public:
  explicit UnitValue(UnitValueForm form) : form_(form) {}
  // Of KEY by ASSIGNMENTS.
  UnitValue(const ComparedKey& key, const std::vector<UnitAssignment>& assignments);

  // VALUE: of one more assignment.
  void Assign(const std::string& value);
  bool written() const { return written_; }
  // It cannot be told how it is shown: there are specifiers in it (%i).
  bool unclear() const { return unclear_; }
  // As systemctl shows them.
  const std::vector<std::string>& values() const { return values_; }

 private:
  void Add(const std::string& value);

  UnitValueForm form_;
  bool written_ = false, unclear_ = false;
  std::vector<std::string> values_;
};

// VALUES of FORM as two of them are compared: of variables ("NAME=value") what a service sees, the last value
// of each, sorted.
std::vector<std::string> Comparable(UnitValueForm form, const std::vector<std::string>& values);

// Whether GOT says what WANTED does, both comparable. MAY_ADD: a list may say more.
bool SaysIt(UnitValueForm form, const std::vector<std::string>& got, const std::vector<std::string>& wanted,
            bool may_add);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_KEYS_H_
