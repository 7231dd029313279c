// A plan, and why a step is in it, for programs.

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/show/plan_report.h"
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

const char* NotesName(Notes notes) {
  switch (notes) {
    case Notes::kKept:
      return "kept";
    case Notes::kLost:
      return "lost";
    case Notes::kElsewhere:
      return "elsewhere";
  }
  return "";
}

const std::string& HostOf(const Graph& graph, const Step& step) { return graph.shards()[step.shard].name; }

}  // namespace

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
                  ",\"unknown\":", report.unknown, ",\"fresh\":", report.fresh, "},\n\"notes\":\"",
                  NotesName(report.state), "\",\n\"steps\":[");
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
                    ",\"unseen\":", it.unseen ? "true" : "false", ",\"needs\":[",
                    absl::StrJoin(it.needs, ",",
                                  [](std::string* text, const std::string& key) { *text += QuoteJson(key); }),
                    "]", ",\"why\":", ChainJson(graph, planned.why, file), "}");
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
