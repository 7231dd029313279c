#include "src/base/text.h"

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
  EXPECT_EQ(Quote("\xe2\x80"), "\"\xe2\x80\"") << "cut short";
  EXPECT_EQ(Quote(std::string(200, 'x')), "\"" + std::string(80, 'x') + "…\"");
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
