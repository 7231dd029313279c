
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/edited_words.h"
#include "src/base/text.h"
#include "src/cli/ask_hosts.h"
#include "src/cli/command.h"
#include "src/cli/open_plan.h"
#include "src/cli/terminal.h"
#include "src/look/forecast.h"
#include "src/show/graph_view.h"
#include "src/show/plan_report.h"
#include "src/why/explain.h"

namespace kplan {
namespace {

std::string TimeText(int64_t milliseconds) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixMillis(milliseconds), absl::UTCTimeZone());
}

// The key of an edit: "address" of `hosts."etcd-1.example.com".address`, "revoked" of `revoked[1]`.
std::string KeyOf(absl::string_view path) {
  if (absl::EndsWith(path, "]")) path = path.substr(0, path.rfind('['));
  if (absl::ConsumeSuffix(&path, "\"")) return std::string(path.substr(path.rfind('"') + 1));
  return std::string(path.substr(path.rfind('.') + 1));
}

// The lines of cluster.yaml that the chain ends with, as they are now; of a long one, around what was edited.
std::string Excerpt(const Diagnostics& file, const RootCause& root) {
  std::map<int, std::vector<std::string>> lines;  // and what is to be seen of each
  for (const SpecEdit& edit : root.edits) {
    std::vector<std::string>& words = lines[edit.line];
    words.push_back(KeyOf(edit.path));
    for (std::string& word : WordsThatCame(edit.from, edit.to)) words.push_back(std::move(word));
  }
  if (root.kind == RootCause::Kind::kFirst) lines[root.line] = {KeyOf(root.path)};
  std::string out;
  for (const auto& [line, words] : lines) {
    if (line < 1 || line > file.source().line_count()) continue;
    absl::StrAppendFormat(&out, "%5d | %s\n", line, ShowWordsOf(file.ShownLine(line), words));
  }
  return out;
}

// "would restart: trust changed"
std::string Would(const StepForecast& step) {
  const std::string what = WhatChanges(step);
  const std::string colon = what.empty() ? "" : absl::StrCat(": ", what);
  switch (step.fate) {
    case Fate::kFail:
      return absl::StrCat("would fail", colon);
    case Fate::kWait:
      return absl::StrCat("waits", colon);
    case Fate::kUnknown:
      return absl::StrCat("may be up to date, and may not: ", step.failure);
    case Fate::kCheck:
      return "would run, and change nothing";
    default:
      break;
  }
  return absl::StrCat(step.restarts  ? "would restart"
                      : step.reloads ? "would reload"
                      : step.starts  ? "would start"
                                     : "would change",
                      colon);
}

// The service LABEL, if it is one of those that STEP is about and would touch.
const ServiceOutlook* FindService(const StepForecast& step, const std::string& label) {
  for (const ServiceOutlook& service : step.services) {
    if (LabelOf(service) == label) return &service;
  }
  return nullptr;
}

// What a rollout would do, a line a service.
std::string WouldRoll(const StepForecast& step) {
  std::string out = "would go on to these services, one after another";
  for (const ServiceOutlook& service : step.services)
    absl::StrAppend(&out, "\n  ", LabelOf(service), " ", WhatFor(service));
  return out;
}

// ASKED: the label that was asked about; a service that is one of several is part of STEP.
std::string WhyText(const OpenPlan& plan, const Forecast& forecast, StepId step, const std::string& asked,
                    bool next, const Why& why) {
  const std::string& label = plan.graph().steps()[step].label;
  const JournalEntry* entry = forecast.EntryOf(plan.graph(), step);
  const StepForecast& foreseen = forecast.steps[step];
  const bool part = plan.graph().steps()[step].kind == StepKind::kRollout && asked != label;
  std::string out = label;
  if (next && part && foreseen.fate == Fate::kChange) {
    const ServiceOutlook* service = FindService(foreseen, asked);
    out = absl::StrCat(asked, service == nullptr ? " keeps running" : absl::StrCat(" ", WhatFor(*service)),
                       " (", label, ")\n");
  } else if (next && !foreseen.services.empty()) {
    absl::StrAppend(&out, " ", WouldRoll(foreseen), "\n");
  } else if (next) {
    absl::StrAppend(&out, " ", Would(foreseen), "\n");
  } else if (entry == nullptr || entry->made_at == 0) {
    absl::StrAppend(&out, " is up to date; when it was made is not known\n");
  } else {
    absl::StrAppend(&out, " is up to date; it was made on ", TimeText(entry->made_at),
                    entry->made_reason.empty() ? "" : ": ", Shown(entry->made_reason), "\n");
  }
  absl::StrAppend(&out, ChainText(plan.graph(), why, plan.path, !next, "  "));
  // The line numbers of what was are those of the text of that time.
  if (next) out += Excerpt(plan.file->diagnostics(), why.root);
  return out;
}

}  // namespace

int WhyCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("why", arguments)) return kExitUsage;
  OpenPlan plan;
  const std::string spec = options.operands().size() > 1 ? options.operands()[1] : "";
  if (int exit = OpenPlanIn(options.Value("-C"), spec, &plan); exit != kExitDone) return exit;
  const std::string& label = options.operands()[0];
  absl::StatusOr<std::vector<StepId>> found = FindSteps(plan.graph(), label);
  if (!found.ok()) return Fail(found.status().message());
  if (found->size() != 1) return Fail(absl::StrCat(Quote(label), " are several artifacts; name one"));
  const StepId step = found->front();
  const Look look = LookAt(plan.graph(), ContactOf(options, plan.compiled()), absl::Now());
  const Forecast& forecast = look.forecast;
  PrintSilent(look.sights);
  Explainer explainer(plan.graph(), forecast, plan.history, plan.path, plan.text());
  const bool next = Runs(forecast.steps[step].fate) && !options.Has("--last");
  const Why why = next ? explainer.WhyNext(step) : explainer.WhyLast(step);
  std::string out;
  if (options.Has("--json")) {
    const JournalEntry* entry = forecast.EntryOf(plan.graph(), step);
    Json json = Json::parse(ChainJson(plan.graph(), why, plan.path));
    json["label"] = plan.graph().steps()[step].label;
    json["state"] = StateName(forecast.StateOf(plan.graph(), step));
    json["next"] = next;
    if (entry != nullptr && entry->made_at != 0) {
      json["made-at"] =
          absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(entry->made_at), absl::UTCTimeZone());
    }
    out = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  } else {
    out = WhyText(plan, forecast, step, label, next, why);
  }
  options.Has("--json") ? PrintJson(out) : PrintText(out);
  return kExitDone;
}

}  // namespace kplan
