#include "src/base/edited_words.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/text.h"

namespace kplan {
namespace {

using testing::HasSubstr;

std::string Line(int words, const std::string& edited, int at) {
  std::vector<std::string> all;
  for (int i = 0; i < words; ++i) all.push_back(i == at ? edited : absl::StrCat("--flag-", i, "=", i));
  return absl::StrJoin(all, " ");
}

size_t CharactersIn(absl::string_view text) {
  size_t n = 0;
  for (char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

TEST(ShowEditedWords, WhatIsShortIsWhole) {
  const EditedWords words = ShowEditedWords("[a, b]", "[a, c]\t");
  EXPECT_EQ(words.from, "[a, b]");
  EXPECT_EQ(words.to, "[a, c]\\x09");
  EXPECT_EQ(ShowEditedWords("", "x").from, "");
}

TEST(ShowEditedWords, TheEditedWordIsInSightWhereverItStands) {
  for (int at : {0, 1, 50, 98, 99}) {
    const EditedWords words = ShowEditedWords(Line(100, "--max-wals=5", at), Line(100, "--max-wals=10", at));
    EXPECT_THAT(words.from, HasSubstr("--max-wals=5"));
    EXPECT_THAT(words.to, HasSubstr("--max-wals=10"));
    EXPECT_EQ(absl::StartsWith(words.to, "…"), at > 1) << words.to;
    EXPECT_EQ(absl::EndsWith(words.to, "…"), at < 98) << words.to;
  }
  EXPECT_EQ(ShowEditedWords(Line(100, "--wals=5", 50), Line(100, "--wals=7", 50), 40).to,
            "…-flag-49=49 --wals=7 --flag-51=51 --fla…");
}

TEST(ShowEditedWords, SeveralEditsOfOneLine) {
  std::string from = Line(100, "--a=old", 10), to = Line(100, "--a=new", 10);
  absl::StrAppend(&from, " --middle ", Line(40, "--b=5", 20), " --end");
  absl::StrAppend(&to, " --middle ", Line(40, "--b=6", 20), " --end --more");
  const EditedWords words = ShowEditedWords(from, to);
  for (const char* word : {"old", "--b=5"}) EXPECT_THAT(words.from, HasSubstr(word));
  for (const char* word : {"new", "--b=6", "--end --more"}) EXPECT_THAT(words.to, HasSubstr(word));
}

TEST(ShowEditedWords, ALongWordIsShownWhereItDiffers) {
  std::string from(1000, 'A'), to = from;
  from[500] = 'x';
  to[500] = 'y';
  EXPECT_EQ(ShowEditedWords(from, to, 21).from,
            absl::StrCat("…", std::string(10, 'A'), "x", std::string(10, 'A'), "…"));
  // Another one altogether: both its ends.
  const EditedWords words =
      ShowEditedWords(absl::StrCat("b", std::string(500, 'B'), "c"), std::string(600, 'D'), 10);
  EXPECT_EQ(words.from, "bBBBB…BBBBc");
  EXPECT_EQ(words.to, "DDDDD…DDDDD");
}

TEST(ShowEditedWords, WhatWouldLookTheSameHasItsLength) {
  const EditedWords words = ShowEditedWords(std::string(100, 'a'), std::string(101, 'a'));
  EXPECT_NE(words.from, words.to);
  EXPECT_THAT(words.to, HasSubstr("(101 bytes)"));
}

TEST(ShowEditedWords, ManyWordsThatAllDiffer) {
  std::string from, to;
  for (int i = 0; i < 20000; ++i) {
    absl::StrAppend(&from, "a", i, " ");
    absl::StrAppend(&to, "b", i, " ");
  }
  const EditedWords words = ShowEditedWords(from, to);
  EXPECT_THAT(words.from, testing::StartsWith("a0 "));
  EXPECT_LE(words.from.size(), 100u);
}

TEST(WordsThatCame, AreWhole) {
  using testing::ElementsAre;
  EXPECT_THAT(WordsThatCame("[a, etcd-1]", "[a, etcd-2, b]"), ElementsAre("etcd-2", "b"));
  EXPECT_THAT(WordsThatCame("--wals=15", "--wals=5"), ElementsAre("5"));
  EXPECT_THAT(WordsThatCame("etcd-15x", "etcd-1x"), ElementsAre("etcd-1x"));
  EXPECT_THAT(WordsThatCame("[a, b, c]", "[a, c]"), testing::IsEmpty());
  EXPECT_THAT(WordsThatCame("", "x"), ElementsAre("x"));
  EXPECT_THAT(WordsThatCame("x", "x"), testing::IsEmpty());
}

TEST(ShowWordsOf, AWindowOnThem) {
  const std::string line =
      absl::StrCat("hosts: [", Line(50, "new-1", 20), ", new-1, ", Line(50, "new-2", 30), "]");
  EXPECT_EQ(ShowWordsOf("a: [b]", {"b"}), "a: [b]");
  EXPECT_THAT(ShowWordsOf(line, {"new-1", "new-2"}), testing::ContainsRegex("^….*new-1.*….*new-2.*…$"));
  EXPECT_THAT(ShowWordsOf(line, {"new-1"}, line.find(", new-1")), HasSubstr(", new-1, --flag-0"));
  EXPECT_THAT(ShowWordsOf(line, {"nobody"}), testing::StartsWith("hosts: [--flag-0"));
  EXPECT_THAT(ShowWordsOf(line, {}, line.find("new-2")), HasSubstr("new-2"));
}

// Any line, with any one to three of its words edited.
TEST(ShowEditedWords, HoldsForAnyLine) {
  std::mt19937 random(20261130);
  auto pick = [&random](size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random); };
  const std::vector<std::string> kLetters = {"a",  "b", "0",       "-",  ".", "ü",
                                             "界", "😀", "e\u0301", "\t", "=", "/"};
  auto word = [&] {
    std::string text = "w";
    for (size_t i = pick(12); i > 0; --i) text += kLetters[pick(kLetters.size() - 3)];
    return text;
  };
  const std::vector<std::string> kGaps = {" ", "\t", ", ", "=", "/", "  "};
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> words(1 + pick(80));
    for (std::string& each : words) each = absl::StrCat(word(), kGaps[pick(kGaps.size())]);
    std::vector<std::string> edited = words;
    std::vector<size_t> places;
    for (size_t n = 1 + pick(3); n > 0; --n) {
      const size_t at = pick(words.size());
      // It begins and ends as no other word does.
      edited[at] = absl::StrCat("Q", n, word(), "Q", kGaps[pick(kGaps.size())]);
      places.push_back(at);
    }
    const std::string from = absl::StrJoin(words, ""), to = absl::StrJoin(edited, "");
    const size_t most = 80;
    const EditedWords shown = ShowEditedWords(from, to, most);
    SCOPED_TRACE(absl::StrCat(from, "\n", to, "\n", shown.from, "\n", shown.to));
    EXPECT_NE(shown.from, shown.to);
    EXPECT_EQ(FindInvalidUtf8(shown.to), std::string::npos);
    EXPECT_FALSE(absl::StrContains(shown.to, '\t'));
    // Three words have room.
    for (size_t at : places) {
      const std::string& word = edited[at];
      EXPECT_THAT(shown.to, HasSubstr(Shown(word.substr(0, word.rfind('Q') + 1))));
    }
    // Nothing is made up: the pieces stand in the text, in this order.
    for (const auto& [text, out] : {std::make_pair(from, shown.from), std::make_pair(to, shown.to)}) {
      const std::string all = Shown(text);
      size_t after = 0;
      for (absl::string_view piece : absl::StrSplit(out, "…")) {
        after = all.find(std::string(piece), after);
        ASSERT_NE(after, std::string::npos) << piece;
        after += piece.size();
      }
      if (CharactersIn(text) <= most) {
        EXPECT_EQ(out, all);
      }
    }
    // An escape is one character of at most four, "e" and its accent are two; three edits have up to four
    // "…".
    EXPECT_LE(CharactersIn(shown.to), 4 * most + 4);
  }
}

}  // namespace
}  // namespace kplan
