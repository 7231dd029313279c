#include "src/spec/yaml_scalars.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// Line ends in a flow scalar: one is a space, each further one a line end.
void Fold(size_t breaks, std::string* value) {
  if (breaks == 1) {
    *value += ' ';
  } else {
    value->append(breaks - 1, '\n');
  }
}

// From the line end at FROM to the next line that has something: where it begins, its first character that is
// no blank, and how many line ends lie between.
struct NextLine {
  size_t line, text, breaks;
  int indent;  // in spaces
};
NextLine FindNextLine(const YamlCursor& cursor, size_t from) {
  NextLine next{from, from, 0, 0};
  do {
    next.line = cursor.AfterBreak(next.text);
    ++next.breaks;
    next.text = next.line;
    while (cursor.At(next.text) == ' ') ++next.text;
    next.indent = static_cast<int>(next.text - next.line);
    next.text = cursor.SkipBlanks(next.text);
  } while (next.text < cursor.text().size() && IsYamlBreak(cursor.At(next.text)));
  return next;
}

void AppendUtf8(uint32_t point, std::string* out) {
  if (point < 0x80) {
    *out += static_cast<char>(point);
    return;
  }
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  static constexpr unsigned char kLead[] = {0, 0xC0, 0xE0, 0xF0};
  *out += static_cast<char>(kLead[more] | point >> (6 * more));
  for (int i = more - 1; i >= 0; --i) *out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
}

constexpr char kEscapeHelp[] =
    "write \\\\ for a backslash, or put the text in single quotes, which have no escapes";

// The COUNT hexadecimal digits at PLACE, which are those of an escape that begins at ESCAPE.
uint32_t ReadHexadecimal(const YamlCursor& cursor, size_t escape, size_t place, int count) {
  uint32_t number = 0;
  for (int i = 0; i < count; ++i) {
    char c = cursor.At(place + i);
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      cursor.Fail(cursor.Between(escape, place + i),
                  absl::StrCat("\\", cursor.text().substr(escape + 1, 1), " is followed by ", count,
                               " hexadecimal digits"),
                  kEscapeHelp);
    }
    number = number * 16 +
             static_cast<uint32_t>(c <= '9' ? c - '0'
                                            : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10);
  }
  return number;
}

// Appends what the escape here stands for, and goes behind it. A line end is not among them.
void ReadEscape(YamlCursor& cursor, std::string* value) {
  struct Named {
    char letter;
    uint32_t point;
  };
  static constexpr Named kNamed[] = {
      {'0', 0},   {'a', 7},     {'b', 8},    {'t', '\t'}, {'\t', '\t'},  {'n', '\n'},
      {'v', 11},  {'f', 12},    {'r', '\r'}, {'e', 0x1B}, {' ', ' '},    {'"', '"'},
      {'/', '/'}, {'\\', '\\'}, {'N', 0x85}, {'_', 0xA0}, {'L', 0x2028}, {'P', 0x2029},
  };
  const size_t begin = cursor.pos();
  const char letter = cursor.Peek(1);
  for (const Named& named : kNamed) {
    if (named.letter != letter) continue;
    AppendUtf8(named.point, value);
    cursor.Advance(2);
    return;
  }
  const int digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  if (digits == 0) {
    size_t length = 2;
    while ((static_cast<unsigned char>(cursor.Peek(length)) & 0xC0) == 0x80) ++length;  // a whole character
    cursor.Fail(cursor.Here(length),
                absl::StrCat("there is no escape ", Quote(cursor.text().substr(begin, length))), kEscapeHelp);
  }
  uint32_t point = ReadHexadecimal(cursor, begin, begin + 2, digits);
  cursor.Advance(2 + digits);
  const bool high = point >= 0xD800 && point < 0xDC00;
  if (high && letter == 'u' && cursor.Peek() == '\\' && cursor.Peek(1) == 'u') {
    // JSON writes what lies above U+FFFF as two halves of UTF-16.
    uint32_t low = ReadHexadecimal(cursor, cursor.pos(), cursor.pos() + 2, 4);
    if (low >= 0xDC00 && low < 0xE000) {
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
      cursor.Advance(6);
    }
  }
  if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
    cursor.Fail(
        cursor.Between(begin, cursor.pos()),
        absl::StrCat(cursor.text().substr(begin, cursor.pos() - begin), " is no character of Unicode"),
        "write the character itself, or the number of one");
  }
  AppendUtf8(point, value);
}

// A quoted scalar goes on at NEXT only if that line belongs to it.
void CheckQuotedLine(const YamlCursor& cursor, size_t begin, int parent, const NextLine& next) {
  const Range quote = cursor.RangeAt(begin);
  if (next.text >= cursor.text().size()) {
    cursor.Fail(quote, "this quote is not closed", "close it behind the text that it is to hold");
  }
  if (next.indent > parent && !cursor.IsMarkerAt(next.line)) return;
  cursor.Fail(quote, "this quote is not closed where its value ends",
              "close it behind the text that it is to hold; what goes on in the next line is indented deeper "
              "than its key",
              cursor.RangeAt(next.text), "the value ends before this");
}

// Block scalars.

struct BlockHeader {
  bool folded = false;
  char chomp = ' ';  // '-', '+', or neither
  int indent = 0;    // as written; 0: it is that of the first line
};

BlockHeader ReadBlockHeader(YamlCursor& cursor) {
  BlockHeader header;
  header.folded = cursor.Peek() == '>';
  cursor.Advance(1);
  for (int i = 0; i < 2; ++i) {
    char c = cursor.Peek();
    if ((c == '+' || c == '-') && header.chomp == ' ') {
      header.chomp = c;
    } else if (c >= '1' && c <= '9' && header.indent == 0) {
      header.indent = c - '0';
    } else {
      break;
    }
    cursor.Advance(1);
  }
  size_t end = cursor.SkipBlanks(cursor.pos());
  if (cursor.At(end) == '#' && end > cursor.pos()) end = cursor.LineEnd(end);
  if (!cursor.IsBreakOrEndAt(end)) {
    cursor.Fail(
        cursor.Between(end, cursor.LineEnd(end)),
        absl::StrCat("behind \"", header.folded ? ">" : "|",
                     "\" there is nothing but a number from 1 to 9, + or -"),
        "the text begins in the next line; for a text that begins with that character, put it in quotes");
  }
  cursor.MoveTo(end);
  return header;
}

// How far the text of a block scalar is indented whose header does not say it: as its first line that has
// something. The lines before may not be deeper.
int DetectIndent(const YamlCursor& cursor, size_t first_line, int parent) {
  int deepest = 0;
  size_t deepest_line = first_line;
  for (size_t line = first_line;;) {
    size_t text = line;
    while (cursor.At(text) == ' ') ++text;
    const int indent = static_cast<int>(text - line);
    if (text >= cursor.text().size()) return std::max({deepest, indent, parent + 1});
    if (!IsYamlBreak(cursor.At(text))) {
      if (indent <= parent) return std::max(deepest, parent + 1);  // it has no text
      if (deepest > indent) {
        cursor.Fail(cursor.Between(deepest_line, deepest_line + deepest),
                    "this empty line has more spaces than the first line of the text", "remove the spaces");
      }
      return indent;
    }
    if (indent > deepest) {
      deepest = indent;
      deepest_line = line;
    }
    line = cursor.AfterBreak(text);
  }
}

// The lines of a block scalar, put together.
class BlockText {
 public:
  explicit BlockText(const BlockHeader& header) : header_(header) {}

  void AddEmptyLine() { ++breaks_; }
  void AddLine(absl::string_view line) {
    const bool deeper = IsYamlBlank(line[0]);
    if (!header_.folded || deeper || deeper_ || value_.empty()) {
      value_.append(breaks_, '\n');
    } else {
      Fold(breaks_, &value_);
    }
    value_.append(line.data(), line.size());
    deeper_ = deeper;
    breaks_ = 1;
    any_ = true;
  }
  std::string Take() {
    size_t keep = header_.chomp == '+'            ? breaks_
                  : header_.chomp == '-' || !any_ ? 0
                                                  : std::min<size_t>(breaks_, 1);
    value_.append(keep, '\n');
    return std::move(value_);
  }

 private:
  const BlockHeader header_;
  std::string value_;
  size_t breaks_ = 0;  // line ends behind what value_ has
  bool deeper_ = false, any_ = false;
};

}  // namespace

size_t PlainLineEnd(const YamlCursor& cursor, size_t place, bool flow) {
  const absl::string_view text = cursor.text();
  size_t end = place;
  for (; place < text.size(); ++place) {
    const char c = text[place];
    if (IsYamlBlank(c)) continue;
    if (IsYamlBreak(c) || (flow && IsYamlFlowIndicator(c))) break;
    if (c == '#' && place > 0 && IsYamlBlank(text[place - 1])) break;
    if (c == ':' && (cursor.IsGapAt(place + 1) || (flow && IsYamlFlowIndicator(cursor.At(place + 1))))) break;
    end = place + 1;
  }
  return end;
}

bool PlainMayBegin(const YamlCursor& cursor, bool flow) {
  const char c = cursor.Peek();
  if (c == '-' || c == '?' || c == ':') {
    return !cursor.IsGapAt(cursor.pos() + 1) && !(flow && IsYamlFlowIndicator(cursor.Peek(1)));
  }
  return absl::string_view(",[]{}#&*!|>'\"%@`").find(c) == absl::string_view::npos;
}

YamlScalarText ReadPlain(YamlCursor& cursor, int parent, bool flow) {
  YamlScalarText scalar;
  const size_t begin = cursor.pos();
  size_t end = PlainLineEnd(cursor, begin, flow);
  scalar.value = std::string(cursor.text().substr(begin, end - begin));
  cursor.MoveTo(end);
  for (;;) {
    size_t line_end = cursor.SkipBlanks(end);
    if (line_end >= cursor.text().size() || !IsYamlBreak(cursor.At(line_end))) break;
    NextLine next = FindNextLine(cursor, line_end);
    if (next.text >= cursor.text().size() || next.indent <= parent || cursor.IsMarkerAt(next.line)) break;
    if (cursor.At(next.text) == '#') break;
    size_t next_end = PlainLineEnd(cursor, next.text, flow);
    if (next_end == next.text) break;
    Fold(next.breaks, &scalar.value);
    scalar.value.append(cursor.text().data() + next.text, next_end - next.text);
    scalar.one_line = false;
    end = next_end;
    cursor.MoveTo(end, next.line);
  }
  scalar.range = cursor.Between(begin, end);
  return scalar;
}

YamlScalarText ReadQuoted(YamlCursor& cursor, int parent) {
  YamlScalarText scalar;
  const size_t begin = cursor.pos();
  const char quote = cursor.Peek();
  scalar.style = quote == '"' ? YamlStyle::kDoubleQuoted : YamlStyle::kSingleQuoted;
  std::string& value = scalar.value;
  size_t keep = 0;  // blanks at the end of a line go, but not those before this: an escape wrote them
  cursor.Advance(1);
  for (;;) {
    const char c = cursor.Peek();
    if (cursor.AtEnd()) CheckQuotedLine(cursor, begin, parent, {0, cursor.pos(), 0, 0});
    if (c == quote) {
      if (quote == '"' || cursor.Peek(1) != '\'') break;
      value += '\'';
      cursor.Advance(2);
    } else if (quote == '"' && c == '\\' && IsYamlBreak(cursor.Peek(1))) {
      NextLine next = FindNextLine(cursor, cursor.pos() + 1);
      CheckQuotedLine(cursor, begin, parent, next);
      value.append(next.breaks - 1, '\n');
      keep = value.size();
      scalar.one_line = false;
      cursor.MoveTo(next.text, next.line);
    } else if (quote == '"' && c == '\\') {
      ReadEscape(cursor, &value);
      keep = value.size();
    } else if (IsYamlBreak(c)) {
      while (value.size() > keep && IsYamlBlank(value.back())) value.pop_back();
      NextLine next = FindNextLine(cursor, cursor.pos());
      CheckQuotedLine(cursor, begin, parent, next);
      Fold(next.breaks, &value);
      keep = value.size();
      scalar.one_line = false;
      cursor.MoveTo(next.text, next.line);
    } else {
      value += c;
      cursor.Advance(1);
    }
  }
  cursor.Advance(1);
  scalar.range = cursor.Between(begin, cursor.pos());
  return scalar;
}

YamlScalarText ReadBlockScalar(YamlCursor& cursor, int parent) {
  YamlScalarText scalar;
  const size_t begin = cursor.pos();
  const BlockHeader header = ReadBlockHeader(cursor);
  scalar.style = header.folded ? YamlStyle::kFolded : YamlStyle::kLiteral;
  scalar.range = cursor.Between(begin, cursor.pos());
  scalar.one_line = false;
  if (cursor.AtEnd()) return scalar;
  size_t line = cursor.AfterBreak(cursor.pos());
  const size_t indent = static_cast<size_t>(header.indent > 0 ? std::max(parent, 0) + header.indent
                                                              : DetectIndent(cursor, line, parent));
  BlockText text(header);
  const size_t size = cursor.text().size();
  while (line < size) {
    size_t begins = line;
    while (begins < line + indent && cursor.At(begins) == ' ') ++begins;
    const size_t end = cursor.LineEnd(begins);
    if (begins == end) {
      text.AddEmptyLine();
    } else if (begins < line + indent || cursor.IsMarkerAt(line)) {
      if (cursor.IsBreakOrEndAt(cursor.SkipBlanks(begins))) {
        cursor.Fail(cursor.RangeAt(begins), "a tab stands in an empty line of this text", "remove the tab");
      }
      break;
    } else {
      text.AddLine(cursor.text().substr(begins, end - begins));
    }
    // The end of the text ends a line, too.
    line = end < size ? cursor.AfterBreak(end) : size;
  }
  cursor.MoveTo(line, line);
  scalar.value = text.Take();
  return scalar;
}

}  // namespace kplan
