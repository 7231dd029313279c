#include "src/look/contact.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "src/base/at_once.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/look/holdings.h"
#include "src/look/refusals.h"
#include "src/look/step_record.h"
#include "src/step/host_clock.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

// More would be a burden for this machine's own sshs, not for the hosts.
constexpr size_t kAtATime = 64;

// What one host is asked.
struct Inquiry {
  HostVisit visit;
  StepId host_step = 0;
  bool here = false;            // this machine, by sudo: asking it needs no network
  std::vector<StepId> steps;    // whose records are asked about
  std::vector<StepId> to_come;  // of StandingQuestion::to_come
  struct OfService {
    StepId step = 0;    // its own, or the rollout
    bool done = false;  // it has come to its end with this record
    std::string label, name;
  };
  std::vector<OfService> services;
  StandingQuestion question;
};

// Reason::name is static.
absl::string_view KnownName(const std::string& name) {
  for (absl::string_view known :
       {"missing", "mode", "owner", "unfinished", "pair", "not-running", "not-active", "not-enabled",
        "unit-unread", "binary", "unit", "trust", "flags", "file", "unfinished-restart", "coming-up"}) {
    if (name == known) return known;
  }
  return "content";
}

std::vector<Reason> ReasonsOf(const std::vector<StandingAnswer::Why>& whys) {
  std::vector<Reason> reasons;
  for (const StandingAnswer::Why& why : whys) reasons.push_back({KnownName(why.name), why.text});
  return reasons;
}

// Whether it is known how HOST is reached, by the plan on disk. (By a name that it has not, HostAccess
// reaches this machine.)
bool IsInPlanOnDisk(const std::string& host) {
  absl::StatusOr<std::string> shard = ReadFile(paths::Shard(host));
  return shard.ok() && !FindRecordText(*shard, absl::StrCat("host/", host)).empty();
}

class Visitor {
 public:
  Visitor(const Graph& graph, const std::vector<Journal>& journals, Notes notes)
      : graph_(graph), journals_(journals), noted_(notes == Notes::kKept) {
    for (size_t i = 0; i < graph.shards().size(); ++i) shards_.emplace(graph.shards()[i].name, i);
  }

  std::vector<Inquiry> Inquiries() {
    absl::flat_hash_map<std::string, size_t> index;
    for (const Shard& shard : graph_.shards()) {
      for (StepId id : shard.steps) {
        if (graph_.steps()[id].kind != StepKind::kHost) continue;
        // One that was never reached has nothing that could be asked about.
        const JournalEntry* entry = EntryOf(id);
        if (noted_ && (entry == nullptr || entry->digest.empty())) continue;
        index.emplace(shard.name, inquiries_.size());
        inquiries_.emplace_back();
        inquiries_.back().visit.host = shard.name;
        inquiries_.back().host_step = id;
        inquiries_.back().here = RecordOf<HostRecord>(graph_.steps()[id]).here();
      }
    }
    for (StepId id = 0; id < graph_.steps().size(); ++id) {
      const Step& step = graph_.steps()[id];
      if (step.kind == StepKind::kRollout || step.kind == StepKind::kService) {
        AddServices(id, index);
      } else if (KindOf(step.kind).stage == Stage::kFiles || step.kind == StepKind::kActivate) {
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
    const bool done = WasDone(step, entry);
    if (host == index.end()) return;
    Inquiry& inquiry = inquiries_[host->second];
    if (noted_ && !done) {
      if (KindOf(step.kind).stage != Stage::kFiles) return;
      inquiry.to_come.push_back(id);
      inquiry.question.to_come.push_back(RecordOnHost(ReadAnyRecord(step.record)));
      return;
    }
    inquiry.steps.push_back(id);
    inquiry.question.delivered.push_back(done ? entry->digest : "");
    inquiry.question.records.push_back(RecordOnHost(ReadAnyRecord(step.record)));
  }

  // The text that the unit of SERVICE is going to have, where another one, or none, was delivered; ""
  // otherwise.
  std::string UnitToCome(const ServicePart& service) const {
    const std::string &host = service.host, &unit = service.record.unit;
    auto shard = shards_.find(host);
    if (shard == shards_.end()) return "";
    const std::string rendered = absl::StrCat("render/", host, unit),
                      placed = absl::StrCat("unit/", host, "/", service.name);
    std::string text, delivered;
    for (StepId id : graph_.shards()[shard->second].steps) {
      const Step& step = graph_.steps()[id];
      if (step.label == rendered) text = RecordOf<RenderRecord>(step).content;
      if (step.label != placed) continue;
      if (const JournalEntry* entry = EntryOf(id); WasDone(step, entry)) delivered = entry->digest;
    }
    return Sha256Hex(text) == delivered ? "" : text;
  }

  void AddServices(StepId id, const absl::flat_hash_map<std::string, size_t>& index) {
    const Step& step = graph_.steps()[id];
    for (ServicePart& service : ServicesOf(graph_, step)) {
      auto host = index.find(service.host);
      if (!service.over_ssh || host == index.end()) continue;
      Inquiry& inquiry = inquiries_[host->second];
      const bool done = WasDone(step, EntryOf(id));
      inquiry.services.push_back({id, done, service.label, service.name});
      service.record.host.clear();  // there it is "this machine"
      std::string unit_text = UnitToCome(service);
      inquiry.question.services.push_back({std::move(service.record), done, std::move(unit_text)});
    }
  }

  const Graph& graph_;
  const std::vector<Journal>& journals_;
  const bool noted_;
  absl::flat_hash_map<std::string, size_t> shards_;  // of graph_, by name
  std::vector<Inquiry> inquiries_;
};

void TakeArtifact(const StandingAnswer::Artifact& answer, StepId step, const std::string& delivered,
                  HostVisit* visit) {
  ++visit->asked;
  if (!answer.barred.empty())
    visit->barred.emplace_back(step, absl::StrCat(visit->host, ": ", answer.barred));
  Drift drift;
  drift.step = step;
  if (!answer.problem.empty()) {
    drift.failure = answer.problem;
  } else {
    drift.reasons = ReasonsOf(answer.reasons);
    const bool missing = !drift.reasons.empty() && drift.reasons[0].name == "missing";
    if (delivered.empty()) {
      visit->standing.emplace_back(step, FoundThere{missing, answer.digest});
      if (missing) return;
    } else if (!missing && !answer.digest.empty() && answer.digest != delivered) {
      drift.reasons.insert(drift.reasons.begin(), {"content", "content is not what was delivered"});
    }
  }
  if (!drift.empty()) visit->drifts.push_back(std::move(drift));
}

void TakeService(const StandingAnswer::Service& answer, const Inquiry::OfService& of, HostVisit* visit) {
  SeenService seen;
  seen.label = of.label;
  seen.managed = answer.managed;
  seen.running = answer.running;
  seen.process = answer.process;
  seen.since = answer.since;
  seen.older = answer.older;
  seen.started = answer.started;
  seen.problem = answer.problem;
  seen.digest = answer.digest;
  seen.taken = answer.taken;
  seen.outlook.host = visit->host;
  seen.outlook.service = of.name;
  seen.outlook.starts = answer.starts;
  seen.outlook.restarts = answer.restarts;
  seen.outlook.reloads = answer.reloads;
  seen.outlook.reasons = ReasonsOf(answer.reasons);
  if (of.done && !seen.taken.empty() && seen.problem == seen.taken) {
    visit->drifts.push_back({of.step, {}, absl::StrCat(visit->host, ": ", seen.taken)});
  } else if (of.done && !seen.problem.empty()) {
    visit->drifts.push_back({of.step, {}, absl::StrCat(of.name, " on ", visit->host, ": ", seen.problem)});
  } else if (of.done && !seen.outlook.reasons.empty()) {
    Drift drift = {of.step, {}, ""};
    for (const Reason& reason : seen.outlook.reasons) {
      drift.reasons.push_back(
          {reason.name,
           absl::StrCat(of.name, " on ", visit->host, reason.name == "not-running" ? " does not run" : ": ",
                        reason.name == "not-running" ? "" : reason.text)});
    }
    visit->drifts.push_back(std::move(drift));
  }
  visit->services.push_back(std::move(seen));
}

void Visit(HostAccess* hosts, Notes notes, Inquiry* inquiry) {
  HostVisit& visit = inquiry->visit;
  visit.answer = HostVisit::Answer::kSilent;
  if (notes == Notes::kKept && !IsInPlanOnDisk(visit.host)) {
    visit.problem = "the plan in .kplan does not say how it is reached; run `kplan gen` first";
    return;
  }
  const absl::Time sent = absl::Now();
  absl::StatusOr<Json> json = hosts->Ask(visit.host, ToJson(inquiry->question));
  const absl::Time received = absl::Now();
  if (!json.ok()) {
    visit.problem = std::string(json.status().message());
    return;
  }
  absl::StatusOr<StandingAnswer> answer = FromJson<StandingAnswer>(*json);
  if (!answer.ok() || answer->artifacts.size() != inquiry->steps.size() ||
      answer->barred.size() != inquiry->to_come.size() ||
      answer->services.size() != inquiry->services.size()) {
    visit.problem = "its answer is none; is its kplan another one?";
    return;
  }
  visit.answer = HostVisit::Answer::kNow;
  if (std::string trouble = ClockTrouble(answer->clock, sent, received); !trouble.empty())
    visit.drifts.push_back({inquiry->host_step, {}, std::move(trouble)});
  for (size_t i = 0; i < inquiry->steps.size(); ++i)
    TakeArtifact(answer->artifacts[i], inquiry->steps[i], inquiry->question.delivered[i], &visit);
  for (size_t i = 0; i < inquiry->to_come.size(); ++i) {
    if (!answer->barred[i].empty())
      visit.barred.emplace_back(inquiry->to_come[i], absl::StrCat(visit.host, ": ", answer->barred[i]));
  }
  for (size_t i = 0; i < inquiry->services.size(); ++i)
    TakeService(answer->services[i], inquiry->services[i], &visit);
}

// The file whose time is when HOST last answered, and had nothing amiss.
bool AnsweredLately(const std::string& host, absl::Duration every, absl::Time now, absl::Duration* age) {
  struct stat info;
  if (every <= absl::ZeroDuration() || stat(paths::Answered(host).c_str(), &info) != 0) return false;
  *age = now - absl::TimeFromTimespec(info.st_mtim);
  // One from the future is none: the clock was set back.
  return *age >= absl::ZeroDuration() && *age < every;
}

// That it cannot be noted only means that the host is asked again.
void NoteAnswer(const HostVisit& visit, absl::Time now) {
  const std::string path = paths::Answered(visit.host);
  const bool fine = visit.answer == HostVisit::Answer::kNow && visit.drifts.empty();
  if (!fine) {
    unlink(path.c_str());
    return;
  }
  const struct timespec time = absl::ToTimespec(now);
  const struct timespec times[2] = {time, time};
  if (utimensat(AT_FDCWD, path.c_str(), times, 0) == 0) return;
  if (!WriteScratchFile(path, "", kPrivateFile).ok()) return;
  utimensat(AT_FDCWD, path.c_str(), times, 0);
}

// Adds the troubles of members where all hosts of their cluster are fine otherwise. Where one does not
// answer, or has something to be put right first, that may be why: without its leader nobody serves.
void AddTroubles(const MembersAsked& asked, std::vector<Inquiry>* inquiries) {
  absl::flat_hash_map<std::string, HostVisit*> fine;
  for (Inquiry& inquiry : *inquiries) {
    HostVisit& visit = inquiry.visit;
    if (visit.answer == HostVisit::Answer::kNow && visit.drifts.empty()) fine[visit.host] = &visit;
  }
  absl::flat_hash_set<StepId> explained;
  for (size_t i = 0; i < asked.count(); ++i) {
    if (fine.count(asked.member(i).host) == 0) explained.insert(asked.member(i).verify);
  }
  for (size_t i = 0; i < asked.count(); ++i) {
    const AskedMember& member = asked.member(i);
    if (member.trouble.empty() || explained.count(member.verify) != 0) continue;
    fine[member.host]->drifts.push_back({member.verify, {{"health", member.trouble}}, ""});
  }
}

// The hosts with a member of which auth is known to be enabled.
absl::flat_hash_set<std::string> AskAll(const Graph& graph, const std::vector<Journal>& journals,
                                        HostAccess* hosts, const Contact& contact, absl::Time now,
                                        Notes notes, std::vector<Inquiry>* inquiries) {
  absl::flat_hash_set<std::string> with_auth;
  if (!contact.asks &&
      std::none_of(inquiries->begin(), inquiries->end(), [](const Inquiry& it) { return it.here; }))
    return with_auth;
  // By host, whether it is not asked: an earlier answer of it counts, or nobody is, but this machine.
  absl::flat_hash_map<std::string, bool> spared;
  for (Inquiry& inquiry : *inquiries) {
    HostVisit& visit = inquiry.visit;
    // Where ninja runs elsewhere, this machine is no host of it.
    const bool asked = inquiry.here ? notes != Notes::kElsewhere : contact.asks;
    const bool lately = asked && AnsweredLately(visit.host, contact.every, now, &visit.age);
    if (lately) visit.answer = HostVisit::Answer::kEarlier;
    spared[visit.host] = lately || !asked;
  }
  MembersAsked members(graph, journals, contact.open_view, hosts);
  // Both at once: whoever waits for a host does so for its member, too.
  AtOnce(inquiries->size() + members.count(), kAtATime, [&](size_t i) {
    if (i < inquiries->size()) {
      Inquiry& inquiry = (*inquiries)[i];
      if (!spared.at(inquiry.visit.host)) Visit(hosts, notes, &inquiry);
      return;
    }
    auto host = spared.find(members.member(i - inquiries->size()).host);
    if (host != spared.end() && !host->second) members.Ask(i - inquiries->size());
  });
  AddTroubles(members, inquiries);
  for (const Inquiry& inquiry : *inquiries) {
    if (notes == Notes::kKept && contact.notes && !spared.at(inquiry.visit.host))
      NoteAnswer(inquiry.visit, now);
  }
  for (size_t i = 0; i < members.count(); ++i) {
    if (members.member(i).auth) with_auth.insert(members.member(i).host);
  }
  return with_auth;
}

VisitsSoFar WhatWasSeen(const std::vector<Inquiry>& inquiries, absl::flat_hash_set<std::string> with_auth) {
  VisitsSoFar seen;
  seen.with_auth = std::move(with_auth);
  for (const Inquiry& inquiry : inquiries) {
    const HostVisit& visit = inquiry.visit;
    if (visit.answer != HostVisit::Answer::kNow) {
      seen.silent.insert(visit.host);
      continue;
    }
    seen.answered.insert(visit.host);
    for (const SeenService& service : visit.services) {
      if (service.outlook.starts) seen.idle.insert(service.label);
    }
  }
  return seen;
}

}  // namespace

HostSights VisitHosts(const Graph& graph, const std::vector<Journal>& journals, HostAccess* hosts,
                      const Contact& contact, absl::Time now, Notes notes) {
  std::vector<Inquiry> inquiries = Visitor(graph, journals, notes).Inquiries();
  absl::flat_hash_set<std::string> with_auth =
      AskAll(graph, journals, hosts, contact, now, notes, &inquiries);
  absl::flat_hash_map<StepId, std::string> refusals;
  if (contact.asks && notes == Notes::kKept)
    refusals = ForeseeRefusals(graph, journals, WhatWasSeen(inquiries, std::move(with_auth)),
                               contact.open_view, hosts);
  std::vector<HostVisit> visits;
  visits.reserve(inquiries.size());
  for (Inquiry& inquiry : inquiries) visits.push_back(std::move(inquiry.visit));
  return HostSights(graph, journals, std::move(visits), std::move(refusals));
}

}  // namespace kplan
