#ifndef KPLAN_CLI_MARKDOWN_SECTIONS_H_
#define KPLAN_CLI_MARKDOWN_SECTIONS_H_

// The sections of a page in docs/, as parts of its text.

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

}  // namespace kplan

#endif  // KPLAN_CLI_MARKDOWN_SECTIONS_H_
