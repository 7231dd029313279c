#include "src/spec/yaml_common.h"

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "src/base/diagnostic.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

// Every case instead of a sample.
bool IsFullSweep() {
  const char* sweep = std::getenv("KPLAN_SWEEP");
  return sweep != nullptr && std::string(sweep) == "full";
}

// What both readers say of a text that is in the common part.
class Readings {
 public:
  void Try(const std::string& text) {
    if (!IsCommonYaml(text)) return;
    SourceFile source("c", text);
    Diagnostics diagnostics(&source);
    YamlTree tree;
    if (!tree.Parse(&diagnostics, YamlTree::SecondReading::kAlways)) return;
    ++read_;
    for (const Diagnostic& diagnostic : diagnostics.all())
      ADD_FAILURE() << testing::PrintToString(text) << ": " << diagnostic.message;
  }

  // How many the strict reader took.
  size_t read() const { return read_; }

 private:
  size_t read_ = 0;
};

// Every text of COUNT of PIECES.
void ForEach(const std::vector<std::string>& pieces, int count, const std::string& text,
             const std::function<void(const std::string&)>& visit) {
  if (count == 0) return visit(text);
  for (const std::string& piece : pieces) ForEach(pieces, count - 1, text + piece, visit);
}

TEST(YamlCommon, AllShortTextsAreReadAlike) {
  const std::vector<std::string> signs = {"a", "b", " ", "\n", ":", "-", ",", "[", "]", "{", "}", "\"", "#"};
  Readings readings;
  for (int length = 1; length <= (IsFullSweep() ? 7 : 5); ++length)
    ForEach(signs, length, "", [&](const std::string& text) { readings.Try(text); });
  EXPECT_GT(readings.read(), 100u);
}

TEST(YamlCommon, AllTextsInBracketsAreReadAlike) {
  const std::vector<std::string> signs = {"a", " ", "\n", ": ", ", ",   ",",    "[",
                                          "]", "{", "}",  "'",  " #\n", "\n  ", ":"};
  Readings readings;
  for (int length = 1; length <= (IsFullSweep() ? 6 : 5); ++length) {
    ForEach(signs, length, "", [&](const std::string& text) {
      readings.Try("k: [" + text + "]\n");
      readings.Try("- k: {" + text + "}\n");
      readings.Try("k: {b: " + text + "}\n");
    });
  }
  EXPECT_GT(readings.read(), 1000u);
}

// LINES at each of the indents.
std::vector<std::string> Indented(const std::vector<std::string>& indents,
                                  const std::vector<std::string>& lines) {
  std::vector<std::string> all = {"\n", "#\n"};
  for (const std::string& indent : indents) {
    for (const std::string& line : lines) all.push_back(indent + line + "\n");
  }
  return all;
}

TEST(YamlCommon, AllFewLinesAreReadAlike) {
  Readings readings;
  const std::vector<std::string> all = Indented(
      {"", " ", "  ", "   ", "    "},
      {"# a: b",   "a:",    "b: c d",     "- a",         "- a: b",          "- c:",       "- - a", "-  - a:",
       "- - b: c", "d: []", "e: {b: c}",  "f: [a,\n b]", "- [a, {b: 'c'}]", "'g': \"b\"", "- {}",  "h:  # c",
       "i: null",  "j",     "- k:  l  #", "\"- m\": ':'"});
  for (int count = 1; count <= (IsFullSweep() ? 3 : 2); ++count)
    ForEach(all, count, "", [&](const std::string& text) { readings.Try(text); });
  const std::vector<std::string> few =
      Indented({"", "  ", "    "}, {"a:", "b: c", "- a", "- a: b", "- - c:", "d: [a]"});
  for (int count = 3; count <= (IsFullSweep() ? 5 : 4); ++count)
    ForEach(few, count, "", [&](const std::string& text) { readings.Try(text); });
  EXPECT_GT(readings.read(), 1000u);
}

TEST(YamlCommon, HasWhatAClusterIsMostlyWrittenWith) {
  for (const char* text :
       {"hosts:\n  etcd-1: {address: 10.0.0.11, ssh: ops@10.0.0.11, become: sudo}\n", "root: ./hosts/a\n",
        "usages: [signing, key encipherment,\n         server auth]  # and no more\n",
        "hosts: [$name, \"127.0.0.1\"]\n", "url: https://127.0.0.1:2379\n", "- a\n# b\n- 'c: d'\n",
        "a:\n  b: c\n\n  d:\n  - e\n  - f: g\n    h: i"})
    EXPECT_TRUE(IsCommonYaml(text)) << text;
}

// Where readers are known to differ, or nobody has looked.
TEST(YamlCommon, HasNothingElse) {
  for (const char* text : {"",
                           "#\n",
                           "a",
                           "[a]",
                           "---\na: b\n",
                           "a: b\n...\n",
                           "%YAML 1.2\n",
                           "a: |\n  b\n",
                           "a: b\n  c\n",
                           "a: b\n  - c\n",
                           "- a\n  - b\n",
                           "a: \"b\n  c\"\n",
                           "a: \"\\n\"\n",
                           "a: 'b''c'\n",
                           "a: &b c\n",
                           "a: *b\n",
                           "a: !b c\n",
                           "? a\n: b\n",
                           "a: [?b]\n",
                           "a: [b c: d]\n",
                           "a: {b}\n",
                           "a: {b: }\n",
                           "a: {b: c, }\n",
                           "a: {\"b\":c}\n",
                           "a: {b\n: c}\n",
                           "a: [b\n c]\n",
                           "[a]: b\n",
                           "a: b\tc\n",
                           "a: b\r\n",
                           "a: \xC3\xBC\n",
                           "a: \"\xC2\x85\"\n",
                           "a:b: c: d\n",
                           "-\n  a\n",
                           "a: - b\n",
                           "a: b#\n",
                           "a: [b]#\n",
                           "a: ?b\n",
                           "a: @b\n",
                           "a: b  c\n"})
    EXPECT_FALSE(IsCommonYaml(text)) << text;
  EXPECT_FALSE(IsCommonYaml("a: " + std::string(17, '[') + std::string(17, ']') + "\n"));
  EXPECT_FALSE(IsCommonYaml(std::string(257, 'k') + ": a\n"));
}

}  // namespace
}  // namespace kplan
