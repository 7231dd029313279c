#include "src/show/plan_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/show/plan_report.h"

namespace kplan {
namespace {

// "3 restarts, one after another"; "3 starts"
std::string CountsText(const ServiceCounts& counts) {
  std::vector<std::string> parts;
  if (counts.starts > 0) parts.push_back(Count(counts.starts, "start"));
  if (counts.restarts > 0) parts.push_back(Count(counts.restarts, "restart"));
  if (counts.reloads > 0) parts.push_back(Count(counts.reloads, "reload"));
  if (counts.others > 0) parts.push_back(absl::StrCat(counts.others, " put right"));
  return absl::StrCat(absl::StrJoin(parts, ", "), counts.restarts > 1 ? ", one after another" : "");
}

// More is only in the run's own words, and in the JSON.
constexpr size_t kMostOfFailure = 1500;

// All of it, since what to do about it comes last; its lines in one.
std::string WholeFailure(const std::string& failure) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(failure, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty()) lines.push_back(Shown(line));
  }
  std::string text = absl::StrJoin(lines, "; ");
  return text.size() <= kMostOfFailure ? text : Brief(text);
}

// What a step would do, on one line. MADE: it was made before.
std::string WhatFor(const Step& step, const StepForecast& forecast, bool made) {
  if (forecast.fate == Fate::kFail) return absl::StrCat("would fail: ", WholeFailure(forecast.failure));
  std::string what = Brief(WhatChanges(forecast));
  if (forecast.fate == Fate::kWait) return absl::StrCat("waits: ", what);
  if (forecast.unseen) return "to look at";
  if (forecast.fate == Fate::kCheck && IsProof(step)) return made ? "proves it again" : "proves it";
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
  if (!made && what == "missing") what = "new";
  return forecast.note.empty() ? what : absl::StrCat(what, " (", Brief(forecast.note), ")");
}

char SignOf(const StepForecast& forecast) {
  switch (forecast.fate) {
    case Fate::kFail:
      return 'x';
    case Fate::kWait:
      return '.';
    case Fate::kCheck:
    case Fate::kUnknown:
      return '?';
    default:
      break;
  }
  if (forecast.restarts) return '!';
  if (forecast.reloads) return '^';
  const bool missing = !forecast.reasons.empty() && forecast.reasons[0].name == "missing";
  return missing || forecast.starts ? '+' : '~';
}

class Viewer {
 public:
  Viewer(const Graph& graph, const Forecast& forecast, const PlanReport& report, const std::string& file,
         const ViewOptions& options)
      : graph_(graph), forecast_(forecast), report_(report), file_(file), options_(options) {}

  PlanView Make() const {
    PlanView view;
    view.file = file_;
    std::vector<PlanSection> sections(graph_.shards().size());
    for (const PlannedStep& planned : report_.steps) {
      if (!options_.all && IsLeftOut(planned.step)) continue;
      sections[graph_.steps()[planned.step].shard].lines.push_back(LineOf(planned));
    }
    for (const KeepsRunning& keeps : report_.keeps_running)
      sections[keeps.shard].lines.push_back(LineOf(keeps));
    std::vector<std::string> order;
    for (size_t i = 0; i < sections.size(); ++i) {
      sections[i].title = graph_.shards()[i].name;
      sections[i].hosts = {sections[i].title};
      order.push_back(sections[i].title);
      if (!sections[i].lines.empty()) view.sections.push_back(std::move(sections[i]));
    }
    if (!options_.all) GroupAlike(order, &view);
    view.legend = LegendOf(view);
    view.summary = absl::StrCat(
        report_.empty() && report_.state != Notes::kElsewhere ? "nothing to do: " : "", PlanSummary(report_));
    view.notes = report_.notes;
    view.edits = report_.edits;
    return view;
  }

 private:
  // Where there are no notes every step is one to look at, which the summary says.
  bool IsLeftOut(StepId id) const {
    const StepForecast& step = forecast_.steps[id];
    return forecast_.notes != Notes::kKept && step.fate == Fate::kCheck && !step.causes.empty() &&
           step.causes[0].kind == Cause::Kind::kStamp;
  }

  PlanLine LineOf(const PlannedStep& planned) const {
    const Step& step = graph_.steps()[planned.step];
    const StepForecast& it = forecast_.steps[planned.step];
    PlanLine line;
    line.sign = SignOf(it);
    line.label = step.label;
    const bool missing = !it.reasons.empty() && it.reasons[0].name == "missing";
    const bool made = report_.compared ? !missing : forecast_.EntryOf(graph_, planned.step) != nullptr;
    line.what = WhatFor(step, it, made);
    line.needs = it.needs;
    for (const ServiceOutlook& service : it.services) {
      PlanLine part;
      part.sign = service.restarts ? '!' : service.reloads ? '^' : service.starts ? '+' : '=';
      part.label = LabelOf(service);
      part.host = service.host;
      part.what = kplan::WhatFor(service);
      line.parts.push_back(std::move(part));
    }
    // The next link only: the whole chain is what `why` is for.
    const Why& why = planned.why;
    if (why.links.size() > 1) {
      line.because.push_back(absl::StrCat("of ", graph_.steps()[why.links[1].step].label));
    } else if (why.root.kind != RootCause::Kind::kFirst &&
               (why.root.kind != RootCause::Kind::kStamp || forecast_.notes == Notes::kKept)) {
      line.because = RootLines(why.root, file_, /*last=*/false);
    }
    SetPlace(step, why.root, &line);
    return line;
  }

  PlanLine LineOf(const KeepsRunning& keeps) const {
    std::vector<std::string> labels;
    for (StepId id : keeps.rereads) labels.push_back(graph_.steps()[id].label);
    PlanLine line;
    line.sign = '=';
    line.label = keeps.label;
    line.what = absl::StrCat("keeps running: it reads ", JoinAnd(labels), " again by itself");
    if (keeps.proof.has_value())
      absl::StrAppend(&line.what, ", which ", graph_.steps()[*keeps.proof].label, " proves by a handshake");
    return line;
  }

  void SetPlace(const Step& step, const RootCause& root, PlanLine* line) const {
    if (!root.edits.empty()) {
      line->line = root.edits[0].line;
    } else if (options_.source != nullptr && step.made_for.known()) {
      const SourceFile::Position position = options_.source->PositionOf(step.made_for.begin);
      line->line = position.line;
      line->column = position.column;
    }
  }

  const Graph& graph_;
  const Forecast& forecast_;
  const PlanReport& report_;
  const std::string& file_;
  const ViewOptions& options_;
};

}  // namespace

const char* MeaningOf(char sign) {
  switch (sign) {
    case '+':
      return "new";
    case '~':
      return "changes";
    case '!':
      return "restarts";
    case '^':
      return "reloads";
    case '?':
      return "only checked";
    case '=':
      return "keeps running";
    case 'x':
      return "would fail";
    case '.':
      return "waits";
    default:
      return "";
  }
}

std::string LegendOf(const PlanView& view) {
  std::string signs;
  for (const PlanSection& section : view.sections) {
    for (const PlanLine& line : section.lines) {
      signs.push_back(line.sign);
      for (const PlanLine& part : line.parts) signs.push_back(part.sign);
    }
  }
  std::vector<std::string> words;
  for (char sign : {'x', '.', '!', '^', '+', '~', '=', '?'}) {
    if (signs.find(sign) == std::string::npos) continue;
    words.push_back(absl::StrCat(std::string(1, sign), " ", MeaningOf(sign)));
  }
  return absl::StrJoin(words, ", ");
}

Weight WeightOf(const PlanLine& line) {
  if (line.sign == 'x' || !line.needs.empty()) return Weight::kError;
  return line.sign == '!' || line.sign == '.' ? Weight::kWarning : Weight::kNote;
}

PlanView MakePlanView(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                      const std::string& file, const ViewOptions& options) {
  return Viewer(graph, forecast, report, file, options).Make();
}

}  // namespace kplan
