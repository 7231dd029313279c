#include "src/spec/yaml_tree.h"

#include <random>

#include "gtest/gtest.h"

namespace kplan {
namespace {

// The nodes of TEXT as "kind[place]", or the messages of its errors.
std::string Describe(const std::string& text) {
  SourceFile source("c", text);
  Diagnostics diagnostics(&source);
  YamlTree tree;
  if (!tree.Parse(&diagnostics)) {
    std::string out = "error";
    for (const Diagnostic& diagnostic : diagnostics.all()) out += ": " + diagnostic.message;
    return out;
  }
  struct Walk {
    const std::string& text;
    std::string Node(const YamlNode& node) {
      std::string out;
      switch (node.kind) {
        case YamlNode::Kind::kNull:
          return "~";
        case YamlNode::Kind::kScalar:
          return "<" + text.substr(node.range.begin, node.range.end - node.range.begin) + "=" + node.text +
                 ">";
        case YamlNode::Kind::kList:
          for (const YamlNode* item : node.items) out += (out.empty() ? "" : " ") + Node(*item);
          return "[" + out + "]";
        case YamlNode::Kind::kMap:
          for (const YamlNode::Entry& entry : node.entries) {
            out += (out.empty() ? "" : " ") + entry.key + "@" + std::to_string(entry.key_range.begin) + ":" +
                   Node(*entry.value);
          }
          return "{" + out + "}";
      }
      return out;
    }
  };
  return Walk{source.text()}.Node(tree.root());
}

TEST(YamlTree, GivesEveryValueItsPlace) {
  EXPECT_EQ(Describe("a: x\nb: [y, \"q\\\"z\", 'it''s']\n"),
            "{a@0:<x=x> b@5:[<y=y> <\"q\\\"z\"=q\"z> <'it''s'=it's>]}");
  EXPECT_EQ(Describe("ü: ö\n"), "{ü@0:<ö=ö>}");
  EXPECT_EQ(Describe("\xEF\xBB\xBF"
                     "a: b\n"),
            "{a@3:<b=b>}")
      << "behind a byte order mark";
  EXPECT_EQ(Describe("a: b\r\nc: d\r\n"), "{a@0:<b=b> c@6:<d=d>}");
}

TEST(YamlTree, KnowsNothingFromSomething) {
  EXPECT_EQ(Describe(""), "~");
  EXPECT_EQ(Describe("# only a comment\n"), "~");
  EXPECT_EQ(Describe("a:\nb: ~\nc: null\nd: \"\"\ne: \"null\"\n"),
            "{a@0:~ b@3:~ c@8:~ d@16:<\"\"=> e@22:<\"null\"=null>}");
}

TEST(YamlTree, FollowsAliasesThatDoNotMultiply) {
  EXPECT_EQ(Describe("a: &x {b: c}\nd: *x\n"), "{a@0:{b@7:<c=c>} d@13:{b@7:<c=c>}}");
}

TEST(YamlTree, RefusesWhatYamlCppTakes) {
  EXPECT_EQ(Describe("a: 1\na: 2\nb: 1\nb: 2\n"), "error: \"a\" is written twice: \"b\" is written twice");
  EXPECT_EQ(Describe("a: 1\n---\nb: 1\n"), "error: a second YAML document begins here");
  EXPECT_EQ(Describe("&a [*a]\n").substr(0, 33), "error: this alias stands inside i");
  EXPECT_EQ(Describe(","), "error: this is not YAML: \",\" is not expected here");
  EXPECT_EQ(Describe("a: !!python/object x\n").substr(0, 17), "error: a YAML tag");
  EXPECT_EQ(Describe("? [a]\n: b\n").substr(0, 24), "error: a key must be a s");
  EXPECT_EQ(Describe(std::string("a: b\0c\n", 7)), "error: a control character (byte 0x00)");
  EXPECT_EQ(Describe("a: \xff\n"), "error: this is not UTF-8");
  EXPECT_EQ(Describe("\xfe\xff\0a\n").substr(0, 24), "error: this is not UTF-8");
  EXPECT_EQ(Describe("<<: {a: b}\n"), "error: merge keys (<<) are not read");
}

TEST(YamlTree, FindsADuplicateAmongManyKeys) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "key" + std::to_string(i) + ": x\n";
  EXPECT_EQ(Describe(text).substr(0, 12), "{key0@0:<x=x");
  EXPECT_EQ(Describe(text + "key500: y\n"), "error: \"key500\" is written twice");
}

TEST(YamlTree, RefusesDepthAndSize) {
  std::string good(YamlTree::kMaxDepth, '['), bad(YamlTree::kMaxDepth + 1, '[');
  EXPECT_EQ(Describe(good + std::string(good.size(), ']')).substr(0, 2), "[[");
  EXPECT_EQ(Describe(bad + std::string(bad.size(), ']')), "error: nested more than 64 levels deep");
  EXPECT_EQ(Describe(std::string(YamlTree::kMaxBytes + 1, '#')).substr(0, 18), "error: the file ha");
}

// Damaged input ends in a tree or in an error: no crash, no endless loop.
TEST(YamlTree, SurvivesDamage) {
  const std::string seed =
      "hosts: {worker: {root: ./x}}\nca: &a {CN: \"K\\n\", names: [{C: 'US'}]}\ncerts:\n  k:\n    hosts:\n   "
      " - *a\n    - |\n      x\n";
  std::mt19937 random(20260101);
  for (int round = 0; round < 20000; ++round) {
    std::string text = seed;
    for (int edits = 1 + random() % 4; edits > 0; --edits) {
      size_t at = random() % text.size();
      static constexpr char kChars[] = "{}[]:,&*!|>-?#'\"% \n\t~<=@`ab\\\x00\xff";
      char c = kChars[random() % (sizeof(kChars) - 1)];
      switch (random() % 3) {
        case 0:
          text[at] = c;
          break;
        case 1:
          text.insert(at, 1, c);
          break;
        default:
          text.erase(at, 1 + random() % 5);
      }
      if (text.empty()) text = "x";
    }
    SourceFile source("c", text);
    Diagnostics diagnostics(&source);
    YamlTree tree;
    bool good = tree.Parse(&diagnostics);
    EXPECT_NE(good, diagnostics.has_errors()) << text;
    diagnostics.Format(false);
  }
}

}  // namespace
}  // namespace kplan
