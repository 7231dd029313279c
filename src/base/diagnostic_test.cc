#include "src/base/diagnostic.h"

#include <set>

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(SourceFile, CountsLinesAndCharacters) {
  SourceFile source("c.yaml", "a: ü x\r\nb\n");
  EXPECT_EQ(source.line_count(), 2);
  EXPECT_EQ(source.Line(1), "a: ü x");
  EXPECT_EQ(source.Line(2), "b");
  EXPECT_EQ(source.PositionOf(6).line, 1);
  EXPECT_EQ(source.PositionOf(6).column, 6) << "ü is two bytes and one character";
  EXPECT_EQ(source.PositionOf(9).line, 2);
  EXPECT_EQ(source.PositionOf(9).column, 1);
}

TEST(Diagnostics, SaysWhereWhatAndWhatToDo) {
  SourceFile source("cluster.yaml", "certs:\n  x:\n    host: [worker]\n");
  Diagnostics diagnostics(&source);
  diagnostics.Error(Code::kUnknownKey, {16, 20}, "unknown key \"host\" in a certificate",
                    "did you mean \"hosts\"?");
  EXPECT_EQ(diagnostics.Format(false),
            "cluster.yaml:3:5: error: unknown key \"host\" in a certificate [unknown-key]\n"
            "    3 |     host: [worker]\n"
            "      |     ^~~~\n"
            "   did you mean \"hosts\"?\n");
}

TEST(Diagnostics, ShowsTheOtherPlaceAndSortsByPlace) {
  SourceFile source("c", "a: 1\nb: 2\na: 3\n");
  Diagnostics diagnostics(&source);
  Diagnostic& twice = diagnostics.Error(Code::kDuplicateKey, {10, 11}, "\"a\" is written twice");
  twice.Relate({0, 1}, "the first is here");
  diagnostics.Warning(Code::kNoSan, {5, 6}, "hm");
  EXPECT_TRUE(diagnostics.has_errors());
  EXPECT_EQ(diagnostics.error_count(), 1);
  EXPECT_EQ(diagnostics.Format(false),
            "c:2:1: warning: hm [no-san]\n"
            "    2 | b: 2\n"
            "      | ^\n"
            "c:3:1: error: \"a\" is written twice [duplicate-key]\n"
            "    3 | a: 3\n"
            "      | ^\n"
            "   c:1:1: the first is here\n"
            "    1 | a: 1\n"
            "      | ^\n");
}

TEST(Diagnostics, CutsLongLinesAroundThePlaceAndHidesControlCharacters) {
  std::string text = std::string(500, 'x') + "\tBAD\x1b" + std::string(500, 'y');
  SourceFile source("c", text);
  Diagnostics diagnostics(&source);
  diagnostics.Error(Code::kBadValue, {501, 504}, "bad");
  std::string shown = diagnostics.Format(false);
  EXPECT_LT(shown.size(), 400u);
  EXPECT_NE(shown.find(" BAD "), std::string::npos) << shown;
  EXPECT_NE(shown.find("^~~\n"), std::string::npos) << shown;
}

TEST(Diagnostics, PrintsOnlyUtf8) {
  SourceFile source("c", "a: K\xfc\n");
  Diagnostics diagnostics(&source);
  diagnostics.Error(Code::kEncoding, {4, 5}, "this is not UTF-8");
  EXPECT_EQ(diagnostics.Format(false),
            "c:1:5: error: this is not UTF-8 [encoding]\n"
            "    1 | a: K?\n"
            "      |     ^\n");
}

TEST(Diagnostics, CountsWhatItDoesNotShow) {
  SourceFile source("c", "abc");
  Diagnostics diagnostics(&source);
  for (int i = 0; i < 5; ++i) diagnostics.Error(Code::kBadValue, {0, 1}, "bad");
  EXPECT_NE(diagnostics.Format(false, 2).find("c: and 3 more\n"), std::string::npos);
}

TEST(Diagnostics, ColoursWhatHelpsToReadIt) {
  SourceFile source("c", "abc");
  Diagnostics diagnostics(&source);
  diagnostics.Error(Code::kBadValue, {0, 3}, "bad", "help");
  EXPECT_EQ(diagnostics.Format(true),
            "\033[1mc:1:1:\033[0m \033[1;31merror: \033[0m\033[1mbad\033[0m \033[2m[bad-value]\033[0m\n"
            "    1 | abc\n"
            "      | \033[1;31m^~~\033[0m\n"
            "   help\n");
}

TEST(Slugs, AreWordsAndDiffer) {
  std::set<absl::string_view> slugs;
  for (int i = 0; i < kCodeCount; ++i) {
    absl::string_view slug = Slug(static_cast<Code>(i));
    EXPECT_TRUE(slugs.insert(slug).second) << slug;
    EXPECT_EQ(slug.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), absl::string_view::npos) << slug;
  }
}

}  // namespace
}  // namespace kplan
