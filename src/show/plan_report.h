#ifndef KPLAN_SHOW_PLAN_REPORT_H_
#define KPLAN_SHOW_PLAN_REPORT_H_

// What `plan` says: every step that the next ninja would run, why, and what it means for what runs already.

#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "src/look/forecast.h"
#include "src/why/explain.h"

namespace kplan {

struct PlannedStep {
  StepId step = 0;
  Why why;
};

// A service that goes on running though something it uses changes, and why it may.
struct KeepsRunning {
  std::string label;            // "service/etcd-2/etcd"
  uint32_t shard = 0;           // its host's
  std::vector<StepId> rereads;  // what changes: it reads these again by itself
  // The step that proves it, by a handshake with every member of a cluster; no value where none does.
  std::optional<StepId> proof;
};

struct PlanReport {
  std::vector<PlannedStep> steps;  // in the order of the graph
  std::vector<KeepsRunning> keeps_running;
  // Starts and restarts are of services: a rollout may have several of either.
  size_t to_run = 0, to_check = 0, restarts = 0, starts = 0, reloads = 0, failing = 0, waiting = 0, fresh = 0;
  size_t unknown = 0;   // nobody looked at their hosts, or their keys are elsewhere
  size_t unseen = 0;    // of these: what is on a host
  std::string unasked;  // of such hosts (HostSights::Summary)
  Notes state = Notes::kKept;
  // What there is to know of the plan as a whole, a line each: that the keys are elsewhere.
  std::vector<std::string> notes;
  std::vector<std::string> edits;  // of two texts that are compared, a line each
  // The private keys that changes take, and that are elsewhere; in the order of the paths.
  std::vector<std::string> needs;
  // It compares two plans, and says nothing of what there is: `fresh` are the steps that both have; `gone`
  // those that the new one has not.
  bool compared = false;
  size_t gone = 0;

  // Whether the run, or the new plan, would do nothing. Where ninja runs elsewhere that is nothing but what
  // its own notes may call for.
  bool empty() const {
    if (state == Notes::kElsewhere) return to_run + failing + waiting + gone + unseen == 0;
    return steps.empty() && gone == 0 && (state == Notes::kKept || unknown == 0);
  }
};

PlanReport MakePlanReport(const Graph& graph, const Forecast& forecast, const HostSights& sights,
                          Explainer* explainer);
// WHY_OF: of each step that is in it.
PlanReport MakePlanReport(const Graph& graph, const Forecast& forecast, const HostSights& sights,
                          absl::FunctionRef<Why(StepId)> why_of);

// "4 to run, 1 restart, 18 up to date"; where there are no notes "0 changes, 65 to look at"; of two plans
// that are compared "3 changes, 1 restart, 18 the same".
std::string PlanSummary(const PlanReport& report);

// What `plan` may not do: --max-restarts, --no-reissue-ca.
struct PlanBudget {
  int max_restarts = -1;  // -1: any number
  bool reissue_ca = true;
};
// The steps that go beyond BUDGET: when it is the number, all that count.
struct OverBudget {
  std::string text;  // "2 restarts, and --max-restarts allows 1"
  std::vector<StepId> steps;
};
std::vector<OverBudget> CheckBudget(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                                    const PlanBudget& budget);

struct ServiceCounts {
  size_t starts = 0, restarts = 0, reloads = 0;
  size_t others = 0;  // that run on, and of which something else is put right
};

// Counts the services of a step about several. A step about a single one counts as that one.
ServiceCounts CountServices(const StepForecast& step);

// The label of one of the services of a step about several: "service/etcd-2/etcd".
std::string LabelOf(const ServiceOutlook& service);

// What would become of it, on one line: "restarts: flag --max-wals 5 -> 10".
std::string WhatFor(const ServiceOutlook& service);

// For people: by host, in causal order. FILE is cluster.yaml as the person wrote it.
std::string PlanText(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                     const std::string& file);

// docs/commands.md describes it. OTHER is appended to the top-level object: ",\"leftovers\":[...]".
std::string PlanJson(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                     const std::string& file, const std::string& other);

// The chain of one step, indented by INDENT: "because cert/kubernetes changes: ..." a line each, at last the
// root. LAST: what was, not what will be.
std::string ChainText(const Graph& graph, const Why& why, const std::string& file, bool last,
                      const std::string& indent);
std::string ChainJson(const Graph& graph, const Why& why, const std::string& file);

// What a chain ends with, a line each: "etcd.flags.max-wals: 5 -> 10 (cluster.yaml:31)".
std::vector<std::string> RootLines(const RootCause& root, const std::string& file, bool last);

// The edit for a person: "etcd.flags.max-wals: 5 -> 10".
std::string EditText(const SpecEdit& edit);

}  // namespace kplan

#endif  // KPLAN_SHOW_PLAN_REPORT_H_
