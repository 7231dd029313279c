#ifndef KPLAN_CLI_PLANNING_H_
#define KPLAN_CLI_PLANNING_H_

// What `plan` and `apply` have in common: how a plan is made, what it may not do, and how it is told.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/apply/saved_plan.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/open_plan.h"
#include "src/cli/review.h"
#include "src/graph/limit.h"
#include "src/look/limited_forecast.h"
#include "src/prune/leftovers.h"
#include "src/show/plan_report.h"

namespace kplan {

// What of the command line is about the plan.
struct PlanRequest {
  PlanBudget budget;
  std::vector<std::string> limit;  // names; empty: all
  bool keyless = false;            // ninja runs elsewhere (look/notes.h)

  // Of `kplan COMMAND`. kExitDone, or kExitUsage, the error being printed.
  int Read(absl::string_view command, const Options& options);
};

// A plan, of all or of the part that REQUEST names.
struct MadePlan {
  std::optional<Limit> limit;
  std::unique_ptr<Graph> part;  // LimitedGraph, with a limit
  Look look;
  PlanReport report;
  std::vector<OverBudget> over;
  std::vector<Leftover> leftovers;
  Owed owed;  // with a limit

  // What the report is about.
  const Graph& graph(const OpenPlan& plan) const { return part == nullptr ? plan.graph() : *part; }
  // What it would run, as ids of the whole graph.
  std::vector<StepId> StepsToRun() const;
};

// Looks, and asks the hosts as CONTACT says. In the folder of build.ninja. kExitDone, or the exit code of the
// command, the error being printed.
int MakePlan(const OpenPlan& plan, const PlanRequest& request, Contact contact, MadePlan* made);

// What LIMIT leaves, as far as that is known here: no host is asked.
Owed LookAtOwed(const OpenPlan& plan, const Limit& limit);

// Prints it in the format of FORM, what is for people after the warnings of cluster.yaml. The rest of FORM is
// filled in here.
void PrintPlan(const OpenPlan& plan, const MadePlan& made, ReviewForm form = {});

// Says what goes beyond the budget, and the chain of each step that does. False: nothing does.
bool PrintOverBudget(const OpenPlan& plan, const MadePlan& made);

// PLAN as it is saved. OFFLINE: nobody was asked. An error when there can be no key (apply/plan_key.h).
absl::StatusOr<SavedPlan> SavedPlanOf(const OpenPlan& plan, const MadePlan& made, bool offline);

}  // namespace kplan

#endif  // KPLAN_CLI_PLANNING_H_
