#include "src/apply/saved_plan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/apply/applied.h"
#include "src/base/disk.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/base/private_folder.h"
#include "src/base/text.h"
#include "src/host/content_digest.h"
#include "src/host/host_file.h"
#include "src/step/any_record.h"

namespace kplan {
namespace {

// By this a file is known: the keys of a line are sorted, and this one's value comes first in no other file.
constexpr absl::string_view kBegin = "{\"graph\":\"";
constexpr absl::string_view kMark = "\"kplan-plan\":";

// The last line: a plan that was cut short has none.
struct End {
  int64_t steps = 0;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("end", self.steps);
  }
};

const char* VerbOf(bool starts, bool restarts, bool reloads) {
  return restarts ? "restarts" : reloads ? "reloads" : starts ? "starts" : "";
}

void AppendDetails(const std::string& of, const std::vector<Reason>& reasons,
                   const std::vector<Change>& changes, std::vector<std::string>* details) {
  for (const Reason& reason : reasons) details->push_back(absl::StrCat(of, reason.text));
  for (const Change& change : changes)
    details->push_back(absl::StrCat(of, change.what, " ", change.from, " -> ", change.to));
}

// What a host said may be no UTF-8, which JSON has to be.
std::string Clean(std::string text) {
  for (size_t bad; (bad = FindInvalidUtf8(text)) != std::string::npos;) text[bad] = '?';
  return text;
}

std::vector<std::string> DetailsOf(const StepForecast& step) {
  std::vector<std::string> details;
  const std::string verb = VerbOf(step.starts, step.restarts, step.reloads);
  if (!verb.empty()) details.push_back(verb);
  AppendDetails("", step.reasons, step.changes, &details);
  for (const ServiceOutlook& service : step.services) {
    const std::string of = absl::StrCat("service/", service.host, "/", service.service, " ");
    details.push_back(absl::StrCat(of, VerbOf(service.starts, service.restarts, service.reloads)));
    AppendDetails(of, service.reasons, service.changes, &details);
  }
  for (std::string& detail : details) detail = Clean(std::move(detail));
  return details;
}

std::string WhatOf(const StepForecast& step, const std::vector<std::string>& details) {
  switch (step.fate) {
    case Fate::kFresh:
      return "";
    case Fate::kUnknown:
      return absl::StrCat("not known: ", step.failure);
    case Fate::kFail:
      return absl::StrCat("would fail: ", step.failure);
    case Fate::kWait:
      return absl::StrCat("waits: ", step.failure);
    case Fate::kCheck:
      return "is checked";
    case Fate::kChange:
      break;
  }
  return details.empty() ? "changes" : Brief(absl::StrJoin(details, ", "));
}

// A file as it is: its attributes, and a digest of what is in it; of a private key of its public part alone.
std::string SeenFile(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::StrCat(path, " missing\n");
  std::string text = absl::StrCat(path, " ", info.st_mode, " ", info.st_uid, " ", info.st_gid);
  if (S_ISREG(info.st_mode)) {
    absl::StatusOr<std::string> digest = ContentDigest(path);
    absl::StrAppend(&text, " ", digest.ok() ? *digest : std::string(digest.status().message()));
  }
  return text + "\n";
}

// What was found on this machine at the places of STEP, and at those that it is made from and somebody else
// writes. "" when it has none here.
std::string SeenText(const kplan::Step& step) {
  const AnyRecord record = ReadAnyRecord(step.record);
  std::string text;
  for (const Holding& holding : HoldingsOf(record)) {
    if (holding.over_ssh() || holding.kind == Holding::Kind::kService) continue;
    text += SeenFile(holding.on_host() ? PathFromHere(holding.root, holding.path) : holding.path);
  }
  if (const auto* source = std::get_if<SourceRecord>(&record)) text += SeenFile(source->path);
  if (const auto* given = std::get_if<AdoptCaRecord>(&record)) text += SeenFile(given->from);
  return text;
}

// What of STEP's record anybody may know.
std::string RecordDigest(const kplan::Step& step, const PlanKey& key) {
  // The text is in the record of what is rendered.
  return step.secret ? key.Digest(step.record) : std::string(step.digest());
}

absl::Status Bad(const std::string& path, size_t line, absl::string_view what) {
  return absl::DataLossError(absl::StrCat(path, ":", line, ": ", what, "; save the plan again"));
}

// A line of a saved plan.
template <typename T>
absl::StatusOr<T> ParseLine(const std::string& path, size_t number, absl::string_view line) {
  if (line.size() > SavedPlan::kMaxLine) return Bad(path, number, "the line is too long");
  absl::StatusOr<Json> json = ParseJson(line, JsonBounds{4, 1 << 16});
  if (!json.ok()) return Bad(path, number, json.status().message());
  absl::StatusOr<T> value = FromJson<T>(*json);
  if (!value.ok()) return Bad(path, number, value.status().message());
  return value;
}

// "the plan has: WHAT; now: WHAT"
std::string Versus(absl::string_view saved, absl::string_view now) {
  return absl::StrCat("the plan has: ", saved.empty() ? absl::string_view("nothing to do") : saved,
                      "; now: ", now.empty() ? absl::string_view("nothing to do") : now);
}

// Those of A that are not among B.
std::string Without(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> rest;
  for (const std::string& it : a) {
    if (std::find(b.begin(), b.end(), it) == b.end()) rest.push_back(it);
  }
  return rest.empty() ? "nothing more" : absl::StrJoin(rest, ", ");
}

// How NOW differs from SAVED, which has the same label; "" when it does not.
std::string Difference(const SavedPlan::Step& saved, const SavedPlan::Step& now) {
  // Of a rollout of many members only what differs is of interest.
  const bool both = !saved.details.empty() && !now.details.empty();
  if (both && saved.details != now.details)
    return Versus(Without(saved.details, now.details), Without(now.details, saved.details));
  if (saved.what != now.what) return Versus(saved.what, now.what);
  if (saved.record != now.record)
    return "its record is another one than in the plan: cluster.yaml was edited";
  if (saved.details != now.details) return Versus(Without(saved.details, {}), Without(now.details, {}));
  return saved.seen == now.seen ? "" : "what is there is not what the plan saw: somebody has changed it";
}

}  // namespace

bool SavedPlan::has_work() const {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return !step.what.empty(); });
}

SavedPlan MakeSavedPlan(const Graph& graph, const Forecast& forecast, const std::string& whole,
                        const PlanKey& key) {
  SavedPlan plan;
  plan.graph = key.Digest(whole);
  plan.key = key.Id();
  plan.steps.reserve(graph.steps().size());
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const kplan::Step& step = graph.steps()[id];
    const StepForecast& it = forecast.steps[id];
    SavedPlan::Step saved;
    saved.label = step.label;
    saved.record = RecordDigest(step, key);
    if (Runs(it.fate)) saved.details = DetailsOf(it);
    saved.what = Clean(WhatOf(it, saved.details));
    if (Runs(it.fate)) {
      const std::string seen = SeenText(step);
      if (!seen.empty()) saved.seen = key.Digest(seen);
    }
    plan.steps.push_back(std::move(saved));
  }
  return plan;
}

bool IsSavedPlan(const std::string& path) {
  struct stat info;
  // A pipe would lose what is read of it.
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  char begin[16];
  return fd.ok() && disk::Read(fd.get(), begin, kBegin.size()) == static_cast<ssize_t>(kBegin.size()) &&
         absl::string_view(begin, kBegin.size()) == kBegin;
}

std::string SavedPlanText(const SavedPlan& plan) {
  std::string text = ToText(plan) + "\n";
  for (const SavedPlan::Step& step : plan.steps) absl::StrAppend(&text, ToText(step), "\n");
  return absl::StrCat(text, ToText(End{static_cast<int64_t>(plan.steps.size())}), "\n");
}

absl::StatusOr<SavedPlan> ParseSavedPlan(const std::string& path, absl::string_view text) {
  size_t number = 0;
  absl::string_view line;
  auto next = [&] {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) return false;
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
    ++number;
    return true;
  };
  if (!absl::StartsWith(text, kBegin) || !next() || !absl::StrContains(line, kMark))
    return Bad(path, 1, "this is no saved plan");
  absl::StatusOr<SavedPlan> plan = ParseLine<SavedPlan>(path, 1, line);
  if (!plan.ok()) return plan;
  if (plan->version != SavedPlan::kVersion) {
    return absl::UnimplementedError(absl::StrCat(path, ":1: it is a saved plan of version ", plan->version,
                                                 ", and this kplan knows version ", SavedPlan::kVersion,
                                                 ": save it again with this kplan"));
  }
  while (next()) {
    if (absl::StartsWith(line, "{\"end\":")) {
      absl::StatusOr<End> end = ParseLine<End>(path, number, line);
      if (!end.ok()) return end.status();
      if (end->steps != static_cast<int64_t>(plan->steps.size()))
        return Bad(path, number, "lines are missing");
      if (!text.empty()) return Bad(path, number + 1, "there is something behind the end");
      return plan;
    }
    if (plan->steps.size() == SavedPlan::kMaxSteps) return Bad(path, number, "too many steps");
    absl::StatusOr<SavedPlan::Step> step = ParseLine<SavedPlan::Step>(path, number, line);
    if (!step.ok()) return step.status();
    plan->steps.push_back(*std::move(step));
  }
  return Bad(path, number + 1, "the file is cut short");
}

absl::StatusOr<SavedPlan> ReadSavedPlan(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, SavedPlan::kMaxBytes);
  if (absl::IsOutOfRange(text.status())) return Bad(path, 1, "the file is too large for a plan");
  if (!text.ok()) return text.status();
  return ParseSavedPlan(path, *text);
}

absl::Status WriteSavedPlan(const std::string& path, const SavedPlan& plan) {
  struct stat info;
  if (lstat(path.c_str(), &info) == 0 && !(S_ISREG(info.st_mode) && IsSavedPlan(path))) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, " is there, and is no saved plan: it is not written over; name another file"));
  }
  return WriteFile(path, SavedPlanText(plan), kPrivateFile);
}

std::vector<std::string> DifferencesOf(const SavedPlan& saved, const SavedPlan& now) {
  std::vector<std::string> differences;
  if (saved.kplan != now.kplan) {
    differences.push_back(
        absl::StrCat("kplan: the plan was saved by version ", saved.kplan, ", and this is ", now.kplan));
  }
  if (saved.key != now.key) {
    differences.push_back(
        "key: the plan was saved in another folder, or its .kplan is gone: what not everybody may read "
        "cannot be compared");
    return differences;
  }
  absl::flat_hash_map<absl::string_view, const SavedPlan::Step*> by_label;
  for (const SavedPlan::Step& step : saved.steps) by_label.emplace(step.label, &step);
  for (const SavedPlan::Step& step : now.steps) {
    auto was = by_label.find(step.label);
    if (was == by_label.end()) {
      differences.push_back(absl::StrCat(step.label, ": it is not in the plan: it is new in cluster.yaml"));
      continue;
    }
    const std::string difference = Difference(*was->second, step);
    if (!difference.empty()) differences.push_back(absl::StrCat(step.label, ": ", difference));
    by_label.erase(was);
  }
  for (const SavedPlan::Step& step : saved.steps) {
    if (by_label.contains(step.label))
      differences.push_back(absl::StrCat(step.label, ": it is in the plan, and no longer in cluster.yaml"));
  }
  if (differences.empty() && saved.graph != now.graph)
    differences.push_back("cluster.yaml: it was edited since: the graph is another one");
  return differences;
}

}  // namespace kplan
