#include "src/systemd/unit_readback.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/systemd/unit_keys.h"
#include "src/systemd/unit_text.h"

namespace kplan {
namespace {

using Form = UnitValueForm;
using Values = std::vector<std::string>;

// systemctl escapes for a shell (shell_escape()); a unit has no such escapes.
std::string WithoutShellEscapes(absl::string_view shown) {
  std::string out;
  for (size_t i = 0; i < shown.size(); ++i) {
    const bool escapes = shown[i] == '\\' && i + 1 < shown.size();
    if (!escapes || (shown[i + 1] != '$' && shown[i + 1] != '`')) out += shown[i];
    if (escapes) out += shown[++i];
  }
  return out;
}

// A command of a property, up to its times, as UnitValue has it: of "{ path=/bin/x ; argv[]=/bin/x a b ;
// ignore_errors=no ; start_time=[n/a] ; ... }".
std::string CommandOfProperty(absl::string_view property) {
  const size_t begin = property.find("argv[]=");
  const size_t errors = property.rfind(" ; ignore_errors=");
  if (begin == absl::string_view::npos || errors == absl::string_view::npos) return std::string(property);
  const size_t end = property.find(" ; ", errors + 3);
  return std::string(property.substr(begin, end == absl::string_view::npos ? end : end - begin));
}

// What systemctl shows of a property in LINES, value by value.
Values ShownValues(Form form, const Values& lines) {
  Values values;
  for (const std::string& line : lines) {
    switch (form) {
      case Form::kWords:
        for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) values.emplace_back(word);
        break;
      case Form::kAssignments:
        for (std::string& word : SplitUnitWords(WithoutShellEscapes(line), ""))
          values.push_back(std::move(word));
        break;
      case Form::kCommands:
        values.push_back(CommandOfProperty(line));
        break;
      default:
        if (!line.empty()) values.push_back(line);
    }
  }
  return values;
}

// A property that is not in the answer is one that this systemd does not have.
using Properties = std::map<std::string, Values>;

Properties ParseShown(absl::string_view shown) {
  Properties properties;
  for (absl::string_view line : absl::StrSplit(shown, '\n')) {
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos) continue;
    properties[std::string(line.substr(0, equals))].emplace_back(line.substr(equals + 1));
  }
  return properties;
}

}  // namespace

std::vector<UnitDifference> CompareUnit(absl::string_view text, absl::string_view shown) {
  std::optional<std::vector<UnitAssignment>> assignments = ParseUnitText(text);
  if (!assignments.has_value()) return {{"the file", "a unit", "something else"}};
  const Properties properties = ParseShown(shown);
  auto drop_ins = properties.find("DropInPaths");
  const bool has_drop_ins = drop_ins != properties.end() && drop_ins->second != Values{""};
  std::vector<UnitDifference> differences;
  for (const ComparedKey& key : ComparedKeys()) {
    const UnitValue wanted(key, *assignments);
    auto property = properties.find(std::string(PropertyOf(key)));
    const bool is_command = key.form == Form::kCommands;
    // systemctl does not show commands that a unit has none of.
    if (property == properties.end() && !is_command) continue;
    // The other keys have systemd's defaults when they are not written.
    if (wanted.unclear() || (!wanted.written() && !is_command)) continue;
    Values got;
    if (property != properties.end()) got = Comparable(key.form, ShownValues(key.form, property->second));
    const Values want = Comparable(key.form, wanted.values());
    if (!SaysIt(key.form, got, want, /*may_add=*/has_drop_ins)) {
      differences.push_back({std::string(key.key), absl::StrJoin(want, ", "), absl::StrJoin(got, ", ")});
    }
  }
  return differences;
}

absl::Status ReadBackUnit(const std::string& name, const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxUnitText);
  if (!text.ok()) return text.status();
  std::vector<absl::string_view> names = {"DropInPaths"};
  for (const ComparedKey& key : ComparedKeys()) names.push_back(PropertyOf(key));
  absl::StatusOr<RunResult> shown =
      Run({"systemctl", "show", absl::StrCat("--property=", absl::StrJoin(names, ",")), "--", name});
  if (!shown.ok()) return shown.status();
  if (!shown->ok()) {
    return absl::UnavailableError(
        absl::StrCat("systemd does not answer: ", absl::StripAsciiWhitespace(shown->err)));
  }
  std::vector<UnitDifference> differences = CompareUnit(*text, shown->out);
  if (differences.empty()) return absl::OkStatus();
  std::string message = absl::StrCat("systemd has ", name, " other than ", path, " says:");
  for (const UnitDifference& difference : differences) {
    absl::StrAppend(&message, "\n    ", difference.key, ": wanted ",
                    difference.wanted.empty() ? "nothing" : difference.wanted, "\n    ",
                    std::string(difference.key.size() + 2, ' '), "got    ",
                    difference.got.empty() ? "nothing" : difference.got);
  }
  const Values drop_ins = ParseShown(shown->out)["DropInPaths"];
  if (!drop_ins.empty() && !drop_ins[0].empty()) {
    absl::StrAppend(&message, "\n    it has drop-ins: ", drop_ins[0]);
  }
  return absl::FailedPreconditionError(message);
}

}  // namespace kplan
