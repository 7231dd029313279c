// A plan, and why a step is in it, for people.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "src/show/plan_report.h"
#include "src/show/plan_report_internal.h"

namespace kplan {
namespace {

// How many parts are shown of a long list, or of a text that was written anew.
constexpr size_t kMostParts = 12;

// "3 restarts, one after another"; "3 starts"
std::string CountsText(const ServiceCounts& counts) {
  std::vector<std::string> parts;
  if (counts.starts > 0) parts.push_back(Count(counts.starts, "start"));
  if (counts.restarts > 0) parts.push_back(Count(counts.restarts, "restart"));
  if (counts.reloads > 0) parts.push_back(Count(counts.reloads, "reload"));
  if (counts.others > 0) parts.push_back(absl::StrCat(counts.others, " put right"));
  return absl::StrCat(absl::StrJoin(parts, ", "), counts.restarts > 1 ? ", one after another" : "");
}

// What a step would do, on one line.
std::string WhatFor(const Step& step, const StepForecast& forecast, const JournalEntry* entry) {
  std::string what = Brief(WhatChanges(forecast));
  if (forecast.fate == Fate::kFail) return absl::StrCat("would fail: ", what);
  if (forecast.fate == Fate::kWait) return absl::StrCat("waits: ", what);
  if (forecast.fate == Fate::kCheck && IsProof(step))
    return entry == nullptr ? "proves it" : "proves it again";
  if (forecast.fate == Fate::kCheck) return "only checked";
  if (!forecast.services.empty()) {
    what = CountsText(CountServices(forecast));
  } else if (forecast.restarts) {
    what = absl::StrCat("restarts: ", what);
  } else if (forecast.reloads) {
    what = absl::StrCat("reloads: ", what);
  } else if (forecast.starts) {
    what = absl::StrCat("starts: ", what);
  }
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
  if (forecast.reloads) return '^';
  const bool missing = !forecast.reasons.empty() && forecast.reasons[0].name == "missing";
  return missing || forecast.starts ? '+' : '~';
}

}  // namespace

std::string WhatFor(const ServiceOutlook& service) {
  std::string what = WhatChanges(service.reasons, service.changes);
  const char* verb = service.restarts  ? "restarts"
                     : service.reloads ? "reloads"
                     : service.starts  ? "starts"
                                       : "";
  if (*verb == '\0') return Brief(what);
  return Brief(what.empty() ? verb : absl::StrCat(verb, ": ", what));
}

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
    case RootCause::Kind::kSource:
      lines.push_back(absl::StrCat(
          root.text,
          root.line == 0 ? "" : absl::StrCat(", which is ", root.path, " (", file, ":", root.line, ")")));
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
  if (parts.size() > kMostParts) {
    const std::string more = absl::StrCat("and ", parts.size() - kMostParts, " more");
    parts.resize(kMostParts);
    parts.push_back(more);
  }
  if (!parts.empty()) return absl::StrCat(edit.path, ": ", absl::StrJoin(parts, ", "));
  if (edit.from.empty()) return absl::StrCat(edit.path, ": + ", Brief(edit.to));
  if (edit.to.empty()) return absl::StrCat(edit.path, ": - ", Brief(edit.from));
  if (edit.from[0] == '[' && edit.to[0] == '[') return absl::StrCat(edit.path, ": reordered");
  return absl::StrCat(edit.path, ": ", Brief(edit.from), " -> ", Brief(edit.to));
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
  add(report.reloads, report.reloads == 1 ? "reload" : "reloads");
  add(report.restarts, report.restarts == 1 ? "restart" : "restarts");
  add(report.unknown, "not known");
  parts.push_back(absl::StrCat(report.fresh, " up to date"));
  return absl::StrCat(absl::StrJoin(parts, ", "), report.unasked.empty() ? "" : "; ", report.unasked);
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
    for (const ServiceOutlook& service : forecast.steps[planned.step].services)
      width = std::max(width, LabelOf(service).size() + 2);
  }
  std::vector<std::vector<const PlannedStep*>> by_shard(graph.shards().size());
  for (const PlannedStep& planned : report.steps) {
    by_shard[graph.steps()[planned.step].shard].push_back(&planned);
  }
  std::vector<std::vector<const KeepsRunning*>> kept(graph.shards().size());
  for (const KeepsRunning& keeps : report.keeps_running) {
    kept[keeps.shard].push_back(&keeps);
    width = std::max(width, keeps.label.size());
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
      // The services of a rollout, indented below it.
      for (const ServiceOutlook& service : it.services) {
        const std::string label = LabelOf(service);
        absl::StrAppend(&out, "    ",
                        service.restarts ? "! "
                        : service.starts ? "+ "
                                         : "= ",
                        label, std::string(width - label.size(), ' '), WhatFor(service), "\n");
      }
      // The next link only: the whole chain is what `why` is for.
      Why next = planned->why;
      if (next.links.size() > 1) {
        absl::StrAppend(&out, "      because of ", graph.steps()[next.links[1].step].label, "\n");
      } else if (next.root.kind != RootCause::Kind::kFirst) {
        out += ChainText(graph, next, file, /*last=*/false, "      ");
      }
    }
    for (const KeepsRunning* keeps : kept[shard]) {
      const std::string& label = keeps->label;
      std::vector<std::string> labels;
      for (StepId id : keeps->rereads) labels.push_back(graph.steps()[id].label);
      absl::StrAppend(&out, "  = ", label, std::string(width - label.size() + 2, ' '),
                      "keeps running: it reads ", JoinAnd(labels), " again by itself");
      if (keeps->proof.has_value())
        absl::StrAppend(&out, ", which ", graph.steps()[*keeps->proof].label, " proves by a handshake");
      out += "\n";
    }
  }
  absl::StrAppend(&out, report.empty() ? "nothing to do: " : "", PlanSummary(report), "\n");
  return out;
}

}  // namespace kplan
