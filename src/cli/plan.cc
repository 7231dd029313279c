
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/text.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/given_cas.h"
#include "src/cli/open_plan.h"
#include "src/cli/review.h"
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
  const Look look =
      LookAt(plan.graph(), ContactOf(options, plan.compiled()), absl::Now(), options.Has("--keyless"));
  const Forecast& forecast = look.forecast;
  Explainer explainer(plan.graph(), forecast, plan.history, plan.path, plan.text());
  const PlanReport report = MakePlanReport(plan.graph(), forecast, look.sights, &explainer);
  const std::vector<OverBudget> over = CheckBudget(plan.graph(), forecast, report, budget);
  std::string problem;
  const std::vector<Leftover> leftovers = FindLeftovers(plan.graph(), &problem);
  if (!problem.empty()) return Fail(problem);
  ReviewForm form;
  form.format = FormatOf(options);
  form.all = options.Has("--all");
  form.title = "kplan plan";
  form.gone_title = "left over from earlier plans (kplan prune)";
  for (const Leftover& leftover : leftovers) form.gone.push_back(leftover.key);
  form.other_json = JsonMember("leftovers", form.gone);
  // What comes on standard input is no file of the repository.
  if (plan.path != SpecFile::kStandardInput) form.place = plan.path;
  if (form.format != ReviewFormat::kJson) Print(WithObjections(*plan.file));
  PrintReview(plan.graph(), forecast, report, plan.file->diagnostics().source(), plan.path, form);
  if (!over.empty()) {
    PrintOver(plan, report, over);
    return kExitFailed;
  }
  PrintSilent(look.sights);
  if (!report.needs.empty()) return FailForKeys(report);
  if (report.failing > 0 || look.sights.any_silent()) return kExitTrouble;
  return report.empty() ? kExitDone : kExitChanges;
}

}  // namespace kplan
