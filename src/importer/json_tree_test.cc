#include "src/importer/json_tree.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

// What Parse says of TEXT; "" when nothing.
std::string Said(const std::string& text) {
  Findings findings;
  size_t file = findings.AddFile("f.json", text);
  JsonTree tree;
  const bool good = tree.Parse(text, file, &findings);
  EXPECT_EQ(good, !findings.has_errors());
  return findings.Format(false);
}

// The tree, each value with the very text that its range covers.
std::string Shown(const JsonNode& node, const std::string& text) {
  std::string range = text.substr(node.range.begin, node.range.end - node.range.begin);
  std::string out;
  switch (node.kind) {
    case JsonNode::Kind::kList:
      for (const JsonNode* item : node.items) absl::StrAppend(&out, Shown(*item, text), ";");
      return absl::StrCat(range, out, "]");
    case JsonNode::Kind::kMap:
      for (const JsonNode::Entry& entry : node.entries) {
        absl::StrAppend(&out, text.substr(entry.key_range.begin, entry.key_range.end - entry.key_range.begin),
                        "=", Shown(*entry.value, text), ";");
      }
      return absl::StrCat(range, out, "}");
    default:
      return range;
  }
}

TEST(JsonTree, EveryValueKnowsItsPlace) {
  const std::string text =
      " {\"a\" :\"x\\\"y\", \"b\":[1 ,-2.5e3,true , false,null],\n\t\"c\":{\"d\":[],\"e\":{}},\"f\":7}\n";
  Findings findings;
  size_t file = findings.AddFile("f.json", text);
  JsonTree tree;
  ASSERT_TRUE(tree.Parse(text, file, &findings)) << findings.Format(false);
  EXPECT_EQ(Shown(tree.root(), text),
            "{\"a\"=\"x\\\"y\";\"b\"=[1;-2.5e3;true;false;null;];\"c\"={\"d\"=[];\"e\"={};};\"f\"=7;}");
  EXPECT_EQ(tree.root().Find("A")->value->text, "x\"y");  // as Go finds keys
  EXPECT_EQ(tree.root().Find("b")->value->items[1]->text, "-2.5e3");
  EXPECT_EQ(tree.root().Find("zzz"), nullptr);
}

TEST(JsonTree, AByteOrderMarkIsNoError) {
  const std::string text = "\xEF\xBB\xBF{\"a\": 1}";
  Findings findings;
  JsonTree tree;
  ASSERT_TRUE(tree.Parse(text, findings.AddFile("f.json", text), &findings)) << findings.Format(false);
  EXPECT_EQ(tree.root().Find("a")->value->text, "1");
}

TEST(JsonTree, ErrorsHaveTheirPlace) {
  EXPECT_EQ(Said("{\"a\": 1,\n \"b\" 2}"),
            "f.json:2:6: error: not JSON: syntax error while parsing object separator - unexpected number "
            "literal; expected ':' [cfssl-file]\n"
            "    2 |  \"b\" 2}\n"
            "      |      ^\n");
  EXPECT_TRUE(absl::StrContains(Said("{\"a\": [1, 2}"), "f.json:1:12: error: not JSON"))
      << Said("{\"a\": [1, 2}");
  EXPECT_TRUE(absl::StrContains(Said(""), "error: not JSON")) << Said("");
  EXPECT_TRUE(absl::StrContains(Said("{\"a\": 1} x"), "f.json:1:10: error: not JSON"))
      << Said("{\"a\": 1} x");
  EXPECT_TRUE(absl::StrContains(Said("{\"a\": \"\xFF\"}"), "error: not JSON"));
  EXPECT_TRUE(absl::StrContains(Said("{\"a\": 1e999}"), "error: not JSON"));
  EXPECT_EQ(Said("{\"a\": 1,\n \"a\": 2}"),
            "f.json:2:2: error: the key \"a\" is there twice [cfssl-file]\n"
            "    2 |  \"a\": 2}\n"
            "      |  ^~~\n"
            "   cfssl takes the last one silently; remove one of them\n");
}

TEST(JsonTree, DepthIsLimited) {
  EXPECT_EQ(Said(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_TRUE(absl::StrContains(Said(std::string(100000, '[')), "nested deeper than 64 levels"));
}

// Whatever the damage, there is an answer, and every place is inside of the text.
TEST(JsonTree, EveryPrefixAndEveryChangedByteIsAnswered) {
  const std::string good = R"({"CN": "a", "names": [{"C": "US"}], "key": {"size": 2048}, "x": [true, null]})";
  EXPECT_EQ(Said(good), "");
  for (size_t i = 0; i < good.size(); ++i) EXPECT_NE(Said(good.substr(0, i)), "") << i;
  for (size_t i = 0; i < good.size(); ++i) {
    for (char c : {'\0', '"', '{', ',', '\x80', '\n', '9'}) {
      std::string bad = good;
      bad[i] = c;
      Findings findings;
      JsonTree tree;
      if (!tree.Parse(bad, findings.AddFile("f.json", bad), &findings)) {
        EXPECT_TRUE(absl::StrContains(findings.Format(false), "error: ")) << bad;
      }
    }
  }
}

}  // namespace
}  // namespace kplan
