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
  EXPECT_EQ(Describe("a: &x b\nc: *x\n"), "{a@0:<b=b> c@8:<*x=b>}") << "the alias is the place";
  EXPECT_EQ(Describe("&k a: &k b\nc: *k\n"), "{a@3:<b=b> c@11:<*k=b>}") << "of two anchors the nearer one";
  EXPECT_EQ(Describe("&k a: b\nc: *k\n"), "{a@3:<b=b> c@8:<*k=a>}") << "of a key";
}

TEST(YamlTree, RefusesWhatYamlAllows) {
  EXPECT_EQ(Describe("a: 1\na: 2\nb: 1\nb: 2\n"), "error: \"a\" is written twice: \"b\" is written twice");
  EXPECT_EQ(Describe("a: 1\n---\nb: 1\n"), "error: a second YAML document begins here");
  EXPECT_EQ(Describe("&a [*a]\n").substr(0, 33), "error: this alias stands inside i");
  EXPECT_EQ(Describe(","), "error: this is not YAML: \",\" is not expected here");
  EXPECT_EQ(Describe("a: *b\n"), "error: this is not YAML: no anchor \"&b\" stands above this alias");
  EXPECT_EQ(Describe("a:\xC2\xA0"
                     "b\n")
                .substr(0, 35),
            "error: a no-break space (U+00A0) st");
  EXPECT_EQ(Describe("a:\n -\xC2\xA0"
                     "b\n")
                .substr(0, 35),
            "error: a no-break space (U+00A0) st");
  EXPECT_EQ(Describe("a:\n\xC2\xA0 b: c\n").substr(0, 35), "error: a no-break space (U+00A0) st");
  EXPECT_EQ(Describe("a: b\xC2\xA0"
                     "c\n"),
            "{a@0:<b\xC2\xA0"
            "c=b\xC2\xA0"
            "c>}")
      << "in a name it is the name's";
  EXPECT_EQ(Describe("a: !!python/object x\n").substr(0, 17), "error: a YAML tag");
  EXPECT_EQ(Describe("? [a]\n: b\n").substr(0, 24), "error: a key must be a s");
  EXPECT_EQ(Describe(std::string("a: b\0c\n", 7)), "error: a control character (byte 0x00)");
  EXPECT_EQ(Describe("a: \xff\n"), "error: this is not UTF-8");
  EXPECT_EQ(Describe("\xfe\xff\0a\n").substr(0, 24), "error: this is not UTF-8");
  EXPECT_EQ(Describe("<<: {a: b}\n"), "error: merge keys (<<) are not read");
}

// yaml-cpp's opinion is a warning, at the place where it differs.
TEST(YamlTree, SaysWhereReadersDiffer) {
  auto warning = [](const std::string& text) {
    SourceFile source("c", text);
    Diagnostics diagnostics(&source);
    YamlTree tree;
    EXPECT_TRUE(tree.Parse(&diagnostics)) << text;
    if (diagnostics.all().empty()) return std::string("none");
    const Diagnostic& first = diagnostics.all()[0];
    return text.substr(first.range.begin, first.range.end - first.range.begin) + "=" +
           first.message.substr(first.message.rfind("does: ") + 6);
  };
  EXPECT_EQ(warning("a: [b, 'c', {d: ~}]\ne: |\n  x\n  y\nf: &x >\n  z\ng: *x\nh:\n- i\n-\n"), "none");
  EXPECT_EQ(warning("a: 'x\r\n  y'\r\nb: |\r\n  l1\r\n  l2\r\nc: p\r\n  q\r\n"), "none")
      << "lines of Windows";
  EXPECT_EQ(warning("\xEF\xBB\xBF"
                    "a: b\n"),
            "none");
  EXPECT_EQ(warning("# nothing\n"), "none");
  EXPECT_EQ(warning("a: b\nc: |\n  x\n   "), "|=it reads another text");
  EXPECT_EQ(warning("a: \"\\ud83d\\ude00\"\n"), "\"\\ud83d\\ude00\"=invalid unicode: 55357");
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
