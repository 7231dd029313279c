#include "src/spec/yaml_parser.h"

#include <string>

#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/base/source.h"
#include "src/spec/yaml_events.h"

// What the specification says of whole documents is tests/yaml_suite_test.py's; here are the words and places
// of errors, and what the suite has not.

namespace kplan {
namespace {

// The values of a text, one behind the other: "a:1:" has two keys' worth.
class Values : public YamlEvents {
 public:
  void OnDocumentStart(bool, Range) override {}
  void OnDocumentEnd(bool) override {}
  void OnAlias(absl::string_view name, Range) override { Add("*" + std::string(name)); }
  void OnScalar(const YamlProperties&, YamlStyle, std::string value, Range) override { Add(value); }
  void OnListStart(const YamlProperties&, bool, Range) override { Add("["); }
  void OnListEnd() override { Add("]"); }
  void OnMapStart(const YamlProperties&, bool, Range) override { Add("{"); }
  void OnMapEnd() override { Add("}"); }

  std::string all;

 private:
  void Add(const std::string& text) { all += (all.empty() ? "" : " ") + text; }
};

std::string Read(const std::string& text) {
  SourceFile source("c", text);
  Diagnostics diagnostics(&source);
  Values values;
  if (ParseYaml(&diagnostics, &values)) return values.all;
  if (diagnostics.all().size() != 1) return "not one error";
  const Diagnostic& error = diagnostics.all()[0];
  SourceFile::Position position = source.PositionOf(error.range.begin);
  return std::to_string(position.line) + ":" + std::to_string(position.column) + ": " + error.message + "; " +
         error.help;
}

TEST(YamlParser, ReadsWhatJsonIs) {
  EXPECT_EQ(Read("{\n\t\"a\":\t1,\n\t\"b\": [true,\"x\"]\n}\n"), "{ a 1 b [ true x ] }");
  EXPECT_EQ(Read(R"({"a":"\ud83d\ude00\u00e9\/"})"), "{ a \xF0\x9F\x98\x80\xC3\xA9/ }");
  EXPECT_EQ(Read(R"(["\U0001F600"])"), "[ \xF0\x9F\x98\x80 ]");
}

TEST(YamlParser, RefusesHalvesAndStrangersOfUnicode) {
  EXPECT_EQ(Read(R"(a: "\ud83d")").substr(0, 56),
            "1:5: this is not YAML: \\ud83d is no character of Unicode");
  EXPECT_EQ(Read(R"(a: "\ud83dx\ude00")").substr(0, 32), "1:5: this is not YAML: \\ud83d is");
  EXPECT_EQ(Read(R"(a: "\U00110000")").substr(0, 34), "1:5: this is not YAML: \\U00110000 ");
  EXPECT_EQ(Read(R"(a: "\u12x4")").substr(0, 64),
            "1:5: this is not YAML: \\u is followed by 4 hexadecimal digits; w");
  EXPECT_EQ(Read("a: \"\\q\"").substr(0, 48), "1:5: this is not YAML: there is no escape \"\\q\"; ");
}

TEST(YamlParser, EndsAQuoteWhereItsValueEnds) {
  EXPECT_EQ(
      Read("content: 'password=x\nmode: 0600\nowner: root\n"),
      "1:10: this is not YAML: this quote is not closed where its value ends; close it behind the text that "
      "it is to hold; what goes on in the next line is indented deeper than its key");
  EXPECT_EQ(Read("a: 'x\n"),
            "1:4: this is not YAML: this quote is not closed; close it behind the text that it is to hold");
  EXPECT_EQ(Read("a: \"x"),
            "1:4: this is not YAML: this quote is not closed; close it behind the text that it is to hold");
  EXPECT_EQ(Read("a: \"x\\\n"),
            "1:4: this is not YAML: this quote is not closed; close it behind the text that it is to hold");
  EXPECT_EQ(Read("a: 'x\n  y'\n"), "{ a x y }");
}

TEST(YamlParser, SaysWhatToPutInQuotes) {
  EXPECT_EQ(
      Read("a: @x\n"),
      "1:4: this is not YAML: no text begins with \"@\", unless it is in quotes; put the text in quotes");
  EXPECT_EQ(
      Read("a: %x\n"),
      "1:4: this is not YAML: no text begins with \"%\", unless it is in quotes; put the text in quotes");
  EXPECT_EQ(Read("h: {address: ${X}}\n"),
            "1:15: this is not YAML: between brackets, a text without quotes ends before \"{\"; here a comma "
            "or \"}\" "
            "has to follow; close the bracket, or, if this is one text, put it in quotes");
  EXPECT_EQ(Read("a: b: c\n"),
            "1:5: this is not YAML: a map does not begin here: its keys stand in lines of their own; begin "
            "it in the next "
            "line, or write it in { }; if this is one text, put it in quotes");
  EXPECT_EQ(Read("a: \"b\" c\n"),
            "1:8: this is not YAML: the value ended before this; if this is one text, put it in quotes");
  EXPECT_EQ(Read(","),
            "1:1: this is not YAML: \",\" is not expected here; remove it, or if this is one text, put it in "
            "quotes");
}

TEST(YamlParser, SaysWhereIndentationFitsNothing) {
  EXPECT_EQ(Read("hosts:\n\tw: x\n"),
            "2:1: this is not YAML: a tab stands before a list or a map; YAML is indented with spaces: "
            "replace the tab");
  EXPECT_EQ(Read("\thosts: x\n"),
            "1:1: this is not YAML: a tab stands before a list or a map; YAML is indented with spaces: "
            "replace the tab");
  EXPECT_EQ(Read("a: 1\n  b: 2\n").substr(0, 36), "2:4: this is not YAML: a map does no");
  EXPECT_EQ(Read("a:\n    b: 1\n  c: 2\n").substr(0, 64),
            "3:3: this is not YAML: this line is deeper than what it could be");
  EXPECT_EQ(Read("a:\n  b:\n    c: 1\n   d: 1\n").substr(0, 64),
            "4:4: this is not YAML: this line is deeper than what it could be");
  EXPECT_EQ(Read("a: 1\nb\n"),
            "2:1: this is not YAML: this is no key with its colon (key: value); write a colon and a space "
            "behind the key");
  EXPECT_EQ(
      Read("a: 1\nb:2\n"),
      "2:1: this is not YAML: this is no key with its colon (key: value); write a space behind the colon");
  EXPECT_EQ(Read("hosts: {w: {}\nca: x\n"),
            "1:8: this is not YAML: this bracket is not closed where its value ends; close it behind its "
            "last entry; lines "
            "between brackets are indented deeper than the key");
}

TEST(YamlParser, NamesTheSpaceThatIsNone) {
  EXPECT_EQ(Read("a: 1\nb:\xC2\xA0"
                 "2\n"),
            "2:1: this is not YAML: this is no key with its colon (key: value); write a space behind the "
            "colon\na no-break "
            "space (U+00A0) is in this line; it looks like a space and is none: write a space instead");
}

TEST(YamlParser, HasBounds) {
  const std::string deep(kMaxYamlDepth, '['), deeper(1 << 20, '[');
  EXPECT_EQ(Read(deep + std::string(deep.size(), ']')).substr(0, 3), "[ [");
  EXPECT_EQ(Read(deeper), "1:65: nested more than 64 levels deep; ");
  std::string dashes, questions;
  for (int i = 0; i < 1000; ++i) {
    dashes += "- ";
    questions += "? ";
  }
  EXPECT_EQ(Read(dashes), "1:129: nested more than 64 levels deep; ");
  EXPECT_EQ(Read(questions), "1:129: nested more than 64 levels deep; ");
  EXPECT_EQ(Read(std::string(1024, 'k') + ": 1\n"), "{ " + std::string(1024, 'k') + " 1 }");
  EXPECT_EQ(Read("a: 1\n" + std::string(1025, 'k') + ": 1\n"),
            "2:1: this is not YAML: a key has at most 1,024 characters; write a shorter one");
}

TEST(YamlParser, ReadsLinesOfWindows) {
  EXPECT_EQ(Read("a: 'x\r\n  y'\r\nb: |\r\n  l1\r\n  l2\r\nc: p\r\n  q\r\n"), "{ a x y b l1\nl2\n c p q }");
}

}  // namespace
}  // namespace kplan
