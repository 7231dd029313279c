#include "src/cli/markdown.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace kplan {
namespace {

using Lines = std::vector<absl::string_view>;

constexpr char kBold[] = "\033[1m", kReset[] = "\033[0m";

size_t Indentation(absl::string_view line) {
  size_t spaces = line.find_first_not_of(' ');
  return spaces == absl::string_view::npos ? line.size() : spaces;
}

bool IsBlank(absl::string_view line) { return Indentation(line) == line.size(); }

// 2 for "## x", 0 for what is no heading.
int HeadingLevel(absl::string_view line) {
  size_t level = std::min(line.find_first_not_of('#'), line.size());
  return level >= 1 && level <= 6 && level < line.size() && line[level] == ' ' ? static_cast<int>(level) : 0;
}

bool IsFence(absl::string_view line) { return absl::StartsWith(line, "```"); }
bool IsTableRow(absl::string_view line) { return absl::StartsWith(line, "|"); }

// The columns that a list item's text is indented by, 0 for a line that begins none.
size_t ItemIndent(absl::string_view line) {
  size_t at = Indentation(line);
  absl::string_view rest = line.substr(at);
  if (absl::StartsWith(rest, "- ") || absl::StartsWith(rest, "* ")) return at + 2;
  size_t digits = 0;
  while (digits < rest.size() && absl::ascii_isdigit(rest[digits])) ++digits;
  return digits > 0 && absl::StartsWith(rest.substr(digits), ". ") ? at + digits + 2 : 0;
}

// A word as it is printed, and the columns it takes.
struct Printed {
  std::string text;
  size_t width = 0;
};

// Splits a paragraph into the words to print.
class Inline {
 public:
  explicit Inline(bool terminal) : terminal_(terminal) {}

  std::vector<Printed> Words(absl::string_view text) {
    Add(text);
    EndWord();
    return std::move(words_);
  }

 private:
  void Add(absl::string_view text) {
    while (!text.empty()) {
      if (text[0] == '`') {
        code_ = !code_;
        if (!terminal_) Put('`');
        text.remove_prefix(1);
      } else if (!code_ && absl::ConsumePrefix(&text, "**")) {
        bold_ = !bold_;
      } else if (size_t length = code_ ? 0 : LinkLength(text); length > 0) {
        Add(text.substr(1, text.find(']') - 1));
        text.remove_prefix(length);
      } else {
        // "\|" in a table is a "|"; anywhere else a backslash before a sign of Markdown's takes its meaning.
        bool escape = text.size() > 1 && text[0] == '\\' &&
                      (text[1] == '|' || (!code_ && absl::StrContains("`*_[]\\<", text[1])));
        if (escape) text.remove_prefix(1);
        Put(text[0]);
        text.remove_prefix(1);
      }
    }
  }

  // Of a link that TEXT begins with: [words](target).
  static size_t LinkLength(absl::string_view text) {
    if (text[0] != '[') return 0;
    size_t middle = text.find("](");
    if (middle == absl::string_view::npos || text.find('[', 1) < middle) return 0;
    size_t end = text.find(')', middle);
    return end == absl::string_view::npos ? 0 : end + 1;
  }

  void Put(char c) {
    if (c == ' ') {
      EndWord();
      return;
    }
    bool styled = terminal_ && (code_ || bold_);
    if (styled != styled_) word_.text += styled ? kBold : kReset;
    styled_ = styled;
    word_.text += c;
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) ++word_.width;
  }

  void EndWord() {
    if (styled_) word_.text += kReset;
    styled_ = false;
    if (word_.width > 0) words_.push_back(std::move(word_));
    word_ = Printed();
  }

  const bool terminal_;
  bool code_ = false, bold_ = false;
  bool styled_ = false;  // whether what was put last is
  Printed word_;
  std::vector<Printed> words_;
};

// WORDS in lines of at most WIDTH columns.
std::vector<Printed> Wrap(const std::vector<Printed>& words, size_t width) {
  std::vector<Printed> lines;
  for (const Printed& word : words) {
    if (lines.empty() || lines.back().width + 1 + word.width > width) {
      lines.push_back(word);
    } else {
      absl::StrAppend(&lines.back().text, " ", word.text);
      lines.back().width += 1 + word.width;
    }
  }
  return lines;
}

std::vector<absl::string_view> Cells(absl::string_view row) {
  absl::ConsumePrefix(&row, "|");
  std::vector<absl::string_view> cells;
  size_t begin = 0;
  for (size_t i = 0; i < row.size(); ++i) {
    if (row[i] != '|' || (i > 0 && row[i - 1] == '\\')) continue;
    cells.push_back(absl::StripAsciiWhitespace(row.substr(begin, i - begin)));
    begin = i + 1;
  }
  return cells;
}

// "|---|---|"
bool IsRule(absl::string_view row) { return row.find_first_not_of("|-: ") == absl::string_view::npos; }

class Renderer {
 public:
  explicit Renderer(bool terminal) : terminal_(terminal) {}

  // A block after the other, an empty line between them.
  std::vector<std::string> Blocks(const Lines& lines, size_t width) {
    std::vector<std::string> out;
    for (size_t at = 0; at < lines.size();) {
      if (IsBlank(lines[at])) {
        ++at;
        continue;
      }
      std::vector<std::string> block = Block(lines, &at, width);
      if (block.empty()) continue;
      if (!out.empty()) out.push_back("");
      out.insert(out.end(), block.begin(), block.end());
    }
    return out;
  }

 private:
  std::vector<std::string> Block(const Lines& lines, size_t* at, size_t width) {
    absl::string_view line = lines[*at];
    if (absl::StartsWith(line, "<!--")) {
      while (*at < lines.size() && !absl::StrContains(lines[(*at)++], "-->")) {
      }
      return {};
    }
    if (int level = HeadingLevel(line); level > 0) {
      ++*at;
      return Heading(line.substr(level + 1));
    }
    if (IsFence(line)) return Fence(lines, at);
    if (Indentation(line) >= 4) return Code(lines, at);
    if (IsTableRow(line)) return Table(lines, at, width);
    if (ItemIndent(line) > 0) return List(lines, at, width);
    return Paragraph(lines, at, width);
  }

  std::vector<std::string> Heading(absl::string_view title) const {
    std::string text = PlainText(title);
    return {terminal_ ? absl::StrCat(kBold, text, kReset) : text};
  }

  static std::vector<std::string> Fence(const Lines& lines, size_t* at) {
    std::vector<std::string> out;
    for (++*at; *at < lines.size() && !IsFence(lines[*at]); ++*at) {
      out.push_back(absl::StrCat("    ", lines[*at]));
    }
    ++*at;
    return out;
  }

  static std::vector<std::string> Code(const Lines& lines, size_t* at) {
    std::vector<std::string> out;
    size_t end = *at;
    for (size_t i = *at; i < lines.size() && (IsBlank(lines[i]) || Indentation(lines[i]) >= 4); ++i) {
      if (!IsBlank(lines[i])) end = i + 1;
    }
    for (; *at < end; ++*at) out.emplace_back(IsBlank(lines[*at]) ? "" : lines[*at]);
    return out;
  }

  std::vector<std::string> Paragraph(const Lines& lines, size_t* at, size_t width) {
    std::string text;
    do {
      absl::StrAppend(&text, text.empty() ? "" : " ", absl::StripAsciiWhitespace(lines[*at]));
      ++*at;
    } while (*at < lines.size() && !IsBlank(lines[*at]) && HeadingLevel(lines[*at]) == 0 &&
             !IsTableRow(lines[*at]) && ItemIndent(lines[*at]) == 0 && !IsFence(lines[*at]) &&
             !absl::StartsWith(lines[*at], "<!--"));
    std::vector<std::string> out;
    for (Printed& line : Wrap(Inline(terminal_).Words(text), width)) out.push_back(std::move(line.text));
    return out;
  }

  std::vector<std::string> List(const Lines& lines, size_t* at, size_t width) {
    std::vector<std::string> out;
    const size_t first = Indentation(lines[*at]);
    bool loose = false;  // an empty line stands between items
    while (*at < lines.size()) {
      size_t next = *at;
      while (next < lines.size() && IsBlank(lines[next])) ++next;
      if (next == lines.size() || Indentation(lines[next]) != first || ItemIndent(lines[next]) == 0) break;
      loose = next > *at;
      *at = next;
      size_t indent = ItemIndent(lines[*at]);
      absl::string_view marker = absl::StripAsciiWhitespace(lines[*at].substr(0, indent));
      Lines item = {lines[(*at)++].substr(indent)};
      for (; *at < lines.size(); ++*at) {
        size_t following = *at;
        while (following < lines.size() && IsBlank(lines[following])) ++following;
        if (following == lines.size() || Indentation(lines[following]) < indent) break;
        item.push_back(IsBlank(lines[*at]) ? lines[*at] : lines[*at].substr(indent));
      }
      if (loose) out.push_back("");
      const size_t pad = marker.size() + 1;
      std::string prefix = absl::StrCat(marker, " ");
      for (const std::string& line : Blocks(item, width > pad + 20 ? width - pad : 20)) {
        out.push_back(line.empty() ? "" : absl::StrCat(prefix, line));
        prefix = std::string(pad, ' ');
      }
    }
    return out;
  }

  std::vector<std::string> Table(const Lines& lines, size_t* at, size_t width) {
    std::vector<std::vector<std::vector<Printed>>> rows;  // words, by row and column
    size_t columns = 0;
    std::vector<std::string> out;
    bool first = true, titled = false;
    for (; *at < lines.size() && IsTableRow(lines[*at]); ++*at) {
      if (IsRule(lines[*at])) continue;
      std::vector<absl::string_view> cells = Cells(lines[*at]);
      // A heading of one word over several columns is a title.
      if (first && cells.size() > 1 &&
          std::all_of(cells.begin() + 1, cells.end(), [](absl::string_view cell) { return cell.empty(); })) {
        titled = true;
        out = Heading(cells[0]);
        first = false;
        continue;
      }
      rows.emplace_back();
      for (absl::string_view cell : cells) {
        const bool header = first && terminal_;
        rows.back().push_back(
            Inline(terminal_).Words(header && !cell.empty() ? absl::StrCat("**", cell, "**") : cell));
      }
      first = false;
      columns = std::max(columns, rows.back().size());
    }
    const std::string margin = titled ? "  " : "";
    std::vector<size_t> widths = ColumnWidths(rows, columns, width - margin.size());
    for (auto& row : rows) {
      row.resize(columns);
      std::vector<std::vector<Printed>> cells;
      size_t height = 1;
      for (size_t i = 0; i < columns; ++i) {
        cells.push_back(Wrap(row[i], widths[i]));
        height = std::max(height, cells.back().size());
      }
      for (size_t y = 0; y < height; ++y) {
        std::string line = margin;
        size_t pending = 0;  // spaces that something has to follow
        for (size_t i = 0; i < columns; ++i) {
          const Printed piece = y < cells[i].size() ? cells[i][y] : Printed();
          if (piece.width > 0) {
            line.append(pending, ' ').append(piece.text);
            pending = 0;
          }
          pending += widths[i] - std::min(widths[i], piece.width) + 2;
        }
        out.push_back(std::move(line));
      }
    }
    return out;
  }

  // As wide as their longest cells, or, where that is more than WIDTH, the widest made narrower, but no
  // narrower than a word.
  static std::vector<size_t> ColumnWidths(const std::vector<std::vector<std::vector<Printed>>>& rows,
                                          size_t columns, size_t width) {
    std::vector<size_t> widths(columns, 0), words(columns, 1);
    for (const auto& row : rows) {
      for (size_t i = 0; i < row.size(); ++i) {
        size_t cell = 0;
        for (const Printed& word : row[i]) {
          cell += word.width + (cell > 0 ? 1 : 0);
          words[i] = std::max(words[i], word.width);
        }
        widths[i] = std::max(widths[i], cell);
      }
    }
    size_t total = columns > 0 ? 2 * (columns - 1) : 0;
    for (size_t column : widths) total += column;
    for (; total > width; --total) {
      size_t widest = columns;
      for (size_t i = 0; i < columns; ++i) {
        if (widths[i] > words[i] && (widest == columns || widths[i] > widths[widest])) widest = i;
      }
      if (widest == columns) break;
      --widths[widest];
    }
    return widths;
  }

  const bool terminal_;
};

Lines SplitLines(absl::string_view text) {
  absl::ConsumeSuffix(&text, "\n");
  return absl::StrSplit(text, '\n');
}

// As GitHub makes the anchor of a heading.
std::string Anchor(absl::string_view title) {
  std::string anchor;
  for (char c : title) {
    if (c == ' ') {
      anchor += '-';
    } else if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_') {
      anchor += absl::ascii_tolower(static_cast<unsigned char>(c));
    }
  }
  return anchor;
}

}  // namespace

std::vector<MarkdownSection> MarkdownSections(absl::string_view text) {
  std::vector<MarkdownSection> sections;
  std::vector<size_t> open;  // those that the present line is in
  bool fenced = false;
  size_t at = 0;
  auto close = [&](int level, size_t end) {
    while (!open.empty() && sections[open.back()].level >= level) {
      MarkdownSection& section = sections[open.back()];
      section.body = section.body.substr(0, end - (section.body.data() - text.data()));
      section.whole = section.whole.substr(0, end - (section.whole.data() - text.data()));
      open.pop_back();
    }
  };
  while (at < text.size()) {
    size_t end = std::min(text.find('\n', at), text.size());
    absl::string_view line = text.substr(at, end - at);
    if (IsFence(line)) fenced = !fenced;
    if (int level = fenced ? 0 : HeadingLevel(line); level > 0) {
      close(level, at);
      MarkdownSection section;
      section.level = level;
      section.title = PlainText(line.substr(level + 1));
      section.anchor = Anchor(section.title);
      section.body = text.substr(std::min(end + 1, text.size()));
      section.whole = text.substr(at);
      open.push_back(sections.size());
      sections.push_back(std::move(section));
    }
    at = end + 1;
  }
  close(0, text.size());
  return sections;
}

std::string FirstCodeBlock(absl::string_view body) {
  std::string block;
  for (absl::string_view line : SplitLines(body)) {
    if (Indentation(line) >= 4 && !IsBlank(line)) {
      absl::StrAppend(&block, line.substr(4), "\n");
    } else if (!block.empty()) {
      break;
    }
  }
  return block;
}

std::string RenderMarkdown(absl::string_view text, const MarkdownStyle& style) {
  std::string out;
  for (const std::string& line : Renderer(style.terminal).Blocks(SplitLines(text), style.width)) {
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

std::string PlainText(absl::string_view line) {
  std::string out;
  for (const Printed& word : Inline(/*terminal=*/true).Words(line)) {
    absl::string_view text = word.text;
    if (!out.empty()) out += ' ';
    while (!text.empty()) {
      if (absl::ConsumePrefix(&text, kBold) || absl::ConsumePrefix(&text, kReset)) continue;
      out += text[0];
      text.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace kplan
