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
  EXPECT_EQ(PlainText("| a | b |\n|---|---|\n| c | d |\n"), "a b c d");
}

// What Markdown, or a dialect of it, might take for markup.
TEST(Markdown, ChangesNoWords) {
  constexpr char kText[] =
      "key: value\nTake `--x=<FILE>` or <placeholder> -- $HOME ~x~ a_b_c 2^10 x<sup> &amp; \"it's\" ==y== "
      "[^1] https://x.y/z_z_ 1/2 (c) ... #1 \\*\n";
  EXPECT_EQ(
      Plain(kText, 200),
      "key: value Take `--x=<FILE>` or <placeholder> -- $HOME ~x~ a_b_c 2^10 x<sup> &amp; \"it's\" ==y== "
      "[^1] https://x.y/z_z_ 1/2 (c) ... #1 *\n");
  EXPECT_EQ(Plain("<placeholder>\n\nend\n"), "<placeholder>\n\nend\n");
}

TEST(Markdown, ShowsTheFirstCodeBlock) {
  EXPECT_EQ(FirstCodeBlock("\n    kplan x [--json]\n    kplan y\n\ntext\n\n    other\n"),
            "kplan x [--json]\nkplan y\n");
  EXPECT_EQ(FirstCodeBlock("```\na\n  b\n```\n"), "a\n  b\n");
  EXPECT_EQ(FirstCodeBlock("none"), "");
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
  EXPECT_EQ(Plain("- a\n    - b\n    - c d\n- e\n", 40), "- a\n  - b\n  - c d\n- e\n");
}

TEST(Markdown, EndsNoLineInBlanks) {
  EXPECT_EQ(Plain("```\na\n\nb\n```\n\n| a | b |\n|---|---|\n| c | |\n"), "    a\n\n    b\n\na  b\nc\n");
  EXPECT_EQ(Plain(""), "");
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
  EXPECT_EQ(Plain("| | |\n|---|---|\n| a | b |\n"), "a  b\n") << "no heading";
  EXPECT_EQ(Plain("| | |\n|---|---|\n| `a\\|b` | a\\|b |\n\n`a\\|b`\n"), "`a|b`  a|b\n\n`a\\|b`\n");
  EXPECT_EQ(RenderMarkdown("| a b | c |\n|---|---|\n| `d` | e |\n", {40, true}),
            "\033[1ma\033[0m \033[1mb\033[0m  \033[1mc\033[0m\n\033[1md\033[0m    e\n");
  // A column is never narrower than its longest word.
  EXPECT_EQ(Plain("| unbreakable | x y |\n|---|---|\n| 1 | 2 |\n", 5),
            "unbreakable  x\n             y\n1            2\n");
}

TEST(Markdown, LeavesCommentsOut) {
  EXPECT_EQ(Plain("one\n<!-- a\nb -->\n\ntwo\n<!-- c -->\n"), "one\n\ntwo\n");
}

}  // namespace
}  // namespace kplan
