#ifndef KPLAN_SHOW_PLAN_MARKDOWN_H_
#define KPLAN_SHOW_PLAN_MARKDOWN_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "src/show/plan_view.h"

namespace kplan {

// GitHub takes a comment of at most 65,536 characters, and a job's summary of more.
inline constexpr size_t kMaxMarkdown = 65'000;

// VIEW for the comment of a pull request (GitHub Flavored Markdown): under TITLE ("kplan plan") the summary,
// then what would fail and what is restarted, then the rest by host; long lists are folded. At most
// MAX_BYTES; what is left out for that is counted at the end.
std::string PlanMarkdown(const PlanView& view, absl::string_view title, size_t max_bytes = kMaxMarkdown);

}  // namespace kplan

#endif  // KPLAN_SHOW_PLAN_MARKDOWN_H_
