#ifndef KPLAN_SHOW_MARKDOWN_TEXT_H_
#define KPLAN_SHOW_MARKDOWN_TEXT_H_

// What others wrote, as part of a page of Markdown or HTML: nothing in it is markup there, mentions anybody,
// links to anything, or ends the line.

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// TEXT as a code span (CommonMark 0.31 6.1), in which there is neither markup nor HTML; on one line, as
// Shown() (base/text.h) has it. "" for the empty text.
std::string CodeSpan(absl::string_view text);

// TEXT for HTML, also in an attribute; likewise on one line.
std::string HtmlText(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_SHOW_MARKDOWN_TEXT_H_
