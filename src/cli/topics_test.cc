#include "src/cli/topics.h"

#include <algorithm>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "src/base/error_codes.h"
#include "src/cli/command_table.h"
#include "src/cli/embedded.h"
#include "src/cli/markdown.h"

namespace kplan {
namespace {

std::vector<Topic> TopicsOf(Topic::Kind kind) {
  std::vector<Topic> found;
  for (Topic& topic : AllTopics()) {
    if (topic.kind == kind) found.push_back(std::move(topic));
  }
  return found;
}

TEST(Topics, HaveATextAndAName) {
  std::set<std::pair<Topic::Kind, std::string>> seen;
  for (const Topic& topic : AllTopics()) {
    EXPECT_TRUE(seen.emplace(topic.kind, topic.name).second) << topic.name << " is there twice";
    EXPECT_EQ(topic.name.find(' '), std::string::npos) << topic.name;
    EXPECT_FALSE(SummaryOf(topic).empty()) << topic.name;
    EXPECT_LT(SummaryOf(topic).size(), 200u) << topic.name;
  }
}

// docs/errors.md has a section a code, in the order of the enumeration.
TEST(Topics, HaveEveryErrorCode) {
  std::vector<Topic> errors = TopicsOf(Topic::Kind::kError);
  ASSERT_EQ(errors.size(), static_cast<size_t>(kCodeCount));
  for (int i = 0; i < kCodeCount; ++i) EXPECT_EQ(errors[i].name, Slug(static_cast<Code>(i)));
}

// The usage in docs/commands.md is what the table says, word by word.
TEST(Topics, HaveTheSyntaxOfEveryCommand) {
  std::vector<Topic> commands = TopicsOf(Topic::Kind::kCommand);
  EXPECT_EQ(commands.size(), AllCommands().size());
  for (const CommandSyntax& command : AllCommands()) {
    std::multiset<std::string> expected = {std::string(command.name)};
    for (const OptionSyntax& option : command.options) {
      if (option.hidden || option.name == "-k") continue;  // short for --search
      expected.insert(absl::StrCat("[", option.name, option.value.empty() ? "" : " ", option.value, "]"));
      EXPECT_FALSE(OptionSummary(command.name, option.name).empty()) << command.name << " " << option.name;
    }
    for (const OperandSyntax& operand : command.operands) {
      expected.insert(absl::StrCat(operand.optional ? "[" : "", operand.name, operand.repeated ? "..." : "",
                                   operand.optional ? "]" : ""));
    }
    // "kplan gen [-C DIR] cluster.yaml": a word, or all between a bracket and its end.
    std::multiset<std::string> found;
    std::string syntax = SyntaxOf(command.name);
    if (!absl::StartsWith(syntax, absl::StrCat("kplan ", command.name))) {
      ADD_FAILURE() << command.name << " has no usage: " << syntax;
      continue;
    }
    absl::string_view rest = absl::string_view(syntax).substr(6);
    while (!rest.empty()) {
      size_t end = rest[0] == '[' ? rest.find(']') + 1 : rest.find_first_of(" \n");
      found.emplace(rest.substr(0, end));
      rest.remove_prefix(end);
      while (!rest.empty() && (rest[0] == ' ' || rest[0] == '\n')) rest.remove_prefix(1);
    }
    EXPECT_EQ(found, expected) << command.name;
    EXPECT_FALSE(CommandSummary(command.name).empty()) << command.name;
  }
}

std::vector<std::string> SplitWords(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
}

// What is left of TEXT when its markup is taken away line by line; code keeps its backticks.
std::vector<std::string> WordsWithoutMarkup(const std::string& text) {
  std::string words = std::regex_replace(text, std::regex("<!--[^>]*-->"), "");
  words = std::regex_replace(words, std::regex("\\[([^\\]`]*|`[^`]*`)\\]\\([^)]*\\)"), "$1");
  std::string out;
  for (std::string line : std::vector<std::string>(absl::StrSplit(words, '\n'))) {
    if (absl::StartsWith(line, "|--") || absl::StartsWith(line, "```")) continue;
    if (absl::StartsWith(line, "|")) {
      line = absl::StrReplaceAll(line, {{"\\|", "|"}, {"|", " "}});
    } else if (absl::StartsWith(line, "#")) {
      line = std::regex_replace(line, std::regex("^#+|`"), "");
    }
    if (!absl::StartsWith(line, "    ")) line = absl::StrReplaceAll(line, {{"**", ""}});
    absl::StrAppend(&out, line, "\n");
  }
  return SplitWords(out);
}

void ExpectWords(const std::vector<std::string>& printed, const std::vector<std::string>& words,
                 const std::string& where) {
  const auto [other, word] = std::mismatch(printed.begin(), printed.end(), words.begin(), words.end());
  EXPECT_TRUE(other == printed.end() && word == words.end())
      << where << ": \"" << (word == words.end() ? "" : *word) << "\" is printed as \""
      << (other == printed.end() ? "" : *other) << "\"";
}

// The words of TEXT are what is printed: in order where no cell of a table is too narrow for its text.
void ExpectTheSameWords(const std::string& text, const std::string& name) {
  std::vector<std::string> words = WordsWithoutMarkup(text);
  ExpectWords(SplitWords(RenderMarkdown(text, {1000000, false})), words, name);
  std::sort(words.begin(), words.end());
  for (size_t width : {40, 80, 100}) {
    std::vector<std::string> printed = SplitWords(RenderMarkdown(text, {width, false}));
    std::sort(printed.begin(), printed.end());
    ExpectWords(printed, words, absl::StrCat(name, " in ", width, " columns"));
  }
}

TEST(Topics, ArePrintedWordByWord) {
  for (const char* page : {"clusters", "commands", "errors", "etcd-flags", "hosts", "services", "steps"}) {
    ExpectTheSameWords(std::string(Embedded(absl::StrCat("docs/", page, ".md"))), page);
  }
  for (const Topic& topic : AllTopics()) ExpectTheSameWords(topic.text, topic.name);
}

TEST(Topics, SayInAFewWordsWhatAnOptionIsFor) {
  EXPECT_EQ(OptionSummary("gen", "-C"), "the folder to write to");
  EXPECT_EQ(OptionSummary("help", "-k"), "list the topics whose text has WORD in it");
  EXPECT_EQ(OptionSummary("gen", "--nonsense"), "");
  EXPECT_EQ(CommandSummary("nonsense"), "");
  EXPECT_EQ(SyntaxOf("nonsense"), "");
}

}  // namespace
}  // namespace kplan
