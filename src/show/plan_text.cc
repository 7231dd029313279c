// A plan, and why a step is in it, for people.

#include "src/show/plan_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/edited_words.h"
#include "src/base/text.h"
#include "src/show/plan_report.h"

namespace kplan {
namespace {

// How many parts are shown of a long list, or of a text that was written anew.
constexpr size_t kMostParts = 12;

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
    case RootCause::Kind::kAsked:
      lines.push_back(absl::StrCat(root.path.empty() ? file : root.path, " asks for it",
                                   root.line == 0 ? "" : absl::StrCat(" (", file, ":", root.line, ")")));
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
  // As many came as went: each took the place of one.
  const bool replaced = edit.added.size() == edit.removed.size();
  for (size_t i = 0; i < edit.added.size(); ++i) {
    const std::string& value = edit.added[i];
    parts.push_back(absl::StrCat("+ ", replaced ? ShowEditedWords(edit.removed[i], value).to : Brief(value)));
  }
  for (size_t i = 0; i < edit.removed.size(); ++i) {
    const std::string& value = edit.removed[i];
    parts.push_back(absl::StrCat("- ", replaced ? ShowEditedWords(value, edit.added[i]).from : Brief(value)));
  }
  if (parts.size() > kMostParts) {
    const std::string more = absl::StrCat("and ", parts.size() - kMostParts, " more");
    parts.resize(kMostParts);
    parts.push_back(more);
  }
  if (!parts.empty()) return absl::StrCat(edit.path, ": ", absl::StrJoin(parts, ", "));
  if (edit.from.empty()) return absl::StrCat(edit.path, ": + ", Brief(edit.to));
  if (edit.to.empty()) return absl::StrCat(edit.path, ": - ", Brief(edit.from));
  if (edit.from[0] == '[' && edit.to[0] == '[') return absl::StrCat(edit.path, ": reordered");
  const EditedWords words = ShowEditedWords(edit.from, edit.to);
  return absl::StrCat(edit.path, ": ", words.from, " -> ", words.to);
}

std::string PlanSummary(const PlanReport& report) {
  std::vector<std::string> parts;
  auto add = [&parts](size_t n, absl::string_view what) {
    if (n > 0) parts.push_back(absl::StrCat(n, " ", what));
  };
  // Where every step is one to look at, what matters is whether any of them changes something.
  const bool notes = report.state == Notes::kKept;
  if (!notes || report.compared) parts.push_back(Count(report.to_run, "change"));
  if (notes && !report.compared) add(report.to_run, "to run");
  if (notes) add(report.to_check, "to check");
  add(report.failing, "would fail");
  add(report.waiting, report.waiting == 1 ? "waits" : "wait");
  add(report.starts, report.starts == 1 ? "start" : "starts");
  add(report.reloads, report.reloads == 1 ? "reload" : "reloads");
  add(report.restarts, report.restarts == 1 ? "restart" : "restarts");
  if (!notes) add(report.to_check + report.unknown, "to look at");
  if (notes) add(report.unknown, "not known");
  if (report.compared) {
    add(report.gone, report.gone == 1 ? "goes" : "go");
    add(report.fresh, "the same");
  } else if (notes || report.fresh > 0) {
    parts.push_back(absl::StrCat(report.fresh, " up to date"));
  }
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

namespace {

size_t WidthOf(const PlanView& view) {
  size_t width = 0;
  for (const PlanSection& section : view.sections) {
    for (const PlanLine& line : section.lines) {
      width = std::max(width, line.label.size());
      for (const PlanLine& part : line.parts) width = std::max(width, part.label.size() + 2);
    }
  }
  return width;
}

void AppendLine(const PlanLine& line, size_t width, size_t indent, std::string* out) {
  absl::StrAppend(out, std::string(indent, ' '), std::string(1, line.sign), " ", line.label,
                  std::string(width - line.label.size() + 2, ' '), line.what, "\n");
  for (const PlanLine& part : line.parts) AppendLine(part, width - 2, indent + 2, out);
  for (const std::string& because : line.because)
    absl::StrAppend(out, std::string(indent, ' '), "    because ", because, "\n");
}

}  // namespace

std::string PlanText(const PlanView& view) {
  std::string out;
  if (!view.edits.empty()) absl::StrAppend(&out, "edited\n");
  for (const std::string& edit : view.edits) absl::StrAppend(&out, "  ", edit, "\n");
  if (!view.gone.empty()) absl::StrAppend(&out, view.gone_title, "\n");
  for (const std::string& label : view.gone) absl::StrAppend(&out, "  - ", label, "\n");
  const size_t width = WidthOf(view);
  for (const PlanSection& section : view.sections) {
    absl::StrAppend(&out, section.title, "\n");
    for (const PlanLine& line : section.lines) AppendLine(line, width, 2, &out);
  }
  for (const std::string& note : view.notes) absl::StrAppend(&out, note, "\n");
  if (!view.legend.empty()) absl::StrAppend(&out, "(", view.legend, ")\n");
  absl::StrAppend(&out, view.summary, "\n");
  return out;
}

std::string PlanText(const Graph& graph, const Forecast& forecast, const PlanReport& report,
                     const std::string& file) {
  return PlanText(MakePlanView(graph, forecast, report, file));
}

}  // namespace kplan
