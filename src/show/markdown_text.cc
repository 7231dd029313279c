#include "src/show/markdown_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "src/base/text.h"

namespace kplan {

std::string CodeSpan(absl::string_view text) {
  const std::string shown = Shown(text);
  if (shown.empty()) return "";
  size_t longest = 0, run = 0;
  for (char c : shown) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  // One space on either side is not part of it; where it is all spaces, none is taken away.
  const bool spaces = shown.find_first_not_of(' ') == std::string::npos;
  const bool pad = !spaces && (shown.front() == '`' || shown.back() == '`' ||
                               (shown.front() == ' ' && shown.back() == ' '));
  return absl::StrCat(fence, pad ? " " : "", shown, pad ? " " : "", fence);
}

std::string HtmlText(absl::string_view text) {
  return absl::StrReplaceAll(
      Shown(text), {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

}  // namespace kplan
