#include "src/importer/yaml_text.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/base/text.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

TEST(YamlScalar, PlainWhereItCanBe) {
  for (const char* text :
       {"kubernetes", "127.0.0.1", "system:node:worker-0", "Kubernetes The Hard Way", "8760h", "Zürich",
        "a.b", "server auth", "a@b.c", "http://x.example/ca.crl", "/", "./rootfs", "/srv/a/", "O'Brien"}) {
    std::string written = YamlScalar(text);
    EXPECT_EQ(written, std::string(text) == "O'Brien" ? "'O''Brien'" : text);
  }
}

TEST(YamlScalar, QuotedWhereItHasTo) {
  const std::pair<std::string, std::string> cases[] = {{"", "''"},
                                                       {"true", "'true'"},
                                                       {"No", "'No'"},
                                                       {"null", "'null'"},
                                                       {"~", "'~'"},
                                                       {"a: b", "'a: b'"},
                                                       {"a:", "'a:'"},
                                                       {"a #b", "'a #b'"},
                                                       {"*", "'*'"},
                                                       {"[a", "'[a'"},
                                                       {"a, b", "'a, b'"},
                                                       {" a", "' a'"},
                                                       {"a ", "'a '"},
                                                       {"- a", "'- a'"},
                                                       {"::1", "'::1'"},
                                                       {"0x10", "'0x10'"},
                                                       {"1e3", "'1e3'"},
                                                       {"a\nb", "\"a\\u000Ab\""},
                                                       {"\"", "'\"'"},
                                                       {"\xE2\x80\xAE\"\\", "\"\\u202E\\\"\\\\\""},
                                                       {"\xC2\x85", "\"\\u0085\""}};
  for (const auto& [text, written] : cases) EXPECT_EQ(YamlScalar(text), written) << text;
}

// What kplan reads back where the value stands in a list, as a map's value, and as a map's key; "(error)"
// when it does not read it.
std::vector<std::string> ReadBack(const std::string& text) {
  const std::string scalar = YamlScalar(text);
  SourceFile source("f.yaml",
                    absl::StrCat("list: [x, ", scalar, ", ", scalar, "]\nmap: {k: ", scalar, ", l: ", scalar,
                                 "}\nblock: ", scalar, "\nkeys:\n  ", scalar, ": 1\n"));
  Diagnostics diagnostics(&source);
  YamlTree tree;
  if (!tree.Parse(&diagnostics)) return {absl::StrCat("(error) ", source.text(), diagnostics.Format(false))};
  const auto& entries = tree.root().entries;
  return {entries[0].value->items[1]->text,
          entries[0].value->items[2]->text,
          entries[1].value->entries[0].value->text,
          entries[1].value->entries[1].value->text,
          entries[2].value->text,
          entries[3].value->entries[0].key};
}

TEST(YamlScalar, ReadsBackAsItself) {
  std::mt19937 random(1);
  const std::vector<std::string> pieces = {
      "a",  "Z",        "0",   "9",  " ",  ":",    "#",    ",",  "[",  "]",  "{",  "}",   "'",   "\"",
      "\\", "-",        "?",   "!",  "&",  "*",    "|",    ">",  "%",  "@",  "`",  "=",   "$",   ".",
      "/",  "~",        "_",   "+",  "(",  "true", "null", "ü",  "日", "😀",  "<<", "---", "...", "1e3",
      "0x", "\xC2\xA0", "a b", ": ", " #", "::",   "yes",  "&a", "*a", "%Y", "😀:"};
  int plain = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t n = 1 + random() % 6; n > 0; --n) text += pieces[random() % pieces.size()];
    if (text == "<<") continue;  // as a key it would be a merge to others: kplan refuses it
    for (const std::string& read : ReadBack(text)) ASSERT_EQ(read, text) << YamlScalar(text);
    if (YamlScalar(text) == text) ++plain;
  }
  EXPECT_GT(plain, 100);
}

TEST(YamlText, BreaksLongListsUnderTheirFirstItem) {
  YamlText out;
  std::vector<Sourced> values;
  for (int i = 0; i < 12; ++i) values.push_back({absl::StrCat("host-number-", i, ".example"), {}});
  out.Raw("    hosts: ").FlowList(values).Raw("\n");
  std::vector<std::string> lines = absl::StrSplit(out.text(), '\n');
  ASSERT_GE(lines.size(), 3u);
  for (const std::string& line : lines) EXPECT_LE(line.size(), YamlText::kWidth) << line;
  EXPECT_EQ(lines[1].find_first_not_of(' '), lines[0].find("host-number-0"));
  SourceFile source("f.yaml", out.text());
  Diagnostics diagnostics(&source);
  YamlTree tree;
  ASSERT_TRUE(tree.Parse(&diagnostics)) << diagnostics.Format(false);
  EXPECT_EQ(tree.root().entries[0].value->items.size(), 12u);
}

TEST(YamlText, KnowsWhereAValueCameFrom) {
  YamlText out;
  out.Raw("a: ")
      .Scalar({"x", {7, {}, "one"}})
      .Raw("\nb: ")
      .FlowMap({{"k", {"y z", {8, {}, "two"}}}})
      .Raw("\n");
  EXPECT_EQ(out.text(), "a: x\nb: {k: y z}\n");
  Range range;
  range.begin = 3;
  range.end = 4;
  ASSERT_NE(out.OriginOf(range), nullptr);
  EXPECT_EQ(out.OriginOf(range)->field, "one");
  range.begin = 12;
  EXPECT_EQ(out.OriginOf(range)->file, 8u);
  range.begin = 0;
  EXPECT_EQ(out.OriginOf(range), nullptr);
  range.begin = 15;
  EXPECT_EQ(out.OriginOf(range), nullptr);
}

TEST(YamlText, CommentsHaveTheirHashOnEveryLine) {
  EXPECT_EQ(YamlText().Comment(2, "a\n\nb").text(), "  # a\n  #\n  # b\n");
}

}  // namespace
}  // namespace kplan
