#include "src/base/text.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(FindInvalidUtf8, TakesWhatRfc3629Takes) {
  EXPECT_EQ(FindInvalidUtf8(""), absl::string_view::npos);
  EXPECT_EQ(FindInvalidUtf8("bücher \u20ac \U0001F600 \U0010FFFF"), absl::string_view::npos);
}

TEST(FindInvalidUtf8, SaysWhereItStopsBeingUtf8) {
  EXPECT_EQ(FindInvalidUtf8("ab\xff"), 2u);
  EXPECT_EQ(FindInvalidUtf8("a\xc3"), 1u) << "cut short";
  EXPECT_EQ(FindInvalidUtf8("\xc0\xaf"), 0u) << "overlong /";
  EXPECT_EQ(FindInvalidUtf8("\xe0\x80\xaf"), 0u) << "overlong /";
  EXPECT_EQ(FindInvalidUtf8("\xed\xa0\x80"), 0u) << "a surrogate";
  EXPECT_EQ(FindInvalidUtf8("\xf4\x90\x80\x80"), 0u) << "above U+10FFFF";
}

TEST(Quote, ShowsControlCharactersAndCutsLongText) {
  EXPECT_EQ(Quote("a\nb\x1b"), "\"a\\x0ab\\x1b\"");
  EXPECT_EQ(Quote("ü"), "\"ü\"");
  EXPECT_EQ(Quote("a\u009b1m\u2028"), "\"a\\xc2\\x9b1m\\xe2\\x80\\xa8\"") << "C1, line separator";
  EXPECT_EQ(Quote("\u202egpj\u2066"), "\"\\xe2\\x80\\xaegpj\\xe2\\x81\\xa6\"") << "the writing direction";
  EXPECT_EQ(Quote("\u00a0\u2027\u202f\u2065\u206a"), "\"\u00a0\u2027\u202f\u2065\u206a\"")
      << "their neighbours";
  EXPECT_EQ(Quote("\xe2\x80"), "\"\\xe2\\x80\"") << "cut short";
  EXPECT_EQ(Quote("\x9b"
                  "2J"),
            "\"\\x9b2J\"")
      << "C1 without UTF-8";
  EXPECT_EQ(Quote(std::string(1000, '\x80')).size(), 2 + 320 * 4 + 3u)
      << "has no character that could end it";
  EXPECT_EQ(Quote(std::string(200, 'x')), "\"" + std::string(80, 'x') + "…\"");
}

TEST(Shown, LeavesATerminalNothingToActOn) {
  // Each byte alone, and in the neighbourhood of others.
  for (int c = 0; c < 256; ++c) {
    const std::string text = {'a', static_cast<char>(c), 'b'};
    const bool control = c < 0x20 || c >= 0x7f;
    const bool line = c == '\n' || c == '\t';
    const std::string escaped = absl::StrFormat("a\\x%02xb", c);
    EXPECT_EQ(Shown(text), control ? escaped : text);
    EXPECT_EQ(ShownLines(text), control && !line ? escaped : text);
  }
  EXPECT_EQ(Shown("b\u00fccher \u009b \u202e \u2028"),
            "b\u00fccher \\xc2\\x9b \\xe2\\x80\\xae \\xe2\\x80\\xa8");
  EXPECT_EQ(Shown("\u00fc\xff\u00fc\xc3"), "\u00fc\\xff\u00fc\\xc3") << "on both sides of what is no UTF-8";
  const std::string twice = Shown("\x1b]0;title\x07");
  EXPECT_EQ(Shown(twice), twice) << "who is shown already stays";
}

// A megabyte of what is looked at most closely; by squares it would take an hour.
TEST(Shown, TakesOnePass) {
  std::string text;
  for (int i = 0; i < 350000; ++i) text += i % 2 == 0 ? "\u00fc" : "\xff";
  EXPECT_GT(Shown(text).size(), text.size());
}

TEST(Continued, EveryLineIsOneOfItsMessage) {
  EXPECT_EQ(Continued("one"), "one");
  EXPECT_EQ(Continued("one\nkplan: error: two\n  three\n\n    four\n"),
            "one\n  kplan: error: two\n  three\n\n    four\n");
}

TEST(LastLines, ShowsTheFirstAndTheLast) {
  EXPECT_EQ(LastLines(""), "    (no log lines)\n");
  EXPECT_EQ(LastLines("\n\n"), "    (no log lines)\n");
  EXPECT_EQ(LastLines("one\ntwo"), "    one\n    two\n");
  std::string twelve, ten;
  for (int i = 1; i <= 12; ++i) absl::StrAppend(&twelve, i, "\n");
  for (int i = 3; i <= 12; ++i) absl::StrAppend(&ten, "    ", i, "\n");
  EXPECT_EQ(LastLines(twelve), ten);
  EXPECT_EQ(LastLines(twelve, 1), "    1\n    ...\n" + ten);
  EXPECT_EQ(LastLines(twelve, 2), "    1\n    2\n" + ten) << "nothing is left out";
  EXPECT_EQ(LastLines(twelve, 20), "    1\n    2\n" + ten);
  EXPECT_EQ(LastLines("\x1b[2J\tgone"), "    \\x1b[2J\tgone\n");
}

std::string Frames(int n) {
  std::string frames = "goroutine 1 [running]:\n";
  for (int i = 0; i < n; ++i)
    absl::StrAppend(&frames, "main.deeper(...)\n\t/src/main.go:", 10 + i, " +0x1d\n");
  return frames;
}

TEST(LastLines, OfAPanicTheReasonIsShownBeforeFrames) {
  const std::string log =
      "starting\nlistening\npanic: the disk is on fire\n\n" + Frames(30) + "exit status 2\n";
  const std::string shown = LastLines(log);
  EXPECT_EQ(shown.substr(0, 44), "    panic: the disk is on fire\n    ...\n    \t");
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 12);
  EXPECT_EQ(LastLines(log, 1).substr(0, 65),
            "    starting\n    ...\n    panic: the disk is on fire\n    ...\n    \t");
  EXPECT_EQ(LastLines("panic: x\n" + Frames(2)),
            "    panic: x\n    goroutine 1 [running]:\n    main.deeper(...)\n"
            "    \t/src/main.go:10 +0x1d\n    main.deeper(...)\n    \t/src/main.go:11 +0x1d\n")
      << "it is there anyway";
}

TEST(LastLines, OfManyReasonsTheLastThree) {
  std::string log;
  for (int i = 0; i < 5; ++i) absl::StrAppend(&log, "panic: ", i, "\n", Frames(10));
  EXPECT_EQ(LastLines(log).substr(0, 63),
            "    panic: 2\n    ...\n    panic: 3\n    ...\n    panic: 4\n    ...\n");
}

TEST(SaysWhyItEnded, KnowsTheLoggersOfTheField) {
  for (const char* line :
       {"panic: runtime error: index out of range [3] with length 3", "\tpanic: again [recovered]",
        "fatal error: all goroutines are asleep - deadlock!", "fatal: cannot open the file",
        "FATAL: no pg_hba.conf entry",
        R"({"level":"fatal","ts":"2026-03-01T00:00:00Z","msg":"discovery failed"})",
        R"({"level":"panic","msg":"failed to recover v3 backend"})",
        R"(time="2026-03-01" level=fatal msg="no")", "F0302 14:00:00.000000    1 server.go:1] no",
        "2026-03-01 12:00:00.000000 C | etcdmain: no such directory",
        "thread 'main' panicked at 'no', src/main.rs:2:5"}) {
    EXPECT_TRUE(SaysWhyItEnded(line)) << line;
  }
  for (const char* line :
       {"", "panic({0xb3a8e0, 0xc0001})", "\t/usr/local/go/src/runtime/panic.go:1038 +0x215",
        "go.uber.org/zap.(*Logger).Fatal(...)", R"({"level":"info","msg":"closed"})", "Four 14 F",
        "F030x 14:00", "2026-03-01 12:00:00.000000 I | etcdmain: ok", "nothing was fatal here"}) {
    EXPECT_FALSE(SaysWhyItEnded(line)) << line;
  }
}

TEST(DidYouMean, FindsTheNearestAndNothingFar) {
  EXPECT_EQ(DidYouMean("host", {"hosts", "names"}), "did you mean \"hosts\"?");
  EXPECT_EQ(DidYouMean("nmaes", {"hosts", "names"}), "did you mean \"names\"?");
  EXPECT_EQ(DidYouMean("cn", {"CN", "names"}), "did you mean \"CN\"?");
  EXPECT_EQ(DidYouMean("quux", {"hosts", "names"}), "");
  EXPECT_EQ(DidYouMean("a", {}), "");
}

TEST(Words, JoinAndCount) {
  EXPECT_EQ(JoinAnd({}), "");
  EXPECT_EQ(JoinAnd({"a"}), "a");
  EXPECT_EQ(JoinAnd({"a", "b", "c"}), "a, b and c");
  EXPECT_EQ(Count(1, "step"), "1 step");
  EXPECT_EQ(Count(0, "step"), "0 steps");
}

TEST(IsPlainPath, KeepsOutWhatNinjaOrAShellWouldRead) {
  EXPECT_TRUE(IsPlainPath("/etc/etcd/ca.pem"));
  EXPECT_TRUE(IsPlainPath("archives/etcd-v3.4.15+b1~x@y=z"));
  for (const char* bad :
       {"", "a b", "a$b", "a:b", "a|b", "a\nb", "a;b", "a`b", "a'b", "ü", "a*b", "a%b", "a#b"}) {
    EXPECT_FALSE(IsPlainPath(bad)) << bad;
  }
}

}  // namespace
}  // namespace kplan
