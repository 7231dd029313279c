#include "src/cli/apply_summary.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"

namespace kplan {

std::string ApplySummary::Text(absl::Duration took, bool ended_well) const {
  std::vector<std::string> parts;
  if (changed > 0 || checked == 0) parts.push_back(absl::StrCat(changed, " changed"));
  if (restarts > 0) parts.push_back(Count(restarts, "restart"));
  if (checked > 0) parts.push_back(absl::StrCat(checked, " checked"));
  std::string text =
      absl::StrFormat("done: %s (%.1f s)\n", absl::StrJoin(parts, ", "), absl::ToDoubleSeconds(took));
  for (const auto& [label, why] : failed)
    absl::StrAppend(&text, "failed: ", label, ": ", Shown(why.substr(0, why.find('\n'))), "\n");
  if (left.empty()) return text;
  constexpr size_t kMost = 8;
  std::vector<std::string> shown(left.begin(), left.begin() + std::min(left.size(), kMost));
  if (shown.size() < left.size()) shown.push_back(absl::StrCat(left.size() - kMost, " more"));
  absl::StrAppend(&text, ended_well ? "right already: " : "not done: ", absl::StrJoin(shown, ", "), "\n");
  return text;
}

ApplySummary SummaryOf(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                       const Journal& journal) {
  ApplySummary summary;
  for (const PlannedStep& planned : report.steps) {
    const std::string& label = graph.steps()[planned.step].label;
    const JournalEntry* entry = journal.Find(label);
    if (entry == nullptr) {
      summary.left.push_back(label);
    } else if (entry->failed) {
      summary.failed.emplace_back(label, entry->reason);
    } else if (entry->reason.empty()) {
      ++summary.checked;
    } else {
      ++summary.changed;
      summary.restarts += CountServices(forecast.steps[planned.step]).restarts;
    }
  }
  return summary;
}

}  // namespace kplan
