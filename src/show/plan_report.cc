#include "src/show/plan_report.h"

// What a plan is; plan_text.cc and plan_json.cc write it.

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/look/holdings.h"
#include "src/look/step_record.h"
#include "src/step/kinds.h"

namespace kplan {
namespace {

constexpr char kProgramMode[] = "0755";

// Whether a running member reads again what STEP makes. A rollout comes after STEP. The member does not read
// again what is sent, its folder and what it heeds at its first start. Programs beside it are not its.
bool IsReread(const Step& step) {
  if (step.kind == StepKind::kPair) return true;
  if (step.kind != StepKind::kFile) return false;
  const FileRecord file = RecordOf<FileRecord>(step);
  return !absl::EndsWith(file.path, absl::StrCat("/", paths::on_host::kBootstrapName)) &&
         file.mode != kProgramMode;
}

// What changes of what STEP comes after without being made from it, and is in files of SHARD's host: a
// service reads it again by itself.
std::vector<StepId> RereadFiles(const Graph& graph, const Forecast& forecast, const Step& step,
                                std::optional<uint32_t> shard) {
  std::vector<StepId> rereads;
  for (StepId id : step.after) {
    const Step& after = graph.steps()[id];
    const StepForecast& it = forecast.steps[id];
    if (it.fate != Fate::kChange || !it.changes_digest) continue;
    // The services that it comes after are not in it.
    const bool file = after.kind == StepKind::kFile || after.kind == StepKind::kPair;
    if (!file && after.kind != StepKind::kDir) continue;
    if (shard.has_value() && (after.shard != *shard || !IsReread(after))) continue;
    rereads.push_back(id);
  }
  return rereads;
}

std::optional<StepId> ProofOf(const Graph& graph, const Forecast& forecast, StepId service) {
  for (StepId id = service + 1; id < graph.steps().size(); ++id) {
    const Step& step = graph.steps()[id];
    const Fate fate = forecast.steps[id].fate;
    if (!IsProof(step) || (fate != Fate::kCheck && fate != Fate::kChange)) continue;
    if (std::find(step.inputs.begin(), step.inputs.end(), service) != step.inputs.end()) return id;
  }
  return std::nullopt;
}

// The services of STEP that go on running with something new.
void AddKept(const Graph& graph, const Forecast& forecast, StepId id, PlanReport* report) {
  const Step& step = graph.steps()[id];
  const StepForecast& it = forecast.steps[id];
  if (it.fate == Fate::kFail || it.fate == Fate::kWait) return;
  if (step.kind == StepKind::kService && !it.restarts && !it.starts && !it.reloads) {
    KeepsRunning keeps = {step.label, step.shard, RereadFiles(graph, forecast, step, std::nullopt), {}};
    if (!keeps.rereads.empty()) report->keeps_running.push_back(std::move(keeps));
  }
  if (step.kind != StepKind::kRollout) return;
  for (const ServicePart& service : ServicesOf(graph, step)) {
    const bool touched =
        std::any_of(it.services.begin(), it.services.end(), [&](const ServiceOutlook& other) {
          return LabelOf(other) == service.label && (other.starts || other.restarts || other.reloads);
        });
    auto shard = std::find_if(graph.shards().begin(), graph.shards().end(),
                              [&](const Shard& other) { return other.name == service.host; });
    if (touched || shard == graph.shards().end()) continue;
    const auto index = static_cast<uint32_t>(shard - graph.shards().begin());
    KeepsRunning keeps = {service.label, index, RereadFiles(graph, forecast, step, index), {}};
    if (keeps.rereads.empty()) continue;
    keeps.proof = ProofOf(graph, forecast, id);
    report->keeps_running.push_back(std::move(keeps));
  }
}

// Where nothing was noted, no host over ssh was visited that has not been asked.
void SayWithoutNotes(const Graph& graph, const HostSights& sights, PlanReport* report) {
  size_t hosts = 0;
  for (const Step& step : graph.steps()) hosts += step.kind == StepKind::kHost;
  const size_t silent = hosts > sights.visits().size() ? hosts - sights.visits().size() : 0;
  if (silent > 0) {
    absl::StrAppend(&report->unasked, report->unasked.empty() ? "" : "; ", Count(silent, "host"),
                    " not asked");
  }
  report->notes.push_back(
      report->state == Notes::kLost
          ? "kplan's notes (.kplan) are gone: ninja looks at every step again"
          : "keyless: private keys are taken to be where ninja runs, and nothing is known of what "
            "was done there");
}

}  // namespace

ServiceCounts CountServices(const StepForecast& step) {
  ServiceCounts counts;
  if (step.services.empty())
    return {step.starts ? size_t{1} : 0, step.restarts ? size_t{1} : 0, step.reloads ? size_t{1} : 0};
  for (const ServiceOutlook& service : step.services) {
    counts.starts += service.starts;
    counts.restarts += service.restarts;
    counts.reloads += service.reloads;
    counts.others += !service.starts && !service.restarts && !service.reloads;
  }
  return counts;
}

std::string LabelOf(const ServiceOutlook& service) {
  return absl::StrCat("service/", service.host, "/", service.service);
}

PlanReport MakePlanReport(const Graph& graph, const Forecast& forecast, const HostSights& sights,
                          Explainer* explainer) {
  explainer->PrepareAll();
  return MakePlanReport(graph, forecast, sights,
                        [explainer](StepId step) { return explainer->WhyNext(step); });
}

PlanReport MakePlanReport(const Graph& graph, const Forecast& forecast, const HostSights& sights,
                          absl::FunctionRef<Why(StepId)> why_of) {
  PlanReport report;
  report.unasked = sights.Summary();
  report.state = forecast.notes;
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const StepForecast& step = forecast.steps[id];
    AddKept(graph, forecast, id, &report);
    if (step.fate == Fate::kFresh) {
      ++report.fresh;
      continue;
    }
    if (step.fate == Fate::kUnknown) {
      ++report.unknown;
      if (KindOf(graph.steps()[id].kind).where == Where::kOnHost) ++report.unseen;
      continue;
    }
    if (step.fate == Fate::kChange) ++report.to_run;
    if (step.fate == Fate::kCheck) ++report.to_check;
    if (step.fate == Fate::kFail) ++report.failing;
    if (step.fate == Fate::kWait) ++report.waiting;
    const ServiceCounts services = CountServices(step);
    report.restarts += services.restarts;
    report.reloads += services.reloads;
    report.starts += services.starts;
    report.steps.push_back({id, why_of(id)});
    for (const std::string& key : step.needs) {
      const auto place = std::lower_bound(report.needs.begin(), report.needs.end(), key);
      if (place == report.needs.end() || *place != key) report.needs.insert(place, key);
    }
  }
  if (report.state != Notes::kKept) SayWithoutNotes(graph, sights, &report);
  return report;
}

std::vector<OverBudget> CheckBudget(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                                    const PlanBudget& budget) {
  std::vector<OverBudget> over;
  OverBudget restarts, reissued;
  size_t restarting = 0;
  for (const PlannedStep& planned : report.steps) {
    const StepForecast& step = forecast.steps[planned.step];
    const size_t services = CountServices(step).restarts;
    restarting += services;
    if (services > 0) restarts.steps.push_back(planned.step);
    const Step& it = graph.steps()[planned.step];
    const JournalEntry* entry = forecast.EntryOf(graph, planned.step);
    const bool ca = absl::string_view(it.label).substr(0, 3) == "ca/" &&
                    (it.kind == StepKind::kCaCert || it.kind == StepKind::kCert);
    // The first time is no re-issue; one that is there was issued, whoever did it.
    const bool first = !step.reasons.empty() && step.reasons[0].name == "missing" &&
                       (entry == nullptr || entry->made_at == 0);
    if (ca && step.fate == Fate::kChange && !first) reissued.steps.push_back(planned.step);
  }
  if (budget.max_restarts >= 0 && restarting > static_cast<size_t>(budget.max_restarts)) {
    restarts.text =
        absl::StrCat(Count(restarting, "restart"), ", and --max-restarts allows ", budget.max_restarts);
    over.push_back(std::move(restarts));
  }
  if (!budget.reissue_ca && !reissued.steps.empty()) {
    reissued.text = absl::StrCat(Count(reissued.steps.size(), "CA certificate"),
                                 " would be issued again, and --no-reissue-ca allows none");
    over.push_back(std::move(reissued));
  }
  return over;
}

}  // namespace kplan
