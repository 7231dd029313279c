#ifndef KPLAN_SPEC_YAML_CURSOR_H_
#define KPLAN_SPEC_YAML_CURSOR_H_

// A place in a YAML text, and what can be said of it without knowing where in the document it is: the
// character classes and the white space of YAML 1.2.2, chapters 5 and 6. The text is well-formed UTF-8; line
// ends are LF or CRLF.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"

namespace kplan {

inline bool IsYamlBlank(char c) { return c == ' ' || c == '\t'; }
inline bool IsYamlBreak(char c) { return c == '\n' || c == '\r'; }
inline bool IsYamlFlowIndicator(char c) { return c == ',' || c == '[' || c == ']' || c == '{' || c == '}'; }

class YamlCursor {
 public:
  explicit YamlCursor(Diagnostics* diagnostics)
      : text_(diagnostics->source().text()), diagnostics_(diagnostics) {}

  absl::string_view text() const { return text_; }
  size_t pos() const { return pos_; }
  size_t line_start() const { return line_start_; }
  bool AtEnd() const { return pos_ >= text_.size(); }

  // The character at PLACE, or AHEAD of here; '\0' behind the end. No text that is read has a NUL.
  char At(size_t place) const { return place < text_.size() ? text_[place] : '\0'; }
  char Peek(size_t ahead = 0) const { return At(pos_ + ahead); }

  // Nothing stands at PLACE that a word could go on with.
  bool IsGapAt(size_t place) const {
    char c = At(place);
    return IsYamlBlank(c) || IsYamlBreak(c) || place >= text_.size();
  }
  bool IsBreakOrEndAt(size_t place) const { return place >= text_.size() || IsYamlBreak(text_[place]); }
  // An indicator of block style ("- ", "? ", ": ") is here.
  bool AtIndicator(char indicator) const { return Peek() == indicator && IsGapAt(pos_ + 1); }
  // A line of "---" or "..." begins at PLACE, which is the beginning of a line.
  bool IsMarkerAt(size_t place) const;
  bool AtMarker() const { return pos_ == line_start_ && IsMarkerAt(pos_); }

  // How many spaces the line of here begins with, and in which column (from 0, in bytes) here is. They differ
  // when something else stands before, be it a tab.
  int Indent() const;
  int Column() const { return static_cast<int>(pos_ - line_start_); }

  // Behind the line end at PLACE.
  size_t AfterBreak(size_t place) const {
    return place + (At(place) == '\r' && At(place + 1) == '\n' ? 2 : 1);
  }
  size_t SkipBlanks(size_t place) const;
  size_t LineEnd(size_t place) const;  // of the line of PLACE, without the line end

  void Advance(size_t count) { pos_ += count; }
  void MoveTo(size_t place) { pos_ = place; }  // in this line
  // To PLACE in a line that begins at LINE.
  void MoveTo(size_t place, size_t line) {
    pos_ = place;
    line_start_ = line;
  }

  // Goes over white space, comments and line ends.
  struct Gap {
    bool line = false;  // a line ended
    bool tab = false;   // a tab is in it, of this line
  };
  Gap SkipGap();

  Range Here(size_t length = 1) const { return RangeAt(pos_, length); }
  Range RangeAt(size_t begin, size_t length = 1) const;
  Range Between(size_t begin, size_t end) const { return RangeAt(begin, end - begin); }

  // An error of the text as YAML; ends the parse.
  [[noreturn]] void Fail(Range range, absl::string_view what, std::string help) const;
  // The same with the other place involved.
  [[noreturn]] void Fail(Range range, absl::string_view what, std::string help, Range other,
                         std::string other_is) const;
  Diagnostics* diagnostics() const { return diagnostics_; }

 private:
  absl::string_view text_;
  Diagnostics* diagnostics_;
  size_t pos_ = 0, line_start_ = 0;
};

}  // namespace kplan

#endif  // KPLAN_SPEC_YAML_CURSOR_H_
