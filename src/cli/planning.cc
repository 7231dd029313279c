#include "src/cli/planning.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/apply/applied.h"
#include "src/apply/plan_key.h"
#include "src/base/text.h"
#include "src/cli/given_cas.h"
#include "src/cli/terminal.h"
#include "src/cli/version_check.h"
#include "src/look/traversal.h"
#include "src/why/explain.h"

namespace kplan {
namespace {

// Those of the services OTHERS that do not run, by label.
std::vector<std::string> StoppedAmong(const std::vector<StepId>& others, const OpenPlan& plan,
                                      const Contact& contact) {
  std::vector<std::string> labels, stopped;
  for (StepId id : others) labels.push_back(plan.graph().steps()[id].label);
  absl::StatusOr<Limit> limit = LimitTo(plan.graph(), labels);
  if (!limit.ok()) return stopped;  // labels of the graph are in it
  const Graph graph = LimitedGraph(plan.graph(), *limit);
  const Forecast forecast = LookAt(graph, contact, absl::Now()).forecast;
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const std::string& label = graph.steps()[id].label;
    if (forecast.steps[id].starts && std::find(labels.begin(), labels.end(), label) != labels.end())
      stopped.push_back(label);
  }
  return stopped;
}

// The part that MADE is about may take a service away only while enough of those that it takes turns with run
// (rollout.max-unavailable): those that are left out are nobody's to start in this run. Etcd's members are
// seen to by their rollout (etcd/rollout_order.h).
void CheckTurns(const OpenPlan& plan, const Contact& contact, MadePlan* made) {
  // By those that are left out, which the services of one name have in common.
  std::map<std::vector<StepId>, std::vector<std::string>> stopped;
  for (const PlannedStep& planned : made->report.steps) {
    const Step& step = made->part->steps()[planned.step];
    if (step.kind != StepKind::kService || !made->look.forecast.steps[planned.step].restarts) continue;
    const Turns turns = TurnsOf(plan.graph(), *made->limit, made->limit->steps[planned.step].step);
    if (turns.others.empty()) continue;
    auto [found, fresh] = stopped.try_emplace(turns.others);
    if (fresh) found->second = StoppedAmong(turns.others, plan, contact);
    const std::vector<std::string>& away = found->second;
    if (away.size() < turns.at_a_time) continue;
    made->over.push_back(
        {absl::StrCat(step.label, " would be restarted while ", JoinAnd(away),
                      away.size() == 1 ? " does" : " do", " not run, and rollout.max-unavailable allows ",
                      turns.at_a_time, " to be away; have that done first, or with it: --limit ", away[0]),
         {planned.step}});
  }
}

// What a plan for programs has of it.
std::string OwedJson(const Owed& owed) {
  return absl::StrCat(",\n\"owed\":{\"steps\":", owed.steps, ",\"unknown\":", owed.unknown,
                      JsonMember("services", owed.services), "}");
}

}  // namespace

int PlanRequest::Read(absl::string_view command, const Options& options) {
  budget.reissue_ca = !options.Has("--no-reissue-ca");
  limit = options.Values("--limit");
  keyless = options.Has("--keyless");
  if (!options.Has("--max-restarts")) return kExitDone;
  const std::string value = options.Value("--max-restarts");
  if (absl::SimpleAtoi(value, &budget.max_restarts) && budget.max_restarts >= 0) return kExitDone;
  return WrongUsage(command, absl::StrCat("--max-restarts takes a number, not ", Quote(value)));
}

std::vector<StepId> MadePlan::StepsToRun() const {
  std::vector<StepId> steps;
  for (const PlannedStep& planned : report.steps)
    steps.push_back(limit.has_value() ? limit->steps[planned.step].step : planned.step);
  return steps;
}

int MakePlan(const OpenPlan& plan, const PlanRequest& request, Contact contact, MadePlan* made) {
  if (absl::Status status = CheckEtcdVersion(plan.compiled()); !status.ok()) return Fail(status.message());
  if (!request.limit.empty()) {
    absl::StatusOr<Limit> limit = LimitTo(plan.graph(), request.limit);
    if (!limit.ok()) return Fail(absl::StrCat("--limit: ", limit.status().message()));
    made->limit = *std::move(limit);
    made->part = std::make_unique<Graph>(LimitedGraph(plan.graph(), *made->limit));
    contact.notes = false;
    made->owed = LookAtOwed(plan, *made->limit);
  }
  const Graph& graph = made->graph(plan);
  made->look = LookAt(graph, contact, absl::Now(), request.keyless);
  if (made->limit.has_value()) KeepNamedServices(*made->limit, &made->look.forecast);
  const Forecast& forecast = made->look.forecast;
  Explainer explainer(graph, forecast, plan.history, plan.path, plan.text());
  made->report = MakePlanReport(graph, forecast, made->look.sights, &explainer);
  made->over = CheckBudget(graph, forecast, made->report, request.budget);
  if (made->limit.has_value()) CheckTurns(plan, contact, made);
  std::string problem;
  made->leftovers = FindLeftovers(plan.graph(), &problem);
  return problem.empty() ? kExitDone : Fail(problem);
}

Owed LookAtOwed(const OpenPlan& plan, const Limit& limit) {
  Contact nobody;
  nobody.asks = nobody.notes = false;
  return OwedBy(plan.graph(), limit, LookAt(plan.graph(), nobody, absl::Now()).forecast);
}

void PrintPlan(const OpenPlan& plan, const MadePlan& made, ReviewForm form) {
  form.title = "kplan plan";
  form.gone_title = "left over from earlier plans (kplan prune)";
  for (const Leftover& leftover : made.leftovers) form.gone.push_back(leftover.key);
  form.other_json = JsonMember("leftovers", form.gone);
  if (made.limit.has_value()) absl::StrAppend(&form.other_json, OwedJson(made.owed));
  // What comes on standard input is no file of the repository.
  if (plan.path != SpecFile::kStandardInput) form.place = plan.path;
  if (form.format != ReviewFormat::kJson) Print(WithObjections(*plan.file));
  PrintReview(made.graph(plan), made.look.forecast, made.report, plan.file->diagnostics().source(), plan.path,
              form);
  const bool for_people = form.format == ReviewFormat::kText;
  if (for_people && !made.owed.empty())
    PrintText(absl::StrCat("left out by --limit: ", made.owed.Text(), "\n"));
}

bool PrintOverBudget(const OpenPlan& plan, const MadePlan& made) {
  const Graph& graph = made.graph(plan);
  for (const OverBudget& it : made.over) {
    std::string text = it.text;
    for (const PlannedStep& planned : made.report.steps) {
      if (std::find(it.steps.begin(), it.steps.end(), planned.step) == it.steps.end()) continue;
      absl::StrAppend(&text, "\n  ", graph.steps()[planned.step].label, ": ", planned.why.links[0].what, "\n",
                      ChainText(graph, planned.why, plan.path, /*last=*/false, "    "));
      text.pop_back();
    }
    Fail(text);
  }
  return !made.over.empty();
}

absl::StatusOr<SavedPlan> SavedPlanOf(const OpenPlan& plan, const MadePlan& made, bool offline) {
  absl::StatusOr<PlanKey> key = PlanKey::Make();
  if (!key.ok()) return key.status();
  SavedPlan saved = MakeSavedPlan(made.graph(plan), made.look.forecast, GraphDigest(plan.graph()), *key);
  saved.kplan = kVersion;
  saved.offline = offline;
  if (made.limit.has_value()) saved.limit = made.limit->names;
  return saved;
}

}  // namespace kplan
