#include "src/cli/markdown_sections.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "src/cli/markdown.h"

namespace kplan {
namespace {

// 2 for "## x", 0 for what is no heading.
int HeadingLevel(absl::string_view line) {
  size_t level = std::min(line.find_first_not_of('#'), line.size());
  return level >= 1 && level <= 6 && level < line.size() && line[level] == ' ' ? static_cast<int>(level) : 0;
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
    if (absl::StartsWith(line, "```")) fenced = !fenced;
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

}  // namespace kplan
