#ifndef KPLAN_SYSTEMD_UNIT_H_
#define KPLAN_SYSTEMD_UNIT_H_

// The text of a systemd unit (systemd.syntax(7), systemd.service(5)).
//
// Two languages meet here. What somebody writes in `unit` and `units` is systemd's own: a value is what
// stands behind KEY= in a unit file, and only what would be read as something else than it says is refused
// (MergeUnit). What kplan puts there itself, arguments and variables, is literal, and escaped (ExecStart,
// EnvironmentValue).

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/systemd/unit_spec.h"

namespace kplan {

// One argument of a service: TEXT followed by PATH, which is a path on the host (so that a service in a
// folder can be given the real path).
using Argument = std::pair<std::string, std::string>;

struct Unit {
  struct Key {
    std::string name;
    // One line each; never none. An empty one takes back those before it, the ones of systemd's defaults,
    // too.
    std::vector<std::string> values;
  };
  struct Section {
    std::string name;
    std::vector<Key> keys;  // in the order written to the file
  };

  std::vector<Section> sections;

  // The last line of KEY, which counts for a key that has one value. Null when there is no such section or
  // key.
  const std::string* Find(absl::string_view section, absl::string_view key) const;
  // KEY gets VALUES instead of what it had, at its place; otherwise it comes last in its section, which comes
  // last in the unit when there is none.
  void SetLines(absl::string_view section, absl::string_view key, std::vector<std::string> values);
  void Set(absl::string_view section, absl::string_view key, std::string value);
  std::string Text() const;
};

// ARGUMENTS as the value of ExecStart: the program, then one flag a line. An argument with characters that
// systemd reads specially is quoted, "%" and "$" doubled, so that the service gets it byte for byte. A flag
// written in two arguments ("--name", "etcd") stays on one line. The program is an absolute path
// (IsPlainPath; systemd takes quotes and backslashes in no program's name, and "$$" there as it stands); no
// argument holds NUL.
std::string ExecStart(const std::vector<Argument>& arguments);

// VARIABLES, "NAME=value" each, as the value of Environment (systemd.exec(5)): "%" doubled, quoted where
// needed, so that the service has them byte for byte ("$" says nothing there). Of each, VariableProblem() has
// nothing to say.
std::string EnvironmentValue(const std::vector<std::string>& variables);

// Why systemd would leave out VARIABLE, "NAME=value"; empty when it would not.
std::string VariableProblem(absl::string_view variable);

// The offset of the first character that systemd takes for bad UTF-8 though it is none, and leaves out the
// line that holds it: U+FDD0 to U+FDEF, and the last two of each plane (unichar_is_valid()). npos when there
// is none. TEXT is well-formed.
size_t FindNonCharacter(absl::string_view text);

// What a unit may say.
struct UnitRules {
  // A key that kplan makes.
  struct FixedKey {
    absl::string_view section, key;
    absl::string_view reason;  // "it is made from `etcd.flags`"
    absl::string_view remedy;  // "write `command`"
  };

  absl::string_view type = "service";  // the suffix of the unit's name: which sections it has
  bool is_template = false;            // specifiers of the instance (%i) may stand in values
  std::vector<FixedKey> fixed;
};

// Merges what the spec adds (`unit: {Service: {User: etcd}}`) into UNIT: a key that is there gets the new
// lines, all of them, at its place; the others follow in the order of the text.
void MergeUnit(const std::vector<UnitSectionSpec>& spec, const UnitRules& rules, Unit* unit,
               Diagnostics* diagnostics);

// "metrics-backup.timer" in its parts.
struct UnitFileName {
  std::string stem;  // "metrics-backup", "worker@" of a template
  std::string type;  // "timer"
  bool is_template = false;
};

// False when TEXT is no name of a unit that kplan can install (systemd.unit(5)); says so at the place of
// TEXT.
bool ParseUnitName(const Text& text, UnitFileName* name, Diagnostics* diagnostics);

// The text of a further unit, all of which is written in the spec. When its name is wrong, only that is said.
std::string FurtherUnitText(const FurtherUnitSpec& spec, Diagnostics* diagnostics);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_H_
