#include "src/look/host_sights.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/look/holdings.h"
#include "src/look/step_record.h"

namespace kplan {

std::string AgeText(absl::Duration age) {
  if (age < absl::Minutes(2)) return absl::StrCat(absl::ToInt64Seconds(age), " s");
  if (age < absl::Hours(2)) return absl::StrCat(absl::ToInt64Minutes(age), " min");
  return absl::StrCat(absl::ToInt64Hours(age), " h");
}

HostSights::HostSights(const Graph& graph, const std::vector<Journal>& journals,
                       std::vector<HostVisit> visits, absl::flat_hash_map<StepId, std::string> refusals)
    : visits_(std::move(visits)), refusals_(std::move(refusals)) {
  absl::flat_hash_map<std::string, size_t> unknown;
  for (size_t i = 0; i < visits_.size(); ++i) {
    const HostVisit& visit = visits_[i];
    if (!visit.known()) unknown.emplace(visit.host, i);
    for (const Drift& drift : visit.drifts) {
      Drift& all = drifts_[drift.step];
      all.step = drift.step;
      all.reasons.insert(all.reasons.end(), drift.reasons.begin(), drift.reasons.end());
      absl::StrAppend(&all.failure, all.failure.empty() || drift.failure.empty() ? "" : "; ", drift.failure);
    }
    if (visit.answer != HostVisit::Answer::kNow) continue;
    answered_.insert(visit.host);
    for (const auto& [step, found] : visit.standing) standing_.emplace(step, found);
    for (const auto& [step, why] : visit.barred) refusals_.emplace(step, why);
    for (const SeenService& service : visit.services) {
      if (service.problem.empty()) services_.emplace(service.label, &service);
      if (!service.taken.empty()) taken_.emplace(service.label, &service);
    }
  }
  if (unknown.empty()) return;
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const Step& step = graph.steps()[id];
    if (!WasDone(step, journals[step.shard].Find(step.label))) continue;
    auto add = [&](const std::string& host) {
      if (auto found = unknown.find(host); found != unknown.end()) unknown_.emplace(id, found->second);
    };
    if (std::string host = SshHostOf(graph, step); !host.empty()) add(host);
    if (step.kind != StepKind::kRollout) continue;
    for (const ServicePart& service : ServicesOf(graph, step)) {
      if (service.over_ssh) add(service.host);
    }
  }
}

std::string Drift::Text() const {
  return absl::StrCat(Join(reasons), reasons.empty() || failure.empty() ? "" : "; ", failure);
}

const Drift& HostSights::DriftOf(StepId step) const {
  static const auto* const kNone = new Drift;
  auto found = drifts_.find(step);
  return found == drifts_.end() ? *kNone : found->second;
}

const FoundThere* HostSights::StandingOf(StepId step) const {
  auto found = standing_.find(step);
  return found == standing_.end() ? nullptr : &found->second;
}

bool HostSights::HasAnswered(absl::string_view host) const { return answered_.contains(host); }

std::string HostSights::WhyUnknown(StepId step) const {
  auto found = unknown_.find(step);
  if (found == unknown_.end()) return "";
  const HostVisit& visit = visits_[found->second];
  return absl::StrCat(visit.host,
                      visit.answer == HostVisit::Answer::kSilent ? " does not answer" : " was not asked");
}

std::string HostSights::RefusalOf(StepId step) const {
  auto found = refusals_.find(step);
  return found == refusals_.end() ? "" : found->second;
}

const SeenService* HostSights::ServiceOf(absl::string_view label) const {
  auto found = services_.find(label);
  return found == services_.end() ? nullptr : found->second;
}

std::string HostSights::WhyTaken(absl::string_view label, bool starts) const {
  auto found = taken_.find(label);
  if (found == taken_.end()) return "";
  const SeenService& service = *found->second;
  return starts || service.problem == service.taken ? service.taken : "";
}

bool HostSights::any_silent() const {
  return std::any_of(visits_.begin(), visits_.end(),
                     [](const HostVisit& visit) { return visit.answer == HostVisit::Answer::kSilent; });
}

std::string HostSights::Summary() const {
  std::vector<std::string> silent;
  for (const HostVisit& visit : visits_) {
    if (visit.answer == HostVisit::Answer::kSilent) silent.push_back(visit.host);
  }
  constexpr size_t kMostNamed = 8;
  std::string text;
  if (silent.size() > kMostNamed) {
    text = absl::StrCat(silent.size(), " of ", Count(visits_.size(), "host"), " do not answer");
  } else if (!silent.empty()) {
    text = absl::StrCat(JoinAnd(silent), silent.size() == 1 ? " does" : " do", " not answer");
  }
  const std::string others = SummaryOfOthers();
  return absl::StrCat(text, text.empty() || others.empty() ? "" : "; ", others);
}

std::string HostSights::SummaryOfUnasked() const {
  const auto not_asked = std::count_if(visits_.begin(), visits_.end(), [](const HostVisit& visit) {
    return visit.answer == HostVisit::Answer::kNotAsked;
  });
  return not_asked == 0 ? "" : absl::StrCat(Count(static_cast<size_t>(not_asked), "host"), " not asked");
}

std::string HostSights::SummaryOfOthers() const {
  absl::Duration oldest;
  bool earlier = false;
  for (const HostVisit& visit : visits_) {
    if (visit.answer != HostVisit::Answer::kEarlier) continue;
    oldest = std::max(oldest, visit.age);
    earlier = true;
  }
  std::string text = SummaryOfUnasked();
  if (earlier)
    absl::StrAppend(&text, text.empty() ? "" : "; ", "what hosts said is up to ", AgeText(oldest), " old");
  return text;
}

}  // namespace kplan
