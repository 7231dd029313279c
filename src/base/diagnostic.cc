#include "src/base/diagnostic.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/base/yaml_scalar.h"

namespace kplan {
namespace {

constexpr char kRed[] = "\033[1;31m", kYellow[] = "\033[1;33m", kBold[] = "\033[1m", kDim[] = "\033[2m",
               kReset[] = "\033[0m";

// Lines longer than this are shown in part, around the place that matters.
constexpr size_t kMaxLine = 120;

size_t CodePoints(absl::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

bool Continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// "  12 |   host: x" and the underline below it.
void AppendExcerpt(const Diagnostics& diagnostics, Range range, const char* color, std::string* out) {
  const SourceFile& source = diagnostics.source();
  const char* reset = *color != '\0' ? kReset : "";
  SourceFile::Position position = source.PositionOf(range.begin);
  const std::string calm_line = diagnostics.ShownLine(position.line);
  absl::string_view line = calm_line;
  size_t begin = std::min<size_t>(range.begin - source.LineStart(position.line), line.size());
  size_t end = std::min<size_t>(range.end - source.LineStart(position.line), line.size());
  size_t from = 0, to = line.size();
  if (line.size() > kMaxLine) {
    from = begin > kMaxLine / 3 ? begin - kMaxLine / 3 : 0;
    while (from > 0 && Continuation(line[from])) --from;
    to = std::min(line.size(), from + kMaxLine);
    while (to > from && to < line.size() && Continuation(line[to])) --to;
  }
  end = std::min(end, to);
  std::string shown =
      absl::StrCat(from > 0 ? "…" : "", line.substr(from, to - from), to < line.size() ? "…" : "");
  // A tab, a control character or a change of the writing direction would put the underline in the wrong
  // place, or the terminal in a wrong state.
  std::string calm;
  for (absl::string_view rest = shown; !rest.empty();) {
    size_t disruptive = DisruptiveLength(rest);
    calm += disruptive == 0 ? rest[0] : ' ';
    rest.remove_prefix(std::max<size_t>(1, disruptive));
  }
  shown = std::move(calm);
  for (size_t bad; (bad = FindInvalidUtf8(shown)) != std::string::npos;) shown[bad] = '?';
  size_t indent = CodePoints(line.substr(from, begin - from)) + (from > 0 ? 1 : 0);
  size_t width = std::max<size_t>(1, end > begin ? CodePoints(line.substr(begin, end - begin)) : 1);
  absl::StrAppendFormat(out, "%5d | %s\n", position.line, shown);
  absl::StrAppend(out, "      | ", std::string(indent, ' '), color, "^", std::string(width - 1, '~'), reset,
                  "\n");
}

// Of a status: Remedy::instead.
constexpr char kInstead[] = "kplan.dev/instead";

}  // namespace

Remedy Write(absl::string_view value, absl::string_view and_also) {
  return {absl::StrCat("write ", value, and_also), value};
}

Remedy MeantOr(absl::string_view word, const std::vector<absl::string_view>& candidates, Remedy otherwise) {
  const absl::string_view nearest = Nearest(word, candidates);
  if (nearest.empty()) return otherwise;
  return {DidYouMean(word, candidates), nearest};
}

absl::Status Refusal(absl::string_view reason, const Remedy& remedy) {
  absl::Status status =
      absl::InvalidArgumentError(absl::StrCat(reason, remedy.words.empty() ? "" : "\n", remedy.words));
  if (remedy.instead) status.SetPayload(kInstead, absl::Cord(*remedy.instead));
  return status;
}

std::string ReasonOf(const absl::Status& refusal) {
  const absl::string_view message = refusal.message();
  return std::string(message.substr(0, message.find('\n')));
}

Remedy RemedyOf(const absl::Status& refusal) {
  const absl::string_view message = refusal.message();
  const size_t end = message.find('\n');
  Remedy remedy(end == absl::string_view::npos ? "" : message.substr(end + 1));
  if (absl::optional<absl::Cord> instead = refusal.GetPayload(kInstead))
    remedy.instead = std::string(*instead);
  return remedy;
}

Diagnostic& Diagnostics::Add(Diagnostic::Severity severity, Code code, Range range, std::string message,
                             Remedy help) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.code = code;
  diagnostic.range = range;
  diagnostic.message = std::move(message);
  diagnostic.help = std::move(help.words);
  if (help.instead && range.known()) diagnostic.fix = Fix{range, YamlScalar(*help.instead)};
  all_.push_back(std::move(diagnostic));
  if (severity == Diagnostic::Severity::kError) ++errors_;
  return all_.back();
}

Diagnostic& Diagnostics::Error(Code code, Range range, std::string message, Remedy help) {
  return Add(Diagnostic::Severity::kError, code, range, std::move(message), std::move(help));
}

Diagnostic& Diagnostics::Warning(Code code, Range range, std::string message, Remedy help) {
  return Add(Diagnostic::Severity::kWarning, code, range, std::move(message), std::move(help));
}

bool Diagnostics::Hides(Range place) const {
  return std::any_of(hidden_.begin(), hidden_.end(), [place](const Range& hidden) {
    return hidden.begin < place.end && place.begin < hidden.end;
  });
}

std::string Diagnostics::ShownLine(int line) const {
  std::string text(source_->Line(line));
  const size_t start = source_->LineStart(line);
  for (const Range& hidden : hidden_) {
    if (hidden.end <= start) continue;
    const size_t end = std::min<size_t>(hidden.end - start, text.size());
    for (size_t i = std::max<size_t>(hidden.begin, start) - start; i < end; ++i) text[i] = '*';
  }
  return text;
}

std::string Diagnostics::Format(bool color, size_t max_shown) const {
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& diagnostic : all_) sorted.push_back(&diagnostic);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Diagnostic* a, const Diagnostic* b) { return a->range.begin < b->range.begin; });
  std::string out;
  const char* bold = color ? kBold : "";
  const char* reset = color ? kReset : "";
  size_t shown = 0;
  for (const Diagnostic* d : sorted) {
    if (shown++ == max_shown) {
      absl::StrAppend(&out, source_->path(), ": and ", sorted.size() - max_shown, " more\n");
      break;
    }
    bool error = d->severity == Diagnostic::Severity::kError;
    const char* tone = color ? (error ? kRed : kYellow) : "";
    absl::StrAppend(&out, bold, source_->path(), ":");
    if (d->range.known()) {
      SourceFile::Position position = source_->PositionOf(d->range.begin);
      absl::StrAppend(&out, position.line, ":", position.column, ":");
    }
    absl::StrAppend(&out, reset, " ", tone, error ? "error: " : "warning: ", reset, bold, d->message, reset);
    absl::StrAppend(&out, " ", color ? kDim : "", "[", Slug(d->code), "]", reset, "\n");
    if (d->range.known()) AppendExcerpt(*this, d->range, tone, &out);
    if (d->other.known()) {
      SourceFile::Position position = source_->PositionOf(d->other.begin);
      absl::StrAppend(&out, "   ", source_->path(), ":", position.line, ":", position.column, ": ",
                      d->other_message, "\n");
      AppendExcerpt(*this, d->other, "", &out);
    }
    if (!d->help.empty()) {
      for (absl::string_view line : absl::StrSplit(d->help, '\n')) absl::StrAppend(&out, "   ", line, "\n");
    }
  }
  return out;
}

}  // namespace kplan
