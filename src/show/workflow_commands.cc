#include "src/show/workflow_commands.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "src/base/error_codes.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// How many lines of a plan one annotation has.
constexpr size_t kMostLines = 20;

std::string Data(absl::string_view text) {
  return absl::StrReplaceAll(ShownLines(text), {{"%", "%25"}, {"\r", "%0D"}, {"\n", "%0A"}});
}

std::string Property(absl::string_view text) {
  return absl::StrReplaceAll(Data(text), {{":", "%3A"}, {",", "%2C"}});
}

const char* NameOf(Weight weight) {
  switch (weight) {
    case Weight::kError:
      return "error";
    case Weight::kWarning:
      return "warning";
    case Weight::kNote:
      break;
  }
  return "notice";
}

// Writes so many of each weight, and counts the others.
class Writer {
 public:
  void Write(const Annotation& annotation) {
    size_t& written = written_[static_cast<int>(annotation.weight)];
    if (written == kMostAnnotations) {
      ++left_out_;
      return;
    }
    ++written;
    out_ += WorkflowCommand(annotation);
  }
  // Says LAST, and how many there was no room for.
  std::string End(Annotation last) && {
    if (left_out_ > 0) absl::StrAppend(&last.message, "; ", Count(left_out_, "annotation"), " more");
    if (!last.message.empty()) out_ += WorkflowCommand(last);
    return std::move(out_);
  }

 private:
  std::map<int, size_t> written_;
  std::string out_;
  size_t left_out_ = 0;
};

std::string TextOf(const PlanLine& line, const PlanSection& section) {
  std::string text = absl::StrCat(line.label, section.alike() ? absl::StrCat(" (", section.title, ")") : "",
                                  ": ", line.what);
  for (const PlanLine& part : line.parts) absl::StrAppend(&text, "\n  ", part.label, ": ", part.what);
  for (const std::string& key : line.needs)
    absl::StrAppend(&text, "\n  needs the private key ", key, ", which is not here");
  return text;
}

}  // namespace

std::string WorkflowCommand(const Annotation& annotation) {
  std::string properties;
  auto add = [&properties](absl::string_view name, absl::string_view value) {
    absl::StrAppend(&properties, properties.empty() ? " " : ",", name, "=", value);
  };
  if (!annotation.file.empty()) {
    add("file", Property(annotation.file));
    if (annotation.line > 0) add("line", absl::StrCat(annotation.line));
    if (annotation.end_line > 0) add("endLine", absl::StrCat(annotation.end_line));
    if (annotation.column > 0) add("col", absl::StrCat(annotation.column));
    if (annotation.end_column > 0) add("endColumn", absl::StrCat(annotation.end_column));
  }
  if (!annotation.title.empty()) add("title", Property(annotation.title));
  return absl::StrCat("::", NameOf(annotation.weight), properties, "::", Data(annotation.message), "\n");
}

std::string PlanWorkflowCommands(const PlanView& view, absl::string_view title) {
  // By weight, the heaviest first, and place.
  struct Place {
    Annotation annotation;
    size_t lines = 0, left_out = 0;
  };
  std::map<std::pair<int, int>, Place> places;
  for (const PlanSection& section : view.sections) {
    for (const PlanLine& line : section.lines) {
      if (line.sign == '?' || line.sign == '=') continue;
      const Weight weight = WeightOf(line);
      Place& place = places[{-static_cast<int>(weight), line.line}];
      Annotation& annotation = place.annotation;
      annotation.weight = weight;
      annotation.file = view.file;
      annotation.line = line.line;
      // Of several steps of one line: the line.
      annotation.column = place.lines == 0 ? line.column : annotation.column == line.column ? line.column : 0;
      annotation.title = std::string(title);
      if (place.lines == kMostLines) {
        ++place.left_out;
        continue;
      }
      absl::StrAppend(&annotation.message, place.lines == 0 ? "" : "\n", TextOf(line, section));
      ++place.lines;
    }
  }
  Writer writer;
  for (auto& [key, place] : places) {
    if (place.left_out > 0) absl::StrAppend(&place.annotation.message, "\nand ", place.left_out, " more");
    writer.Write(place.annotation);
  }
  if (!view.gone.empty()) {
    Annotation gone;
    gone.file = view.file;
    gone.title = std::string(title);
    gone.message = view.gone_title;
    for (size_t i = 0; i < view.gone.size() && i < kMostLines; ++i)
      absl::StrAppend(&gone.message, "\n", view.gone[i]);
    if (view.gone.size() > kMostLines)
      absl::StrAppend(&gone.message, "\nand ", view.gone.size() - kMostLines, " more");
    writer.Write(gone);
  }
  Annotation last;
  last.title = std::string(title);
  last.message = view.summary;
  return std::move(writer).End(std::move(last));
}

std::string CheckWorkflowCommands(const Diagnostics& diagnostics, const std::string& file) {
  std::vector<const Diagnostic*> all;
  for (const Diagnostic& diagnostic : diagnostics.all()) all.push_back(&diagnostic);
  std::stable_sort(all.begin(), all.end(),
                   [](const Diagnostic* a, const Diagnostic* b) { return a->range.begin < b->range.begin; });
  Writer writer;
  for (const Diagnostic* diagnostic : all) {
    Annotation annotation;
    const bool error = diagnostic->severity == Diagnostic::Severity::kError;
    annotation.weight = error ? Weight::kError : Weight::kWarning;
    annotation.file = file;
    if (diagnostic->range.known()) {
      const SourceFile::Position begin = diagnostics.source().PositionOf(diagnostic->range.begin);
      const SourceFile::Position end = diagnostics.source().PositionOf(diagnostic->range.end);
      annotation.line = begin.line;
      annotation.column = begin.column;
      // Columns are of one line only.
      annotation.end_line = end.line;
      if (end.line == begin.line) annotation.end_column = end.column;
      if (end.line != begin.line) annotation.column = 0;
    }
    annotation.title = absl::StrCat("kplan: ", Slug(diagnostic->code));
    annotation.message =
        absl::StrCat(diagnostic->message, diagnostic->help.empty() ? "" : "\n", diagnostic->help);
    if (diagnostic->other.known()) {
      absl::StrAppend(&annotation.message, "\nline ",
                      diagnostics.source().PositionOf(diagnostic->other.begin).line, ": ",
                      diagnostic->other_message);
    }
    writer.Write(annotation);
  }
  return std::move(writer).End({});
}

}  // namespace kplan
