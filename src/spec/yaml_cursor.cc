#include "src/spec/yaml_cursor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/spec/yaml_events.h"

namespace kplan {

bool YamlCursor::IsMarkerAt(size_t place) const {
  absl::string_view word = text_.substr(std::min(place, text_.size()), 3);
  return (word == "---" || word == "...") && IsGapAt(place + 3);
}

int YamlCursor::Indent() const {
  size_t place = line_start_;
  while (At(place) == ' ') ++place;
  return static_cast<int>(place - line_start_);
}

size_t YamlCursor::SkipBlanks(size_t place) const {
  while (IsYamlBlank(At(place))) ++place;
  return place;
}

size_t YamlCursor::LineEnd(size_t place) const {
  while (!IsBreakOrEndAt(place)) ++place;
  return place;
}

YamlCursor::Gap YamlCursor::SkipGap() {
  Gap gap;
  for (;;) {
    for (; IsYamlBlank(Peek()); ++pos_) gap.tab = gap.tab || Peek() == '\t';
    if (Peek() == '#' && (pos_ == line_start_ || IsYamlBlank(text_[pos_ - 1]))) pos_ = LineEnd(pos_);
    if (AtEnd() || !IsYamlBreak(Peek())) return gap;
    size_t next = AfterBreak(pos_);
    MoveTo(next, next);
    gap = {true, false};
  }
}

Range YamlCursor::RangeAt(size_t begin, size_t length) const {
  // At the end of the text the last character is shown: what is missing is behind it.
  if (begin >= text_.size()) begin = text_.empty() ? 0 : text_.size() - 1;
  size_t end = std::min(begin + std::max<size_t>(length, 1), text_.size());
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

void YamlCursor::Fail(Range range, absl::string_view what, std::string help) const {
  Fail(range, what, std::move(help), Range(), "");
}

void YamlCursor::Fail(Range range, absl::string_view what, std::string help, Range other,
                      std::string other_is) const {
  const SourceFile& source = diagnostics_->source();
  if (absl::StrContains(source.Line(source.PositionOf(range.begin).line), "\xC2\xA0")) {
    absl::StrAppend(&help, help.empty() ? "" : "\n",
                    "a no-break space (U+00A0) is in this line; it looks like a space and is none: write a "
                    "space instead");
  }
  diagnostics_->Error(Code::kYaml, range, absl::StrCat("this is not YAML: ", what), std::move(help))
      .Relate(other, std::move(other_is));
  throw YamlStop();
}

}  // namespace kplan
