#include "src/show/plan_report.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/look/holdings.h"
#include "src/look/step_record.h"
#include "src/step/kinds.h"

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

// "\"reasons\":[...],\"changes\":[...]"
void AppendReasons(const std::vector<Reason>& reasons, const std::vector<Change>& changes, std::string* out) {
  *out += "\"reasons\":[";
  for (size_t i = 0; i < reasons.size(); ++i) {
    absl::StrAppend(out, i > 0 ? "," : "", "{\"name\":", QuoteJson(reasons[i].name),
                    ",\"text\":", QuoteJson(reasons[i].text), "}");
  }
  *out += "],\"changes\":[";
  for (size_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    absl::StrAppend(out, i > 0 ? "," : "", "{\"what\":", QuoteJson(change.what),
                    ",\"from\":", QuoteJson(change.from), ",\"to\":", QuoteJson(change.to), "}");
  }
  *out += "]";
}

struct ServiceCounts {
  size_t starts = 0, restarts = 0, reloads = 0;
};

// Of a step about several services; of one about a single one that one.
ServiceCounts CountServices(const StepForecast& step) {
  ServiceCounts counts;
  if (step.services.empty())
    return {step.starts ? size_t{1} : 0, step.restarts ? size_t{1} : 0, step.reloads ? size_t{1} : 0};
  for (const ServiceOutlook& service : step.services) {
    counts.starts += service.starts;
    counts.restarts += service.restarts;
    counts.reloads += service.reloads;
  }
  return counts;
}

// "3 restarts, one after another"; "3 starts"
std::string CountsText(const ServiceCounts& counts) {
  std::vector<std::string> parts;
  if (counts.starts > 0) parts.push_back(Count(counts.starts, "start"));
  if (counts.restarts > 0) parts.push_back(Count(counts.restarts, "restart"));
  return absl::StrCat(absl::StrJoin(parts, ", "), counts.restarts > 1 ? ", one after another" : "");
}

bool IsProof(const Step& step) { return KindOf(step.kind).stage == Stage::kVerdicts; }

// What a step would do, on one line.
std::string WhatFor(const Step& step, const StepForecast& forecast, const JournalEntry* entry) {
  std::string what = Brief(WhatChanges(forecast));
  if (forecast.fate == Fate::kFail) return absl::StrCat("would fail: ", what);
  if (forecast.fate == Fate::kWait) return absl::StrCat("waits: ", what);
  if (forecast.fate == Fate::kCheck) return IsProof(step) ? "proves it again" : "only checked";
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

const std::string& HostOf(const Graph& graph, const Step& step) { return graph.shards()[step.shard].name; }

// Of what a rollout comes after: whether a running member reads it again. What is sent, its folder and what
// it heeds at its first start it does not; programs beside it are not its.
bool IsReread(const Step& step) {
  if (step.kind == StepKind::kPair) return true;
  if (step.kind != StepKind::kFile) return false;
  const std::string path = RecordOf<FileRecord>(step).path;
  return !absl::EndsWith(path, absl::StrCat("/", paths::on_host::kBootstrapName)) &&
         !absl::StartsWith(path, paths::on_host::kBinaries);
}

// What changes of what STEP comes after without being made from it, and is in files of SHARD's host: a
// service reads it again by itself.
std::vector<StepId> RereadFiles(const Graph& graph, const Forecast& forecast, const Step& step,
                                std::optional<uint32_t> shard) {
  std::vector<StepId> rereads;
  for (StepId id : step.after) {
    const Step& after = graph.steps()[id];
    const StepForecast& it = forecast.steps[id];
    if (it.fate != Fate::kChange || !it.changes_digest) continue;
    // The services that it comes after are not in it.
    const bool file = after.kind == StepKind::kFile || after.kind == StepKind::kPair;
    if (!file && after.kind != StepKind::kDir) continue;
    if (shard.has_value() && (after.shard != *shard || !IsReread(after))) continue;
    rereads.push_back(id);
  }
  return rereads;
}

std::optional<StepId> ProofOf(const Graph& graph, const Forecast& forecast, StepId service) {
  for (StepId id = service + 1; id < graph.steps().size(); ++id) {
    const Step& step = graph.steps()[id];
    const Fate fate = forecast.steps[id].fate;
    if (!IsProof(step) || (fate != Fate::kCheck && fate != Fate::kChange)) continue;
    if (std::find(step.inputs.begin(), step.inputs.end(), service) != step.inputs.end()) return id;
  }
  return std::nullopt;
}

// The services of STEP that go on running with something new.
void AddKept(const Graph& graph, const Forecast& forecast, StepId id, PlanReport* report) {
  const Step& step = graph.steps()[id];
  const StepForecast& it = forecast.steps[id];
  if (it.fate == Fate::kFail || it.fate == Fate::kWait) return;
  if (step.kind == StepKind::kService && !it.restarts && !it.starts && !it.reloads) {
    KeepsRunning keeps = {step.label, step.shard, RereadFiles(graph, forecast, step, std::nullopt), {}};
    if (!keeps.rereads.empty()) report->keeps_running.push_back(std::move(keeps));
  }
  if (step.kind != StepKind::kRollout) return;
  for (const ServicePart& service : ServicesOf(graph, step)) {
    const bool touched =
        std::any_of(it.services.begin(), it.services.end(), [&](const ServiceOutlook& other) {
          return LabelOf(other) == service.label && (other.starts || other.restarts || other.reloads);
        });
    auto shard = std::find_if(graph.shards().begin(), graph.shards().end(),
                              [&](const Shard& other) { return other.name == service.host; });
    if (touched || shard == graph.shards().end()) continue;
    const auto index = static_cast<uint32_t>(shard - graph.shards().begin());
    KeepsRunning keeps = {service.label, index, RereadFiles(graph, forecast, step, index), {}};
    if (keeps.rereads.empty()) continue;
    keeps.proof = ProofOf(graph, forecast, id);
    report->keeps_running.push_back(std::move(keeps));
  }
}

}  // namespace

std::string LabelOf(const ServiceOutlook& service) {
  return absl::StrCat("service/", service.host, "/", service.service);
}

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

// Of a long list, or of a text that was written anew.
constexpr size_t kMostParts = 12;

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

PlanReport MakePlanReport(const Graph& graph, const Forecast& forecast, Explainer* explainer) {
  PlanReport report;
  explainer->PrepareAll();
  for (StepId id = 0; id < graph.steps().size(); ++id) {
    const StepForecast& step = forecast.steps[id];
    AddKept(graph, forecast, id, &report);
    if (step.fate == Fate::kFresh) {
      ++report.fresh;
      continue;
    }
    if (step.fate == Fate::kChange) ++report.to_run;
    if (step.fate == Fate::kCheck) ++report.to_check;
    if (step.fate == Fate::kFail) ++report.failing;
    if (step.fate == Fate::kWait) ++report.waiting;
    const ServiceCounts services = CountServices(step);
    report.restarts += services.restarts;
    report.reloads += services.reloads;
    report.starts += services.starts;
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
  add(report.reloads, report.reloads == 1 ? "reload" : "reloads");
  add(report.restarts, report.restarts == 1 ? "restart" : "restarts");
  parts.push_back(absl::StrCat(report.fresh, " up to date"));
  return absl::StrJoin(parts, ", ");
}

std::vector<OverBudget> CheckBudget(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                                    const PlanBudget& budget) {
  std::vector<OverBudget> over;
  OverBudget restarts, reissued;
  size_t restarting = 0;
  for (const PlannedStep& planned : report.steps) {
    const StepForecast& step = forecast.steps[planned.step];
    const size_t services = CountServices(step).restarts;
    restarting += services;
    if (services > 0) restarts.steps.push_back(planned.step);
    const Step& it = graph.steps()[planned.step];
    const JournalEntry* entry = forecast.EntryOf(graph, planned.step);
    const bool ca = absl::string_view(it.label).substr(0, 3) == "ca/" &&
                    (it.kind == StepKind::kCaCert || it.kind == StepKind::kCert);
    // The first time is no re-issue; one that is there was issued, whoever did it.
    const bool first = !step.reasons.empty() && step.reasons[0].name == "missing" &&
                       (entry == nullptr || entry->made_at == 0);
    if (ca && step.fate == Fate::kChange && !first) reissued.steps.push_back(planned.step);
  }
  if (budget.max_restarts >= 0 && restarting > static_cast<size_t>(budget.max_restarts)) {
    restarts.text =
        absl::StrCat(Count(restarting, "restart"), ", and --max-restarts allows ", budget.max_restarts);
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
                  ",\"restart\":", report.restarts, ",\"reload\":", report.reloads,
                  ",\"fresh\":", report.fresh, "},\n\"steps\":[");
  bool first = true;
  for (const PlannedStep& planned : report.steps) {
    const Step& step = graph.steps()[planned.step];
    const StepForecast& it = forecast.steps[planned.step];
    const std::string& host = HostOf(graph, step);
    absl::StrAppend(&out, first ? "\n" : ",\n", "{\"label\":", QuoteJson(step.label),
                    ",\"host\":", QuoteJson(host == paths::kSharedShard ? "" : host), ",\"verb\":\"",
                    KindOf(step.kind).verb, "\",\"fate\":\"", FateName(it.fate),
                    "\",\"restarts\":", it.restarts ? "true" : "false",
                    ",\"reloads\":", it.reloads ? "true" : "false",
                    ",\"starts\":", it.starts ? "true" : "false", ",");
    first = false;
    AppendReasons(it.reasons, it.changes, &out);
    if (!it.services.empty()) {
      out += ",\"services\":[";
      for (size_t i = 0; i < it.services.size(); ++i) {
        const ServiceOutlook& service = it.services[i];
        absl::StrAppend(&out, i > 0 ? "," : "", "{\"label\":", QuoteJson(LabelOf(service)),
                        ",\"host\":", QuoteJson(service.host), ",\"service\":", QuoteJson(service.service),
                        ",\"restarts\":", service.restarts ? "true" : "false",
                        ",\"reloads\":", service.reloads ? "true" : "false",
                        ",\"starts\":", service.starts ? "true" : "false", ",");
        AppendReasons(service.reasons, service.changes, &out);
        out += "}";
      }
      out += "]";
    }
    absl::StrAppend(&out, ",\"failure\":", QuoteJson(it.failure), ",\"note\":", QuoteJson(it.note),
                    ",\"why\":", ChainJson(graph, planned.why, file), "}");
  }
  out += "\n],\n\"keeps-running\":[";
  first = true;
  for (const KeepsRunning& keeps : report.keeps_running) {
    absl::StrAppend(&out, first ? "\n" : ",\n", "{\"label\":", QuoteJson(keeps.label), ",\"rereads\":[");
    first = false;
    for (size_t i = 0; i < keeps.rereads.size(); ++i) {
      absl::StrAppend(&out, i > 0 ? "," : "", QuoteJson(graph.steps()[keeps.rereads[i]].label));
    }
    out += "]";
    if (keeps.proof.has_value())
      absl::StrAppend(&out, ",\"proof\":", QuoteJson(graph.steps()[*keeps.proof].label));
    out += "}";
  }
  absl::StrAppend(&out, "\n]", other, "\n}\n");
  return out;
}

}  // namespace kplan
