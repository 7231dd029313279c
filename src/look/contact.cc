#include "src/look/contact.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/look/holdings.h"
#include "src/look/record_field.h"

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
  Json question = {{"kind", "standing"}, {"records", Json::array()}, {"services", Json::array()}};
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

// The record as it is on the host itself.
absl::StatusOr<Json> RecordThere(absl::string_view record) {
  absl::StatusOr<Record> parsed = Record::Parse(record);
  if (!parsed.ok()) return parsed.status();
  Json json = parsed->json();
  json.erase("host");
  return json;
}

// Whether ssh is known to lead to HOST by the plan on disk. (By a name that it has not, HostAccess reaches
// this machine.)
bool IsInPlanOnDisk(const std::string& host) {
  absl::StatusOr<std::string> shard = ReadFile(paths::Shard(host));
  return shard.ok() && absl::StrContains(*shard, absl::StrCat("\n\"host/", host, "\":{"));
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
      } else if (step.kind == StepKind::kInstall || step.kind == StepKind::kUnit ||
                 step.kind == StepKind::kDir) {
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
    auto host = index.find(std::string(SshHostOf(step.record)));
    const JournalEntry* entry = EntryOf(id);
    if (host == index.end() || !WasDone(step, entry)) return;
    absl::StatusOr<Json> record = RecordThere(step.record);
    if (!record.ok()) return;
    Inquiry& inquiry = inquiries_[host->second];
    inquiry.steps.push_back(id);
    inquiry.delivered.push_back(entry->digest);
    inquiry.question["records"].push_back(*std::move(record));
  }

  void AddServices(StepId id, const absl::flat_hash_map<std::string, size_t>& index) {
    const Step& step = graph_.steps()[id];
    std::vector<ServiceRecord> services = ServicesOf(step.record);
    if (step.kind == StepKind::kService) {
      services.push_back({step.label, std::string(SshHostOf(step.record)),
                          std::string(FieldOf(step.record, "name")), !SshHostOf(step.record).empty(),
                          std::string(step.record)});
    }
    for (const ServiceRecord& service : services) {
      auto host = index.find(service.host);
      if (!service.over_ssh || host == index.end()) continue;
      absl::StatusOr<Json> record = RecordThere(service.record);
      if (!record.ok()) continue;
      Inquiry& inquiry = inquiries_[host->second];
      const bool by_unit = FieldOf(service.record, "start") == "by-unit";
      inquiry.services.push_back({id, WasDone(step, EntryOf(id)), by_unit, service.label, service.name});
      inquiry.question["services"].push_back(*std::move(record));
    }
  }

  const Graph& graph_;
  const std::vector<Journal>& journals_;
  std::vector<Inquiry> inquiries_;
};

void TakeArtifact(const Record& answer, StepId step, const std::string& delivered, HostVisit* visit) {
  ++visit->asked;
  Drift drift;
  drift.step = step;
  const std::string problem = answer.StringOr("problem", ""), digest = answer.StringOr("digest", "");
  if (!problem.empty()) {
    drift.reasons.push_back({"content", problem});
  } else {
    for (const Json& reason : answer.json().value("reasons", Json::array())) {
      if (!reason.is_object()) continue;
      const Record it(reason);
      drift.reasons.push_back({KnownName(it.StringOr("name", "")), it.StringOr("text", "")});
    }
    const bool missing = !drift.reasons.empty() && drift.reasons[0].name == "missing";
    if (!missing && digest != delivered) {
      drift.reasons.insert(drift.reasons.begin(), {"content", "content is not what was delivered"});
    }
  }
  if (!drift.reasons.empty()) visit->drifts.push_back(std::move(drift));
}

void TakeService(const Record& answer, const Inquiry::OfService& of, HostVisit* visit) {
  SeenService seen;
  seen.label = of.label;
  seen.managed = answer.BoolOr("managed", true);
  seen.running = answer.BoolOr("running", false);
  seen.process = answer.IntOr("process", 0);
  seen.since = answer.IntOr("since", 0);
  seen.older = answer.Strings("older");
  seen.problem = answer.StringOr("problem", "");
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
  absl::StatusOr<Json> answer = hosts->Ask(visit.host, Record(inquiry->question));
  if (!answer.ok()) {
    visit.problem = std::string(answer.status().message());
    return;
  }
  const Json artifacts = answer->is_object() ? answer->value("artifacts", Json()) : Json();
  const Json services = answer->is_object() ? answer->value("services", Json()) : Json();
  auto fits = [](const Json& list, size_t size) {
    return list.is_array() && list.size() == size &&
           std::all_of(list.begin(), list.end(), [](const Json& it) { return it.is_object(); });
  };
  if (!fits(artifacts, inquiry->steps.size()) || !fits(services, inquiry->services.size())) {
    visit.problem = "its answer is none; is its kplan another one?";
    return;
  }
  for (size_t i = 0; i < inquiry->steps.size(); ++i)
    TakeArtifact(Record(artifacts[i]), inquiry->steps[i], inquiry->delivered[i], &visit);
  for (size_t i = 0; i < inquiry->services.size(); ++i)
    TakeService(Record(services[i]), inquiry->services[i], &visit);
}

}  // namespace

std::vector<HostVisit> VisitHosts(const Graph& graph, const std::vector<Journal>& journals,
                                  HostAccess* hosts) {
  std::vector<Inquiry> inquiries = Visitor(graph, journals).Inquiries();
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < inquiries.size();) Visit(hosts, &inquiries[i]);
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(kAtATime, inquiries.size()); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
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
