#ifndef KPLAN_CLI_APPLY_SUMMARY_H_
#define KPLAN_CLI_APPLY_SUMMARY_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "src/base/journal.h"
#include "src/graph/graph.h"
#include "src/look/forecast.h"
#include "src/show/plan_report.h"

namespace kplan {

// What became of a plan that was applied.
struct ApplySummary {
  size_t changed = 0, checked = 0, restarts = 0;
  std::vector<std::pair<std::string, std::string>> failed;  // label, why
  std::vector<std::string> left;                            // labels that were not come to

  bool all_done() const { return failed.empty() && left.empty(); }
  // "done: 12 changed, 2 restarts, 3 checked (4.2 s)", and a line each of what failed, the label first.
  // ENDED_WELL: ninja did. What it did not come to was right by then.
  std::string Text(absl::Duration took, bool ended_well) const;
};

// JOURNAL: of the steps that have run in it. REPORT is the plan, of GRAPH.
ApplySummary SummaryOf(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                       const Journal& journal);

}  // namespace kplan

#endif  // KPLAN_CLI_APPLY_SUMMARY_H_
