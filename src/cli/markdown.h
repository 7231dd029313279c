#ifndef KPLAN_CLI_MARKDOWN_H_
#define KPLAN_CLI_MARKDOWN_H_

// The part of Markdown that docs/ is written in, for a terminal: headings, paragraphs, lists, tables, code
// that is indented or fenced, links, `code`, **bold**.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

// A heading and what stands below it, up to the next heading of the same level or a higher one.
struct MarkdownSection {
  int level = 1;            // 1 for "# ..."
  std::string title;        // "Exit codes", without markup
  std::string anchor;       // as GitHub makes it: "exit-codes"
  absl::string_view body;   // points into the text
  absl::string_view whole;  // the same with its heading
};

// All sections of TEXT, in its order; those inside others come after them, too.
std::vector<MarkdownSection> MarkdownSections(absl::string_view text);

// The first code block of BODY, its lines without indentation, each ended by "\n". "" when there is none.
std::string FirstCodeBlock(absl::string_view body);

struct MarkdownStyle {
  size_t width = 80;      // columns to fill; tables whose words are too long may need more
  bool terminal = false;  // headings and `code` are bold; otherwise backticks stay as they are
};

// TEXT for people, ended by one line end. Comments (<!-- -->) are left out.
std::string RenderMarkdown(absl::string_view text, const MarkdownStyle& style);

// A line of Markdown without its markup, for a list or a shell's menu: "see [x](y)" gives "see x".
std::string PlainText(absl::string_view line);

}  // namespace kplan

#endif  // KPLAN_CLI_MARKDOWN_H_
