#include "src/cli/markdown_sections.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(MarkdownSections, GoUpToTheNextOfTheirLevel) {
  constexpr char kText[] =
      "# All\nintro\n## Exit codes\n\n    kplan x [--json]\n    kplan y\n\ntext\n\n    other\n### `in` "
      "it\nsub\n"
      "```\n## no heading\n```\n## Last\nend";
  std::vector<MarkdownSection> sections = MarkdownSections(kText);
  ASSERT_EQ(sections.size(), 4u);
  EXPECT_EQ(sections[0].level, 1);
  EXPECT_EQ(sections[0].whole, kText);
  EXPECT_EQ(sections[1].anchor, "exit-codes");
  EXPECT_EQ(sections[2].title, "in it");
  EXPECT_EQ(sections[2].body, "sub\n```\n## no heading\n```\n");
  EXPECT_EQ(sections[3].body, "end");
  EXPECT_EQ(sections[3].whole, "## Last\nend");
}

}  // namespace
}  // namespace kplan
