// The report as text and as JSON.

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/days.h"
#include "src/base/record.h"
#include "src/base/table.h"
#include "src/base/text.h"
#include "src/pki/certificate.h"
#include "src/show/status_view.h"

namespace kplan {
namespace {

// With more hosts than this, one whose steps are all fresh is one line.
constexpr size_t kHostsInFull = 8;
constexpr size_t kCertificatesShown = 5;
constexpr size_t kServicesShown = 8;

constexpr StepState kWorstFirst[] = {StepState::kStale, StepState::kFailed, StepState::kWaiting,
                                     StepState::kUnknown, StepState::kFresh};
static_assert(std::size(kWorstFirst) == kStepStates, "every state is counted");

// The first line of a message, which may have several.
std::string FirstLine(absl::string_view text) { return Shown(text.substr(0, text.find('\n'))); }

std::string Colored(StepState state, const std::string& text, bool color) {
  if (!color) return text;
  const char* code = state == StepState::kFresh     ? "32"
                     : state == StepState::kStale   ? "33"
                     : state == StepState::kFailed  ? "31"
                     : state == StepState::kUnknown ? "35"
                                                    : "36";
  return absl::StrCat("\x1b[", code, "m", text, "\x1b[0m");
}

bool AllFresh(const StateCounts& counts) {
  size_t all = 0;
  for (size_t count : counts) all += count;
  return all == counts[static_cast<size_t>(StepState::kFresh)];
}

// Whether ninja would do something, as far as is known.
bool NeedsRun(const StateCounts& counts) {
  return counts[static_cast<size_t>(StepState::kStale)] + counts[static_cast<size_t>(StepState::kFailed)] +
             counts[static_cast<size_t>(StepState::kWaiting)] >
         0;
}

constexpr size_t kIndent = 2;

// ROW without the empty cells at its end, for which there would be blanks.
TableRow WithoutEmptyEnd(TableRow row) {
  while (!row.empty() && row.back().empty()) row.pop_back();
  return row;
}

// "runs", "does not run", ... and since when.
std::pair<std::string, std::string> ServiceColumns(const StatusService& service) {
  if (!service.managed) return {"nothing is started", ""};
  if (service.unasked) {
    const char* what = service.problem.empty() ? "not asked" : "no answer";
    if (service.last_seen == absl::InfinitePast()) return {what, "never seen"};
    return {what, absl::StrCat("last seen running on ", TimeText(absl::ToUnixSeconds(service.last_seen)))};
  }
  if (!service.problem.empty()) return {FirstLine(service.problem), ""};
  if (!service.running) return {service.by_unit ? "waits for its unit" : "does not run", ""};
  std::string since = absl::StrCat("since ", TimeText(absl::ToUnixSeconds(service.since)));
  if (!service.older.empty()) absl::StrAppend(&since, ", with an older ", absl::StrJoin(service.older, ", "));
  return {absl::StrCat("process ", service.process), since};
}

std::string ServicesText(const StatusReport& report, bool all) {
  if (report.services.empty()) return "";
  const bool short_list = !all && report.services.size() > kServicesShown;
  std::vector<TableRow> lines;
  size_t run = 0, unasked = 0, silent = 0, idle = 0;
  for (const StatusService& service : report.services) {
    const bool waits = service.by_unit && !service.running && !service.unasked && service.problem.empty();
    const bool fine = !service.managed || waits || (service.running && service.older.empty()) ||
                      (service.unasked && service.problem.empty());
    run += service.running;
    idle += waits;
    unasked += service.unasked;
    silent += service.unasked && !service.problem.empty();
    if (short_list && fine) continue;
    auto [what, since] = ServiceColumns(service);
    lines.push_back(WithoutEmptyEnd({service.label, std::move(what), std::move(since)}));
  }
  const size_t asked = report.services.size() - unasked - idle;
  std::vector<std::string> parts;
  if (asked > 0) parts.push_back(absl::StrCat(run, " of ", asked, run == 1 ? " runs" : " run"));
  if (idle > 0)
    parts.push_back(absl::StrCat(idle, idle == 1 ? " waits for its unit" : " wait for their units"));
  if (silent > 0) parts.push_back(absl::StrCat("of ", silent, " the host does not answer"));
  if (unasked > silent) parts.push_back(absl::StrCat(unasked - silent, " not asked"));
  return absl::StrCat("\nservices: ", absl::StrJoin(parts, ", "), "\n", TableText(lines, kIndent));
}

std::string CertificatesText(const Graph& graph, const StatusReport& report, absl::Time now) {
  if (report.certificates.empty()) return "";
  std::vector<TableRow> lines;
  for (const StatusCertificate& it : report.certificates) {
    if (lines.size() == kCertificatesShown) break;
    const int64_t days = DaysLeft(it.not_after, now);
    lines.push_back({graph.steps()[it.step].label, days < 0 ? "ended" : absl::StrCat(days, " days"),
                     TimeText(it.not_after)});
  }
  const size_t others = report.certificates.size() - lines.size();
  return absl::StrCat("\ncertificates that end first",
                      others == 0 ? "" : absl::StrCat(", of ", report.certificates.size()), "\n",
                      TableText(lines, kIndent));
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

Json CountsJson(const StateCounts& counts) {
  Json json = Json::object();
  for (StepState state : kWorstFirst) json[StateName(state)] = counts[static_cast<size_t>(state)];
  return json;
}

const char* CauseName(Cause::Kind kind) {
  switch (kind) {
    case Cause::Kind::kFirst:
      return "first";
    case Cause::Kind::kSpec:
      return "spec";
    case Cause::Kind::kInput:
      return "input";
    case Cause::Kind::kDrift:
      return "drift";
    case Cause::Kind::kTime:
      return "time";
    case Cause::Kind::kFailed:
      return "failed";
    case Cause::Kind::kStamp:
      return "stamp";
    case Cause::Kind::kAsked:
      return "asked";
  }
  return "";
}

// When a host over ssh was asked, or why it is not known how it is; "" of this machine.
std::string ContactText(const StatusHost& host) {
  if (!host.answer.has_value()) return "";
  switch (*host.answer) {
    case HostVisit::Answer::kNow:
      return ", asked just now";
    case HostVisit::Answer::kEarlier:
      return absl::StrCat(", asked ", AgeText(host.age), " ago");
    case HostVisit::Answer::kSilent:
      return absl::StrCat("; it does not answer: ", FirstLine(host.problem));
    case HostVisit::Answer::kNotAsked:
      return "; not asked";
  }
  return "";
}

Json RowJson(const Graph& graph, const Forecast& forecast, const StatusRow& row) {
  const Step& step = graph.steps()[row.step];
  Json causes = Json::array(), reasons = Json::array();
  for (const Cause& cause : forecast.steps[row.step].causes) {
    Json entry = {{"cause", CauseName(cause.kind)}};
    if (cause.kind == Cause::Kind::kInput) entry["input"] = graph.steps()[cause.input].label;
    causes.push_back(std::move(entry));
  }
  for (const Reason& reason : forecast.steps[row.step].reasons) {
    reasons.push_back({{"name", reason.name}, {"text", reason.text}});
  }
  Json json = {{"label", step.label},    {"state", StateName(row.state)},
               {"detail", row.detail},   {"causes", causes},
               {"reasons", reasons},     {"last-run", nullptr},
               {"last-failed", nullptr}, {"verb", KindOf(step.kind).verb}};
  if (const JournalEntry* entry = forecast.EntryOf(graph, row.step); entry != nullptr) {
    json["last-run"] = Rfc3339(absl::FromUnixMillis(entry->at));
    json["last-failed"] = entry->failed;
  }
  return json;
}

}  // namespace

std::string CountsText(const StateCounts& counts) {
  std::vector<std::string> words;
  for (StepState state : kWorstFirst) {
    const size_t count = counts[static_cast<size_t>(state)];
    if (count > 0) words.push_back(absl::StrCat(count, " ", StateName(state)));
  }
  return words.empty() ? "nothing to do" : absl::StrJoin(words, ", ");
}

std::string StatusText(const Graph& graph, const StatusReport& report, const StatusStyle& style,
                       absl::Time now) {
  const bool all = style.all || report.hosts.size() <= kHostsInFull + 1;  // and "shared"
  std::string out;
  for (const StatusHost& host : report.hosts) {
    absl::StrAppend(&out, host.name, ": ", CountsText(host.counts), ContactText(host), "\n");
    if (!all && AllFresh(host.counts)) continue;
    std::vector<TableRow> lines;
    for (const StatusRow& row : host.rows) {
      lines.push_back(
          WithoutEmptyEnd({graph.steps()[row.step].label, StateName(row.state), FirstLine(row.detail)}));
    }
    out += TableText(lines, kIndent, [&](size_t row, size_t column, const std::string& cell) {
      return column == 1 ? Colored(host.rows[row].state, cell, style.color) : cell;
    });
  }
  out += ServicesText(report, style.all);
  out += CertificatesText(graph, report, now);
  if (!report.leftovers.empty()) {
    absl::StrAppend(&out, "\n", Count(report.leftovers.size(), "leftover"),
                    " of earlier plans; `kplan prune` shows what can be removed\n");
  }
  absl::StrAppend(&out, "\n", CountsText(report.counts), NeedsRun(report.counts) ? "; run ninja" : "",
                  report.unasked.empty() ? "" : absl::StrCat("; ", report.unasked), "\n");
  return out;
}

std::string StatusJson(const Graph& graph, const Forecast& forecast, const StatusReport& report,
                       absl::Time now, bool compact) {
  Json hosts = Json::array(), services = Json::array(), certificates = Json::array();
  for (const StatusHost& host : report.hosts) {
    Json steps = Json::array();
    for (const StatusRow& row : host.rows) steps.push_back(RowJson(graph, forecast, row));
    hosts.push_back({{"host", host.name}, {"counts", CountsJson(host.counts)}, {"steps", std::move(steps)}});
    if (!host.answer.has_value()) continue;
    hosts.back()["asked"] = *host.answer != HostVisit::Answer::kNotAsked;
    if (*host.answer == HostVisit::Answer::kEarlier)
      hosts.back()["age-seconds"] = absl::ToInt64Seconds(host.age);
    if (*host.answer == HostVisit::Answer::kNotAsked) continue;
    hosts.back()["answers"] = *host.answer != HostVisit::Answer::kSilent;
    if (!host.problem.empty()) hosts.back()["problem"] = host.problem;
  }
  for (const StatusService& service : report.services) {
    Json entry = {{"label", service.label},     {"host", service.host},      {"managed", service.managed},
                  {"running", service.running}, {"process", nullptr},        {"since", nullptr},
                  {"older", service.older},     {"problem", service.problem}};
    if (service.by_unit) entry["by-unit"] = true;
    if (service.running) {
      entry["process"] = service.process;
      entry["since"] = Rfc3339(service.since);
    }
    if (service.unasked) {
      entry["running"] = nullptr;  // nobody knows
      entry["last-seen"] = nullptr;
      if (service.last_seen != absl::InfinitePast()) entry["last-seen"] = Rfc3339(service.last_seen);
    }
    services.push_back(std::move(entry));
  }
  for (const StatusCertificate& it : report.certificates) {
    certificates.push_back({{"label", graph.steps()[it.step].label},
                            {"file", it.file},
                            {"not-after", Rfc3339(absl::FromUnixSeconds(it.not_after))},
                            {"days-left", DaysLeft(it.not_after, now)},
                            {"names", it.names}});
  }
  Json json = {{"counts", CountsJson(report.counts)}, {"hosts", std::move(hosts)},
               {"services", std::move(services)},     {"certificates", std::move(certificates)},
               {"leftovers", report.leftovers},       {"all-fresh", report.all_fresh()}};
  return json.dump(compact ? -1 : 2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kplan
