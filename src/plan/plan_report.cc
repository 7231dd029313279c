#include "src/plan/plan_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

std::string QuoteJson(absl::string_view text) {
  std::string out;
  // What is no UTF-8 came out of somebody's file.
  std::string whole(text);
  for (size_t bad; (bad = FindInvalidUtf8(whole)) != std::string::npos;) whole[bad] = '?';
  AppendJsonString(whole, &out);
  return out;
}

// What a step would do, on one line.
std::string WhatFor(const Step& step, const StepForecast& forecast, const JournalEntry* entry) {
  std::string what = Brief(WhatChanges(forecast));
  if (forecast.fate == Fate::kFail) return absl::StrCat("would fail: ", what);
  if (forecast.fate == Fate::kWait) return absl::StrCat("waits: ", what);
  if (forecast.fate == Fate::kCheck)
    return step.kind == StepKind::kVerifyEtcd ? "proves it again" : "only checked";
  if (forecast.restarts) what = absl::StrCat("restarts: ", what);
  if (forecast.starts) what = absl::StrCat("starts: ", what);
  if (entry == nullptr && what == "missing") what = "new";
  return forecast.note.empty() ? what : absl::StrCat(what, " (", Brief(forecast.note), ")");
}

char SignOf(const StepForecast& forecast) {
  switch (forecast.fate) {
    case Fate::kFail:
      return 'x';
    case Fate::kWait:
      return '.';
    case Fate::kCheck:
      return '?';
    default:
      break;
  }
  if (forecast.restarts) return '!';
  const bool missing = !forecast.reasons.empty() && forecast.reasons[0].name == "missing";
  return missing || forecast.starts ? '+' : '~';
}

const std::string& HostOf(const Graph& graph, const Step& step) { return graph.shards()[step.shard].name; }

}  // namespace

std::vector<std::string> RootLines(const RootCause& root, const std::string& file, bool last) {
  std::vector<std::string> lines;
  switch (root.kind) {
    case RootCause::Kind::kEdit:
      for (const SpecEdit& edit : root.edits) {
        lines.push_back(absl::StrCat(EditText(edit), " (", file, ":", edit.line, ")"));
      }
      break;
    case RootCause::Kind::kFirst: {
      std::string place =
          root.line == 0 ? "" : absl::StrCat(" for ", root.path, " (", file, ":", root.line, ")");
      lines.push_back(
          absl::StrCat(last ? "it was made for the first time" : "it has not been made yet", place));
      break;
    }
    case RootCause::Kind::kProgram:
      lines.push_back(absl::StrCat("its record is another one: ", root.text));
      break;
    case RootCause::Kind::kDrift:
      lines.push_back(absl::StrCat("found on the host: ", Brief(root.text)));
      break;
    case RootCause::Kind::kTime:
      lines.push_back(absl::StrCat("of the time: ", Brief(root.text)));
      break;
    case RootCause::Kind::kFailed:
      lines.push_back(absl::StrCat("it failed: ", Brief(root.text)));
      break;
    case RootCause::Kind::kStamp:
      lines.push_back("its stamp is gone (.kplan)");
      break;
    case RootCause::Kind::kNone:
      break;
  }
  return lines;
}

std::string EditText(const SpecEdit& edit) {
  std::vector<std::string> parts;
  for (const std::string& value : edit.added) parts.push_back(absl::StrCat("+ ", Brief(value)));
  for (const std::string& value : edit.removed) parts.push_back(absl::StrCat("- ", Brief(value)));
  if (!parts.empty()) return absl::StrCat(edit.path, ": ", absl::StrJoin(parts, ", "));
  if (edit.from.empty()) return absl::StrCat(edit.path, ": + ", Brief(edit.to));
  if (edit.to.empty()) return absl::StrCat(edit.path, ": - ", Brief(edit.from));
  if (edit.from[0] == '[' && edit.to[0] == '[') return absl::StrCat(edit.path, ": reordered");
  return absl::StrCat(edit.path, ": ", Brief(edit.from), " -> ", Brief(edit.to));
}

PlanReport MakePlanReport(const Graph& graph, const Forecast& forecast, Explainer* explainer) {
  PlanReport report;
  explainer->PrepareAll();
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const StepForecast& step = forecast.steps[id];
    if (graph.steps()[id].kind == StepKind::kService && !step.restarts && !step.starts) {
      KeepsRunning keeps;
      keeps.service = id;
      for (StepId after : graph.steps()[id].after) {
        const StepForecast& it = forecast.steps[after];
        if (it.fate == Fate::kChange && it.changes_digest) keeps.rereads.push_back(after);
      }
      if (!keeps.rereads.empty() && step.fate != Fate::kFail && step.fate != Fate::kWait) {
        report.keeps_running.push_back(std::move(keeps));
      }
    }
    if (step.fate == Fate::kFresh) {
      ++report.fresh;
      continue;
    }
    if (step.fate == Fate::kChange) ++report.to_run;
    if (step.fate == Fate::kCheck) ++report.to_check;
    if (step.fate == Fate::kFail) ++report.failing;
    if (step.fate == Fate::kWait) ++report.waiting;
    if (step.restarts) ++report.restarts;
    if (step.starts) ++report.starts;
    report.steps.push_back({id, explainer->WhyNext(id)});
  }
  return report;
}

std::string PlanSummary(const PlanReport& report) {
  std::vector<std::string> parts;
  auto add = [&parts](size_t n, absl::string_view what) {
    if (n > 0) parts.push_back(absl::StrCat(n, " ", what));
  };
  add(report.to_run, "to run");
  add(report.to_check, "to check");
  add(report.failing, "would fail");
  add(report.waiting, report.waiting == 1 ? "waits" : "wait");
  add(report.starts, report.starts == 1 ? "start" : "starts");
  add(report.restarts, report.restarts == 1 ? "restart" : "restarts");
  parts.push_back(absl::StrCat(report.fresh, " up to date"));
  return absl::StrJoin(parts, ", ");
}

std::vector<OverBudget> CheckBudget(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                                    const PlanBudget& budget) {
  std::vector<OverBudget> over;
  OverBudget restarts, reissued;
  for (const PlannedStep& planned : report.steps) {
    const StepForecast& step = forecast.steps[planned.step];
    if (step.restarts) restarts.steps.push_back(planned.step);
    const Step& it = graph.steps()[planned.step];
    const JournalEntry* entry = forecast.EntryOf(graph, planned.step);
    const bool ca = absl::string_view(it.label).substr(0, 3) == "ca/" &&
                    (it.kind == StepKind::kCaCert || it.kind == StepKind::kCert);
    // The first time is no re-issue; one that is there was issued, whoever did it.
    const bool first = !step.reasons.empty() && step.reasons[0].name == "missing" &&
                       (entry == nullptr || entry->made_at == 0);
    if (ca && step.fate == Fate::kChange && !first) reissued.steps.push_back(planned.step);
  }
  if (budget.max_restarts >= 0 && restarts.steps.size() > static_cast<size_t>(budget.max_restarts)) {
    restarts.text = absl::StrCat(Count(restarts.steps.size(), "restart"), ", and --max-restarts allows ",
                                 budget.max_restarts);
    over.push_back(std::move(restarts));
  }
  if (!budget.reissue_ca && !reissued.steps.empty()) {
    reissued.text = absl::StrCat(Count(reissued.steps.size(), "CA certificate"),
                                 " would be issued again, and --no-reissue-ca allows none");
    over.push_back(std::move(reissued));
  }
  return over;
}

std::string ChainText(const Graph& graph, const Why& why, const std::string& file, bool last,
                      const std::string& indent) {
  std::string out;
  for (size_t i = 1; i < why.links.size(); ++i) {
    const std::string what = Brief(why.links[i].what);
    absl::StrAppend(&out, indent, "because ", graph.steps()[why.links[i].step].label,
                    last ? " changed" : " changes", what.empty() ? "" : ": ", what, "\n");
  }
  for (const std::string& line : RootLines(why.root, file, last)) {
    absl::StrAppend(&out, indent, "because ", line, "\n");
  }
  return out;
}

std::string PlanText(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                     const std::string& file) {
  std::string out;
  size_t width = 0;
  for (const PlannedStep& planned : report.steps) {
    width = std::max(width, graph.steps()[planned.step].label.size());
  }
  std::vector<std::vector<const PlannedStep*>> by_shard(graph.shards().size());
  for (const PlannedStep& planned : report.steps) {
    by_shard[graph.steps()[planned.step].shard].push_back(&planned);
  }
  std::vector<std::vector<const KeepsRunning*>> kept(graph.shards().size());
  for (const KeepsRunning& keeps : report.keeps_running) {
    kept[graph.steps()[keeps.service].shard].push_back(&keeps);
    width = std::max(width, graph.steps()[keeps.service].label.size());
  }
  for (size_t shard = 0; shard < by_shard.size(); ++shard) {
    if (by_shard[shard].empty() && kept[shard].empty()) continue;
    absl::StrAppend(&out, graph.shards()[shard].name, "\n");
    for (const PlannedStep* planned : by_shard[shard]) {
      const Step& step = graph.steps()[planned->step];
      const StepForecast& it = forecast.steps[planned->step];
      absl::StrAppend(&out, "  ", std::string(1, SignOf(it)), " ", step.label,
                      std::string(width - step.label.size() + 2, ' '),
                      WhatFor(step, it, forecast.EntryOf(graph, planned->step)), "\n");
      // The next link only: the whole chain is what `why` is for.
      Why next = planned->why;
      if (next.links.size() > 1) {
        absl::StrAppend(&out, "      because of ", graph.steps()[next.links[1].step].label, "\n");
      } else if (next.root.kind != RootCause::Kind::kFirst) {
        out += ChainText(graph, next, file, /*last=*/false, "      ");
      }
    }
    for (const KeepsRunning* keeps : kept[shard]) {
      const std::string& label = graph.steps()[keeps->service].label;
      std::vector<std::string> labels;
      for (StepId id : keeps->rereads) labels.push_back(graph.steps()[id].label);
      absl::StrAppend(&out, "  = ", label, std::string(width - label.size() + 2, ' '),
                      "keeps running: it reads ", JoinAnd(labels), " again by itself\n");
    }
  }
  absl::StrAppend(&out, report.empty() ? "nothing to do: " : "", PlanSummary(report), "\n");
  return out;
}

std::string ChainJson(const Graph& graph, const Why& why, const std::string& file) {
  std::string out = "{\"chain\":[";
  for (size_t i = 0; i < why.links.size(); ++i) {
    absl::StrAppend(&out, i > 0 ? "," : "", "{\"label\":", QuoteJson(graph.steps()[why.links[i].step].label),
                    ",\"what\":", QuoteJson(why.links[i].what), "}");
  }
  absl::StrAppend(&out, "],\"root\":{\"kind\":\"", RootName(why.root.kind),
                  "\",\"text\":", QuoteJson(why.root.text), ",\"edits\":[");
  for (size_t i = 0; i < why.root.edits.size(); ++i) {
    const SpecEdit& edit = why.root.edits[i];
    absl::StrAppend(&out, i > 0 ? "," : "", "{\"path\":", QuoteJson(edit.path), ",\"file\":", QuoteJson(file),
                    ",\"line\":", edit.line, ",\"old-line\":", edit.old_line,
                    ",\"from\":", QuoteJson(edit.from), ",\"to\":", QuoteJson(edit.to), "}");
  }
  out += "]";
  if (why.root.line != 0) {
    absl::StrAppend(&out, ",\"path\":", QuoteJson(why.root.path), ",\"file\":", QuoteJson(file),
                    ",\"line\":", why.root.line);
  }
  out += "}}";
  return out;
}

std::string PlanJson(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                     const std::string& file, const std::string& other) {
  std::string out = "{\n\"version\":1,\n\"file\":";
  out += QuoteJson(file);
  absl::StrAppend(&out, ",\n\"summary\":{\"run\":", report.to_run, ",\"check\":", report.to_check,
                  ",\"fail\":", report.failing, ",\"wait\":", report.waiting, ",\"start\":", report.starts,
                  ",\"restart\":", report.restarts, ",\"fresh\":", report.fresh, "},\n\"steps\":[");
  bool first = true;
  for (const PlannedStep& planned : report.steps) {
    const Step& step = graph.steps()[planned.step];
    const StepForecast& it = forecast.steps[planned.step];
    const std::string& host = HostOf(graph, step);
    absl::StrAppend(&out, first ? "\n" : ",\n", "{\"label\":", QuoteJson(step.label),
                    ",\"host\":", QuoteJson(host == paths::kSharedShard ? "" : host), ",\"verb\":\"",
                    VerbOf(step.kind), "\",\"fate\":\"", FateName(it.fate),
                    "\",\"restarts\":", it.restarts ? "true" : "false",
                    ",\"starts\":", it.starts ? "true" : "false", ",\"reasons\":[");
    first = false;
    for (size_t i = 0; i < it.reasons.size(); ++i) {
      absl::StrAppend(&out, i > 0 ? "," : "", "{\"name\":", QuoteJson(it.reasons[i].name),
                      ",\"text\":", QuoteJson(it.reasons[i].text), "}");
    }
    out += "],\"changes\":[";
    for (size_t i = 0; i < it.changes.size(); ++i) {
      const Change& change = it.changes[i];
      absl::StrAppend(&out, i > 0 ? "," : "", "{\"what\":", QuoteJson(change.what),
                      ",\"from\":", QuoteJson(change.from), ",\"to\":", QuoteJson(change.to), "}");
    }
    absl::StrAppend(&out, "],\"failure\":", QuoteJson(it.failure), ",\"note\":", QuoteJson(it.note),
                    ",\"why\":", ChainJson(graph, planned.why, file), "}");
  }
  out += "\n],\n\"keeps-running\":[";
  first = true;
  for (const KeepsRunning& keeps : report.keeps_running) {
    absl::StrAppend(&out, first ? "\n" : ",\n", "{\"label\":", QuoteJson(graph.steps()[keeps.service].label),
                    ",\"rereads\":[");
    first = false;
    for (size_t i = 0; i < keeps.rereads.size(); ++i) {
      absl::StrAppend(&out, i > 0 ? "," : "", QuoteJson(graph.steps()[keeps.rereads[i]].label));
    }
    out += "]}";
  }
  absl::StrAppend(&out, "\n]", other, "\n}\n");
  return out;
}

}  // namespace kplan
