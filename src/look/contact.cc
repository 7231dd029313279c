#include "src/look/contact.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "src/base/at_once.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/look/holdings.h"
#include "src/look/step_record.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

constexpr size_t kAtATime = 8;  // as ninja's pool of hosts

// What one host is asked.
struct Inquiry {
  HostVisit visit;
  std::vector<StepId> steps;           // whose records are asked about
  std::vector<std::string> delivered;  // their digests
  struct OfService {
    StepId step = 0;       // the rollout
    bool done = false;     // it has come to its end with this record
    bool by_unit = false;  // it need not run
    std::string label, name;
  };
  std::vector<OfService> services;
  StandingQuestion question;
};

// Reason::name is static.
absl::string_view KnownName(const std::string& name) {
  for (absl::string_view known : {"missing", "mode", "owner", "unfinished", "pair"}) {
    if (name == known) return known;
  }
  return "content";
}

bool WasDone(const Step& step, const JournalEntry* entry) {
  return entry != nullptr && !entry->failed && !entry->digest.empty() && entry->record == step.digest();
}

// Whether ssh is known to lead to HOST by the plan on disk. (By a name that it has not, HostAccess reaches
// this machine.)
bool IsInPlanOnDisk(const std::string& host) {
  absl::StatusOr<std::string> shard = ReadFile(paths::Shard(host));
  return shard.ok() && !FindRecordText(*shard, absl::StrCat("host/", host)).empty();
}

class Visitor {
 public:
  Visitor(const Graph& graph, const std::vector<Journal>& journals) : graph_(graph), journals_(journals) {}

  std::vector<Inquiry> Inquiries() {
    absl::flat_hash_map<std::string, size_t> index;
    for (const Shard& shard : graph_.shards()) {
      for (StepId id : shard.steps) {
        if (graph_.steps()[id].kind != StepKind::kHost || EntryOf(id) == nullptr) continue;
        index.emplace(shard.name, inquiries_.size());
        inquiries_.emplace_back();
        inquiries_.back().visit.host = shard.name;
      }
    }
    for (StepId id = 0; id < graph_.steps().size(); ++id) {
      const Step& step = graph_.steps()[id];
      if (step.kind == StepKind::kRollout || step.kind == StepKind::kService) {
        AddServices(id, index);
      } else if (KindOf(step.kind).stage == Stage::kFiles && step.kind != StepKind::kUser) {
        AddArtifact(id, index);
      }
    }
    return std::move(inquiries_);
  }

 private:
  const JournalEntry* EntryOf(StepId id) const {
    const Step& step = graph_.steps()[id];
    return journals_[step.shard].Find(step.label);
  }

  void AddArtifact(StepId id, const absl::flat_hash_map<std::string, size_t>& index) {
    const Step& step = graph_.steps()[id];
    auto host = index.find(SshHostOf(graph_, step));
    const JournalEntry* entry = EntryOf(id);
    if (host == index.end() || !WasDone(step, entry)) return;
    Inquiry& inquiry = inquiries_[host->second];
    inquiry.steps.push_back(id);
    inquiry.delivered.push_back(entry->digest);
    inquiry.question.records.push_back(RecordOnHost(ReadAnyRecord(step.record)));
  }

  void AddServices(StepId id, const absl::flat_hash_map<std::string, size_t>& index) {
    const Step& step = graph_.steps()[id];
    for (ServicePart& service : ServicesOf(graph_, step)) {
      auto host = index.find(service.host);
      if (!service.over_ssh || host == index.end()) continue;
      Inquiry& inquiry = inquiries_[host->second];
      inquiry.services.push_back(
          {id, WasDone(step, EntryOf(id)), service.record.by_unit(), service.label, service.name});
      service.record.host.clear();  // there it is "this machine"
      inquiry.question.services.push_back(std::move(service.record));
    }
  }

  const Graph& graph_;
  const std::vector<Journal>& journals_;
  std::vector<Inquiry> inquiries_;
};

void TakeArtifact(const StandingAnswer::Artifact& answer, StepId step, const std::string& delivered,
                  HostVisit* visit) {
  ++visit->asked;
  Drift drift;
  drift.step = step;
  if (!answer.problem.empty()) {
    drift.reasons.push_back({"content", answer.problem});
  } else {
    for (const auto& why : answer.reasons) drift.reasons.push_back({KnownName(why.name), why.text});
    const bool missing = !drift.reasons.empty() && drift.reasons[0].name == "missing";
    if (!missing && answer.digest != delivered) {
      drift.reasons.insert(drift.reasons.begin(), {"content", "content is not what was delivered"});
    }
  }
  if (!drift.reasons.empty()) visit->drifts.push_back(std::move(drift));
}

void TakeService(const StandingAnswer::Service& answer, const Inquiry::OfService& of, HostVisit* visit) {
  SeenService seen;
  seen.label = of.label;
  seen.managed = answer.managed;
  seen.running = answer.running;
  seen.process = answer.process;
  seen.since = answer.since;
  seen.older = answer.older;
  seen.problem = answer.problem;
  Drift drift;
  drift.step = of.step;
  if (seen.managed && !of.by_unit && seen.problem.empty() && !seen.running)
    drift.reasons.push_back({"not-running", absl::StrCat(of.name, " on ", visit->host, " does not run")});
  for (const std::string& path : seen.older) {
    drift.reasons.push_back(
        {"file", absl::StrCat(of.name, " on ", visit->host, " runs with an older ", path)});
  }
  if (of.done && !drift.reasons.empty()) visit->drifts.push_back(std::move(drift));
  visit->services.push_back(std::move(seen));
}

void Visit(HostAccess* hosts, Inquiry* inquiry) {
  HostVisit& visit = inquiry->visit;
  if (!IsInPlanOnDisk(visit.host)) {
    visit.problem = "the plan in .kplan does not have it over ssh; run `kplan gen` first";
    return;
  }
  absl::StatusOr<Json> json = hosts->Ask(visit.host, ToJson(inquiry->question));
  if (!json.ok()) {
    visit.problem = std::string(json.status().message());
    return;
  }
  absl::StatusOr<StandingAnswer> answer = FromJson<StandingAnswer>(*json);
  if (!answer.ok() || answer->artifacts.size() != inquiry->steps.size() ||
      answer->services.size() != inquiry->services.size()) {
    visit.problem = "its answer is none; is its kplan another one?";
    return;
  }
  for (size_t i = 0; i < inquiry->steps.size(); ++i)
    TakeArtifact(answer->artifacts[i], inquiry->steps[i], inquiry->delivered[i], &visit);
  for (size_t i = 0; i < inquiry->services.size(); ++i)
    TakeService(answer->services[i], inquiry->services[i], &visit);
}

}  // namespace

std::vector<HostVisit> VisitHosts(const Graph& graph, const std::vector<Journal>& journals,
                                  HostAccess* hosts) {
  std::vector<Inquiry> inquiries = Visitor(graph, journals).Inquiries();
  AtOnce(inquiries.size(), kAtATime, [&](size_t i) { Visit(hosts, &inquiries[i]); });
  std::vector<HostVisit> visits;
  for (Inquiry& inquiry : inquiries) visits.push_back(std::move(inquiry.visit));
  return visits;
}

void AddVisits(const std::vector<HostVisit>& visits, Forecast* forecast) {
  for (const HostVisit& visit : visits) {
    for (const Drift& drift : visit.drifts) {
      StepForecast& step = forecast->steps[drift.step];
      if (step.fate == Fate::kFail || step.fate == Fate::kWait) continue;
      step.fate = Fate::kChange;
      const bool known = std::any_of(step.causes.begin(), step.causes.end(),
                                     [](const Cause& cause) { return cause.kind == Cause::Kind::kDrift; });
      if (!known) step.causes.push_back({Cause::Kind::kDrift, 0});
      step.reasons.insert(step.reasons.end(), drift.reasons.begin(), drift.reasons.end());
    }
  }
}

}  // namespace kplan
