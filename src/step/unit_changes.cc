#include "src/step/unit_changes.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/step/command_changes.h"
#include "src/systemd/unit_text.h"

namespace kplan {
namespace {

using Values = std::vector<std::string>;

// The keys of a unit as "[Section] Key", in the order in which they came.
struct UnitKeys {
  std::vector<std::string> order;
  std::map<std::string, Values> values;

  const Values& Of(const std::string& key) const {
    static const Values* const kNone = new Values;
    auto found = values.find(key);
    return found == values.end() ? *kNone : found->second;
  }
};

// No value when TEXT is no unit.
std::optional<UnitKeys> ParseUnit(absl::string_view text) {
  std::optional<std::vector<UnitAssignment>> assignments = ParseUnitText(text);
  if (!assignments.has_value()) return std::nullopt;
  UnitKeys unit;
  for (UnitAssignment& assignment : *assignments) {
    std::string key = absl::StrCat("[", assignment.section, "] ", assignment.key);
    auto [at, is_new] = unit.values.try_emplace(key);
    if (is_new) unit.order.push_back(std::move(key));
    at->second.push_back(std::move(assignment.value));
  }
  return unit;
}

void AppendChanges(const std::string& key, const Values& from, const Values& to,
                   std::vector<Change>* changes) {
  if (from == to) return;
  if (from.size() == 1 && to.size() == 1) {
    if (absl::EndsWith(key, "] ExecStart")) {
      std::vector<Change> flags = CommandChanges(SplitExecStart(from[0]), SplitExecStart(to[0]));
      if (!flags.empty()) {
        changes->insert(changes->end(), flags.begin(), flags.end());
        return;
      }
    }
    changes->push_back({key, from[0], to[0]});
    return;
  }
  auto has = [](const Values& values, const std::string& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
  };
  for (const std::string& value : to) {
    if (!has(from, value)) changes->push_back({key, "", value});
  }
  for (const std::string& value : from) {
    if (!has(to, value)) changes->push_back({key, value, ""});
  }
}

}  // namespace

std::vector<std::string> SplitExecStart(absl::string_view line) { return SplitUnitWords(line, "%$"); }

std::optional<std::vector<Change>> UnitChanges(absl::string_view from, absl::string_view to) {
  std::optional<UnitKeys> before = ParseUnit(from), after = ParseUnit(to);
  if (!before.has_value() || !after.has_value()) return std::nullopt;
  std::vector<Change> changes;
  for (const std::string& key : after->order) AppendChanges(key, before->Of(key), after->Of(key), &changes);
  for (const std::string& key : before->order) {
    if (after->values.count(key) == 0) AppendChanges(key, before->Of(key), {}, &changes);
  }
  return changes;
}

}  // namespace kplan
