#ifndef KPLAN_CLI_MARKDOWN_H_
#define KPLAN_CLI_MARKDOWN_H_

// Markdown for a terminal: lowdown reads it, and what docs/ is written in is laid out in lines: headings,
// paragraphs, lists, tables, code, links without their targets.

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

struct MarkdownStyle {
  size_t width = 80;      // columns to fill; tables whose words are too long may need more
  bool terminal = false;  // headings and `code` are bold; otherwise backticks stay as they are
};

// TEXT for people, ended by one line end. Comments (<!-- -->) are left out.
std::string RenderMarkdown(absl::string_view text, const MarkdownStyle& style);

// The first code block of TEXT, its lines without indentation, each ended by "\n". "" when there is none.
std::string FirstCodeBlock(absl::string_view text);

// A line of Markdown without its markup, for a list or a shell's menu: "see [x](y)" gives "see x".
std::string PlainText(absl::string_view line);

}  // namespace kplan

#endif  // KPLAN_CLI_MARKDOWN_H_
