#include "src/look/limited_forecast.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/reason_list.h"
#include "src/base/text.h"

namespace kplan {
namespace {

bool IsNamed(const LimitedStep& step, const ServiceOutlook& service) {
  return std::find(step.hosts.begin(), step.hosts.end(), service.host) != step.hosts.end();
}

bool IsTouched(const ServiceOutlook& service) {
  return service.starts || service.restarts || service.reloads;
}

void Keep(const LimitedStep& limited, StepForecast* step) {
  std::vector<ServiceOutlook>& services = step->services;
  services.erase(std::remove_if(services.begin(), services.end(),
                                [&](const ServiceOutlook& service) { return !IsNamed(limited, service); }),
                 services.end());
  // Why it would fail, or waits, is no service's alone.
  if (step->fate != Fate::kChange && step->fate != Fate::kCheck) return;
  step->starts = step->restarts = step->reloads = false;
  step->reasons.clear();
  for (const ServiceOutlook& service : services) {
    step->starts = step->starts || service.starts;
    step->restarts = step->restarts || service.restarts;
    step->reloads = step->reloads || service.reloads;
    for (const Reason& reason : service.reasons) AddOnce(reason, &step->reasons);
  }
  if (!step->restarts) step->note.clear();
  if (services.empty()) *step = StepForecast();
}

}  // namespace

void KeepNamedServices(const Limit& limit, Forecast* forecast) {
  for (size_t i = 0; i < limit.steps.size(); ++i) {
    if (limit.steps[i].partial()) Keep(limit.steps[i], &forecast->steps[i]);
  }
}

std::string Owed::Text() const {
  std::vector<std::string> parts;
  if (steps > 0) parts.push_back(Count(steps, "step"));
  if (unknown > 0)
    parts.push_back(absl::StrCat(unknown, " of which nobody knows, for their hosts were not asked"));
  std::string text = absl::StrJoin(parts, ", and ");
  if (services.empty()) return text;
  constexpr size_t kMost = 12;
  std::vector<std::string> shown(services.begin(), services.begin() + std::min(services.size(), kMost));
  if (shown.size() < services.size()) shown.push_back(absl::StrCat(services.size() - kMost, " more"));
  return absl::StrCat(text, "; to be started or restarted: ", absl::StrJoin(shown, ", "));
}

Owed OwedBy(const Graph& graph, const Limit& limit, const Forecast& whole) {
  Owed owed;
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const StepForecast& step = whole.steps[id];
    const LimitedStep* limited = limit.Find(id);
    if (limited != nullptr && !limited->partial()) continue;
    if (step.fate == Fate::kUnknown) ++owed.unknown;
    if (!Runs(step.fate)) continue;
    ++owed.steps;
    for (const ServiceOutlook& service : step.services) {
      if (IsTouched(service) && (limited == nullptr || !IsNamed(*limited, service)))
        owed.services.push_back(absl::StrCat("service/", service.host, "/", service.service));
    }
    if (step.services.empty() && (step.starts || step.restarts))
      owed.services.push_back(graph.steps()[id].label);
  }
  return owed;
}

}  // namespace kplan
