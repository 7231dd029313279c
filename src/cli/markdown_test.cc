#include "src/cli/markdown.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

std::string Plain(absl::string_view text, size_t width = 40) { return RenderMarkdown(text, {width, false}); }

TEST(Markdown, WrapsParagraphsAndKeepsCodeAsItIs) {
  EXPECT_EQ(Plain("# Title\nA paragraph of some words that is\nlonger than a line.\n\n\n    kplan gen  x\n\n"
                  "    a line of code that is much longer than forty columns\nend\n"),
            "Title\n"
            "\n"
            "A paragraph of some words that is longer\n"
            "than a line.\n"
            "\n"
            "    kplan gen  x\n"
            "\n"
            "    a line of code that is much longer than forty columns\n"
            "\n"
            "end\n");
  EXPECT_EQ(Plain("```yaml\na:\n  b: 1\n```\n"), "    a:\n      b: 1\n");
}

TEST(Markdown, WritesLinksAsTextAndBoldOnATerminalOnly) {
  constexpr char kText[] = "See [the `keys`](x.md#keys) and **all** of `a b`, [1] and `[x](y)`.";
  EXPECT_EQ(Plain(kText, 80), "See the `keys` and all of `a b`, [1] and `[x](y)`.\n");
  EXPECT_EQ(RenderMarkdown(kText, {80, true}),
            "See the \033[1mkeys\033[0m and \033[1mall\033[0m of \033[1ma\033[0m \033[1mb\033[0m, [1] and "
            "\033[1m[x](y)\033[0m.\n");
  EXPECT_EQ(PlainText(kText), "See the keys and all of a b, [1] and [x](y).");
}

TEST(Markdown, CountsCharactersNotBytes) {
  EXPECT_EQ(Plain("ää öö üü ßß", 5), "ää öö\nüü ßß\n");
  EXPECT_EQ(RenderMarkdown("`aa` `bb` `cc`", {5, true}),
            "\033[1maa\033[0m \033[1mbb\033[0m\n\033[1mcc\033[0m\n")
      << "escapes take no columns";
}

TEST(Markdown, IndentsLists) {
  EXPECT_EQ(Plain("- `-C DIR`: the folder to write to, made when missing\n- `--json`: JSON\n"
                  "  and more\n\n  a second part\n\n1. one\n2. two\n"),
            "- `-C DIR`: the folder to write to, made\n"
            "  when missing\n"
            "- `--json`: JSON and more\n"
            "\n"
            "  a second part\n"
            "\n"
            "1. one\n"
            "2. two\n");
}

TEST(Markdown, AlignsTables) {
  EXPECT_EQ(Plain("| key | value |\n|---|---|\n| `a` | one or another word, and then a few more |\n"
                  "| `longer` | `x\\|y` |\n"),
            "key       value\n"
            "`a`       one or another word, and then\n"
            "          a few more\n"
            "`longer`  `x|y`\n");
  EXPECT_EQ(Plain("| To begin | |\n|---|---|\n| `init` | start |\n| `import` | take over |\n"),
            "To begin\n"
            "  `init`    start\n"
            "  `import`  take over\n");
  EXPECT_EQ(Plain("| a | b | c |\n|---|---|---|\n| 1 | | 3 |\n"), "a  b  c\n1     3\n");
  // A column is never narrower than its longest word.
  EXPECT_EQ(Plain("| unbreakable | x y |\n|---|---|\n| 1 | 2 |\n", 5),
            "unbreakable  x\n             y\n1            2\n");
}

TEST(Markdown, LeavesCommentsOut) {
  EXPECT_EQ(Plain("one\n<!-- a\nb -->\n\ntwo\n<!-- c -->\n"), "one\n\ntwo\n");
}

TEST(Markdown, FindsSections) {
  constexpr char kText[] =
      "# All\nintro\n## Exit codes\n\n    kplan x [--json]\n    kplan y\n\ntext\n\n    other\n### `in` "
      "it\nsub\n"
      "```\n## no heading\n```\n## Last\nend";
  std::vector<MarkdownSection> sections = MarkdownSections(kText);
  ASSERT_EQ(sections.size(), 4u);
  EXPECT_EQ(sections[0].level, 1);
  EXPECT_EQ(sections[0].whole, kText);
  EXPECT_EQ(sections[1].anchor, "exit-codes");
  EXPECT_EQ(FirstCodeBlock(sections[1].body), "kplan x [--json]\nkplan y\n");
  EXPECT_EQ(sections[2].title, "in it");
  EXPECT_EQ(sections[2].body, "sub\n```\n## no heading\n```\n");
  EXPECT_EQ(sections[3].body, "end");
  EXPECT_EQ(sections[3].whole, "## Last\nend");
  EXPECT_EQ(FirstCodeBlock(sections[3].body), "");
}

}  // namespace
}  // namespace kplan
