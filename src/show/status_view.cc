#include "src/show/status_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/days.h"
#include "src/base/files.h"
#include "src/base/text.h"
#include "src/look/holdings.h"
#include "src/look/step_record.h"
#include "src/pki/certificate.h"
#include "src/pki/revocation_list.h"
#include "src/show/verdict.h"
#include "src/steps/service/service_info.h"

namespace kplan {
namespace {

// A third of its life is left: then a certificate whose record says nothing else, and a CRL, is due.
int64_t ThirdOf(const Validity& validity) { return (validity.not_after - validity.not_before) / 3; }

std::string DaysText(int64_t not_after, absl::Time now) {
  const int64_t days = DaysLeft(not_after, now);
  return days < 0 ? absl::StrCat("ended ", TimeText(not_after))
                  : absl::StrCat(days, days == 1 ? " day left" : " days left");
}

// Why ninja would run a step that says nothing itself yet.
std::string CausesText(const Graph& graph, const StepForecast& forecast) {
  std::vector<std::string> words;
  for (const Cause& cause : forecast.causes) {
    switch (cause.kind) {
      case Cause::Kind::kFirst:
        words.push_back("not made yet");
        break;
      case Cause::Kind::kSpec:
        words.push_back("cluster.yaml changed");
        break;
      case Cause::Kind::kInput:
        words.push_back(absl::StrCat(graph.steps()[cause.input].label, " changes"));
        break;
      case Cause::Kind::kDrift:
        words.push_back("it was touched");
        break;
      case Cause::Kind::kTime:
        words.push_back("it is due");
        break;
      case Cause::Kind::kFailed:
        words.push_back("it failed");
        break;
      case Cause::Kind::kStamp:
        words.push_back("ninja's note of it is gone");
        break;
      case Cause::Kind::kAsked:
        words.push_back("it is asked for in another way");
        break;
    }
  }
  return absl::StrJoin(words, ", ");
}

class Reporter {
 public:
  Reporter(const Graph& graph, const Forecast& forecast, const HostSights& sights, absl::Time now)
      : graph_(graph), forecast_(forecast), visits_(sights.visits()), now_(now) {}

  StatusReport Make() {
    for (const Shard& shard : graph_.shards()) {
      if (shard.steps.empty()) continue;
      StatusHost host;
      host.name = shard.name;
      if (const HostVisit* visit = VisitOf(shard.name); visit != nullptr) {
        host.answer = visit->answer;
        host.age = visit->age;
        host.problem = visit->problem;
      }
      for (StepId step : shard.steps) {
        StatusRow row;
        row.step = step;
        row.state = forecast_.StateOf(graph_, step);
        row.detail = DetailOf(step, row.state);
        ++host.counts[static_cast<size_t>(row.state)];
        ++report_.counts[static_cast<size_t>(row.state)];
        host.rows.push_back(std::move(row));
      }
      report_.hosts.push_back(std::move(host));
    }
    std::stable_sort(report_.certificates.begin(), report_.certificates.end(),
                     [](const auto& a, const auto& b) { return a.not_after < b.not_after; });
    return std::move(report_);
  }

 private:
  std::string DetailOf(StepId id, StepState state) {
    const Step& step = graph_.steps()[id];
    // What is true of it however it stands.
    std::string facts;
    switch (step.kind) {
      case StepKind::kKey:
        facts = KeyText(step);
        break;
      case StepKind::kCaCert:
        facts = LookAtCertificate<CaCertRecord>(id, step);
        break;
      case StepKind::kAdoptCa:
        facts = LookAtCertificate<AdoptCaRecord>(id, step);
        break;
      case StepKind::kCert:
        facts = LookAtCertificate<CertRecord>(id, step);
        break;
      case StepKind::kCrl:
        facts = LookAtCrl(id, step);
        break;
      case StepKind::kService:
        facts = LookAtService(id, step);
        break;
      case StepKind::kRollout:
        facts = LookAtServices(id, step);
        break;
      case StepKind::kHost:
        facts = HostText(id, step);
        break;
      case StepKind::kCheck:
        facts = ChecksText(id);
        break;
      case StepKind::kVerify:
        facts = VerdictText(step);
        break;
      default:
        break;
    }
    if (state == StepState::kFresh) return facts;
    std::string why = WhyNot(id, state);
    return facts.empty() || why.empty() ? absl::StrCat(why, facts) : absl::StrCat(why, "; ", facts);
  }

  std::string WhyNot(StepId id, StepState state) {
    const StepForecast& forecast = forecast_.steps[id];
    const JournalEntry* entry = forecast_.EntryOf(graph_, id);
    if (state == StepState::kWaiting || state == StepState::kUnknown) return forecast.failure;
    if (state == StepState::kFailed) {
      if (entry != nullptr && entry->failed) {
        return absl::StrCat("failed on ", TimeText(entry->at / 1000), ": ", entry->reason);
      }
      return absl::StrCat("would fail: ", forecast.failure);
    }
    if (forecast.reasons.empty()) return CausesText(graph_, forecast);
    if (entry == nullptr) return "not made yet";
    std::vector<std::string> texts;
    for (const Reason& reason : forecast.reasons) texts.push_back(reason.text);
    return absl::StrJoin(texts, "; ");
  }

  static std::string KeyText(const Step& step) {
    const KeyRecord key = RecordOf<KeyRecord>(step);
    return absl::StrCat(key.algo, key.size == 0 ? "" : absl::StrCat(" ", key.size));
  }

  template <typename R>
  std::string LookAtCertificate(StepId id, const Step& step) {
    const R record = RecordOf<R>(step);
    absl::StatusOr<Certificate> certificate = Certificate::Read(record.path);
    if (!certificate.ok()) return "";
    StatusCertificate found;
    found.step = id;
    found.file = record.path;
    found.not_after = certificate->not_after;
    found.names = certificate->sans.size();
    const int64_t before = record.renew_before.value_or(0);
    Expect(certificate->validity(), before != 0 ? before : ThirdOf(certificate->validity()));
    report_.certificates.push_back(found);
    std::string text = DaysText(found.not_after, now_);
    if (found.names > 0) absl::StrAppend(&text, ", ", found.names, found.names == 1 ? " name" : " names");
    return text;
  }

  std::string LookAtCrl(StepId id, const Step& step) {
    const std::string path = RecordOf<CrlRecord>(step).path;
    absl::StatusOr<std::string> text = ReadFile(path, kMaxCrlFile);
    if (!text.ok()) return "";
    absl::StatusOr<RevocationList> list = RevocationList::ParsePem(*text);
    if (!list.ok()) return "";
    Expect(list->validity, ThirdOf(list->validity));
    report_.certificates.push_back({id, path, list->validity.not_after, 0});
    return absl::StrCat(DaysText(list->validity.not_after, now_), ", ", list->entries.size(), " revoked");
  }

  // The clock is going to say something else: at the next whole day, when it is due, and when it ends.
  void Expect(const Validity& validity, int64_t renew_before) {
    const int64_t now = absl::ToUnixSeconds(now_);
    const int64_t left = validity.not_after - now;
    const int64_t into_day = ((left % kDaySeconds) + kDaySeconds) % kDaySeconds;
    for (int64_t at : {now + into_day, validity.not_after - renew_before, validity.not_after}) {
      // A second later the rule, whichever way it rounds, has changed its mind.
      absl::Time when = absl::FromUnixSeconds(at + 1);
      if (when > now_) report_.next_change = std::min(report_.next_change, when);
    }
  }

  const HostVisit* VisitOf(const std::string& host) const {
    auto found = std::find_if(visits_.begin(), visits_.end(),
                              [&](const HostVisit& visit) { return visit.host == host; });
    return found == visits_.end() ? nullptr : &*found;
  }

  std::string LookAtService(StepId id, const Step& step) {
    return ServiceText(Look(id, ServicesOf(graph_, step)[0]));
  }

  // Those of a rollout.
  std::string LookAtServices(StepId id, const Step& step) {
    const std::vector<ServicePart> services = ServicesOf(graph_, step);
    size_t run = 0, unasked = 0;
    for (const ServicePart& service : services) {
      const StatusService& seen = Look(id, service);
      run += seen.running;
      unasked += seen.unasked;
    }
    if (unasked == services.size()) {
      const absl::Time seen = LastSeen(id);
      return absl::StrCat(Count(services.size(), "member"),
                          seen == absl::InfinitePast()
                              ? ""
                              : absl::StrCat(", last seen running on ", TimeText(absl::ToUnixSeconds(seen))));
    }
    return absl::StrCat(run, " of ", Count(services.size(), "member"), run == 1 ? " runs" : " run",
                        unasked == 0 ? "" : absl::StrCat(", ", unasked, " not asked"));
  }

  // When all services of STEP were last seen running: at the end of the last run of it that did not fail.
  absl::Time LastSeen(StepId step) const {
    const JournalEntry* entry = forecast_.EntryOf(graph_, step);
    if (entry == nullptr) return absl::InfinitePast();
    const int64_t at = entry->failed ? entry->made_at : entry->at;
    return at == 0 ? absl::InfinitePast() : absl::FromUnixMillis(at);
  }

  const StatusService& Look(StepId id, const ServicePart& of) {
    StatusService service;
    service.step = id;
    service.label = of.label;
    service.host = of.host;
    service.manager = of.record.manager;
    service.managed = service.manager != "none";
    service.by_unit = of.record.by_unit();
    if (of.over_ssh) {
      LookOverSsh(of, &service);
    } else {
      LookHere(of, &service);
    }
    report_.services.push_back(std::move(service));
    return report_.services.back();
  }

  static void LookHere(const ServicePart& of, StatusService* service) {
    absl::StatusOr<ServiceInfo> info = ServiceInfoOf(of.record);
    if (!info.ok()) {
      service->problem = std::string(info.status().message());
      return;
    }
    service->managed = info->managed;
    service->instance = info->instance;
    service->running = info->instance.has_value();
    if (service->running) service->process = info->instance->pid;
    service->since = info->since;
    service->older = info->older;
  }

  // Never from here: whatever runs on this machine is another one.
  void LookOverSsh(const ServicePart& of, StatusService* service) const {
    service->last_seen = LastSeen(service->step);
    const HostVisit* visit = VisitOf(of.host);
    if (visit != nullptr) {
      auto seen = std::find_if(visit->services.begin(), visit->services.end(),
                               [&](const SeenService& it) { return it.label == of.label; });
      if (seen != visit->services.end()) {
        service->managed = seen->managed;
        service->running = seen->running;
        service->process = seen->process;
        service->since = absl::FromUnixSeconds(seen->since);
        service->older = seen->older;
        service->problem = seen->problem;
        return;
      }
      service->problem = visit->problem;
    }
    service->unasked = true;
  }

  std::string HostText(StepId id, const Step& step) const {
    const HostRecord host = RecordOf<HostRecord>(step);
    std::string text = host.here()
                           ? absl::StrCat("this machine, by ", host.become)
                           : absl::StrCat(host.ssh_user, host.ssh_user.empty() ? "" : "@", host.ssh_host);
    if (const absl::Time seen = LastSeen(id); seen != absl::InfinitePast())
      absl::StrAppend(&text, ", ", host.arch, ", answered on ", TimeText(absl::ToUnixSeconds(seen)));
    return text;
  }

  static std::string ServiceText(const StatusService& service) {
    if (!service.problem.empty()) return service.problem;
    if (!service.managed) return "nothing is started here";
    if (service.unasked) {
      return service.last_seen == absl::InfinitePast()
                 ? "never seen"
                 : absl::StrCat("last seen running on ", TimeText(absl::ToUnixSeconds(service.last_seen)));
    }
    if (!service.running) return service.by_unit ? "waits for its unit" : "does not run";
    std::string text = absl::StrCat("runs since ", TimeText(absl::ToUnixSeconds(service.since)), ", process ",
                                    service.process);
    for (const std::string& path : service.older) absl::StrAppend(&text, ", with an older ", path);
    return text;
  }

  // Why they failed is said of every step that did.
  std::string ChecksText(StepId id) const {
    const JournalEntry* entry = forecast_.EntryOf(graph_, id);
    if (entry == nullptr || entry->failed) return "";
    return absl::StrCat("last verdict: passed, on ", TimeText(entry->at / 1000));
  }

  static std::string VerdictText(const Step& step) {
    absl::StatusOr<Verdict> report = Verdict::Read(RecordOf<VerifyRecord>(step).report);
    if (absl::IsNotFound(report.status())) return "no verdict yet";
    if (!report.ok()) return "the last verdict cannot be read";
    absl::Time time;
    std::string when = report->time, error;
    if (absl::ParseTime(absl::RFC3339_full, when, &time, &error)) when = TimeText(absl::ToUnixSeconds(time));
    return absl::StrCat("last verdict: ", report->verdict.empty() ? "?" : report->verdict, ", on ", when);
  }

  const Graph& graph_;
  const Forecast& forecast_;
  const std::vector<HostVisit>& visits_;
  absl::Time now_;
  StatusReport report_;
};

}  // namespace

bool StatusReport::any_silent() const {
  return std::any_of(hosts.begin(), hosts.end(),
                     [](const StatusHost& host) { return host.answer == HostVisit::Answer::kSilent; });
}

bool StatusReport::any_failed() const { return counts[static_cast<size_t>(StepState::kFailed)] > 0; }

bool StatusReport::all_fresh() const {
  return !any_silent() && !any_failed() && counts[static_cast<size_t>(StepState::kStale)] == 0 &&
         counts[static_cast<size_t>(StepState::kWaiting)] == 0;
}

StatusReport MakeStatusReport(const Graph& graph, const Forecast& forecast,
                              std::vector<std::string> leftovers, absl::Time now, const HostSights& sights) {
  StatusReport report = Reporter(graph, forecast, sights, now).Make();
  report.leftovers = std::move(leftovers);
  report.unasked = sights.Summary();
  return report;
}

}  // namespace kplan
