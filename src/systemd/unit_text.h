#ifndef KPLAN_SYSTEMD_UNIT_TEXT_H_
#define KPLAN_SYSTEMD_UNIT_TEXT_H_

// The text of a systemd unit, read as systemd reads it (systemd.syntax(7)).

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

// No unit is larger, in bytes.
inline constexpr size_t kMaxUnitText = 4 << 20;

struct UnitAssignment {
  std::string section, key;  // "Service", "ExecStart"
  std::string value;         // what a backslash continues is on one line; quotes and specifiers as they stand
};

// The assignments of TEXT in their order, those that take back others (KEY=) too; comments are none. No value
// when it is no unit: a line that is neither a section nor KEY=value, a key outside a section, no section.
std::optional<std::vector<UnitAssignment>> ParseUnitText(absl::string_view text);

// The words of VALUE with quotes and C escapes undone; a character of DOUBLED that stands there twice is
// there once.
std::vector<std::string> SplitUnitWords(absl::string_view value, absl::string_view doubled);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_TEXT_H_
