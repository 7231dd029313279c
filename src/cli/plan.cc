
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/fields.h"
#include "src/base/text.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/given_cas.h"
#include "src/cli/open_plan.h"
#include "src/cli/terminal.h"
#include "src/cli/version_check.h"
#include "src/look/forecast.h"
#include "src/prune/leftovers.h"
#include "src/show/plan_report.h"
#include "src/why/explain.h"

namespace kplan {
namespace {

bool ParseBudget(const Options& options, PlanBudget* budget) {
  budget->reissue_ca = !options.Has("--no-reissue-ca");
  if (!options.Has("--max-restarts")) return true;
  const std::string value = options.Value("--max-restarts");
  return absl::SimpleAtoi(value, &budget->max_restarts) && budget->max_restarts >= 0;
}

// Says what goes beyond the budget, and the chain of each step that does.
void PrintOver(const OpenPlan& plan, const PlanReport& report, const std::vector<OverBudget>& over) {
  for (const OverBudget& it : over) {
    std::string text = it.text;
    for (const PlannedStep& planned : report.steps) {
      if (std::find(it.steps.begin(), it.steps.end(), planned.step) == it.steps.end()) continue;
      absl::StrAppend(&text, "\n  ", plan.graph().steps()[planned.step].label, ": ",
                      planned.why.links[0].what, "\n",
                      ChainText(plan.graph(), planned.why, plan.path, /*last=*/false, "    "));
      text.pop_back();
    }
    Fail(text);
  }
}

std::string LeftoverText(const std::vector<Leftover>& leftovers) {
  if (leftovers.empty()) return "";
  std::string out = "left over from earlier plans (kplan prune)\n";
  for (const Leftover& leftover : leftovers) absl::StrAppend(&out, "  - ", leftover.key, "\n");
  return out;
}

// A member more of the JSON object.
std::string LeftoverJson(const std::vector<Leftover>& leftovers) {
  std::vector<std::string> keys;
  for (const Leftover& leftover : leftovers) keys.push_back(leftover.key);
  std::string out = ",\n\"leftovers\":";
  AppendValue(keys, &out);
  return out;
}

}  // namespace

int PlanCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("plan", arguments)) return kExitUsage;
  PlanBudget budget;
  if (!ParseBudget(options, &budget)) {
    return WrongUsage(
        "plan", absl::StrCat("--max-restarts takes a number, not ", Quote(options.Value("--max-restarts"))));
  }
  OpenPlan plan;
  const std::string spec = options.operands().empty() ? "" : options.operands()[0];
  if (int exit = OpenPlanIn(options.Value("-C"), spec, &plan); exit != kExitDone) return exit;
  if (absl::Status status = CheckEtcdVersion(plan.compiled()); !status.ok()) return Fail(status.message());
  const Look look = LookAt(plan.graph(), ContactOf(options, plan.compiled()), absl::Now());
  const Forecast& forecast = look.forecast;
  Explainer explainer(plan.graph(), forecast, plan.history, plan.path, plan.text());
  const PlanReport report = MakePlanReport(plan.graph(), forecast, look.sights, &explainer);
  const std::vector<OverBudget> over = CheckBudget(plan.graph(), forecast, report, budget);
  std::string problem;
  const std::vector<Leftover> leftovers = FindLeftovers(plan.graph(), &problem);
  if (!problem.empty()) return Fail(problem);
  std::string out;
  if (options.Has("--json")) {
    out = PlanJson(plan.graph(), forecast, report, plan.path, LeftoverJson(leftovers));
  } else {
    Print(WithObjections(*plan.file));
    out = absl::StrCat(LeftoverText(leftovers), PlanText(plan.graph(), forecast, report, plan.path));
  }
  options.Has("--json") ? PrintJson(out) : PrintText(out);
  if (!over.empty()) {
    PrintOver(plan, report, over);
    return kExitFailed;
  }
  PrintSilent(look.sights);
  if (report.failing > 0 || look.sights.any_silent()) return kExitTrouble;
  return report.empty() ? kExitDone : kExitChanges;
}

}  // namespace kplan
