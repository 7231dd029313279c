#include "src/model/durations.h"

#include "gtest/gtest.h"
#include "src/base/diagnostic.h"

namespace kplan {
namespace {

TEST(ParseExpiry, ReadsGoDurations) {
  EXPECT_EQ(*ParseExpiry("8760h"), 8760 * 3600);
  EXPECT_EQ(*ParseExpiry("1h30m"), 5400);
  EXPECT_EQ(*ParseExpiry("43800h0m0s"), int64_t{43800} * 3600);
  EXPECT_EQ(*ParseExpiry("1752000h"), int64_t{1752000} * 3600) << "200 years";
  for (const char* bad :
       {"", "90d", "1y", "8760", "h", "1.5h", "-1h", "100ms", "1752001h", "99999999999999999999h", "1h ",
        "9m59s", "0s", "9223372036854775807s9223372036854775807s"}) {
    EXPECT_FALSE(ParseExpiry(bad).ok()) << bad;
  }
  EXPECT_EQ(ParseExpiry("90d").status().message(),
            "\"90d\" is not written in h, m and s; hours are the largest unit\nwrite 2160h");
  // The whole of it, in what follows the remedy's words.
  for (auto [text, remedy] : {std::make_pair("1d12h", "write 36h"),
                              {"1y1h30m", "write 8761h30m"},
                              {"365 days", "write 8760h"},
                              {"8760H", "write 8760h"},
                              {"1 hour, 30 min", "write 1h30m"},
                              {"300y", "write at most 1752000h"}}) {
    const Remedy told = RemedyOf(ParseExpiry(text).status());
    EXPECT_EQ(told.words, remedy) << text;
    if (told.instead) {
      EXPECT_TRUE(ParseExpiry(*told.instead).ok()) << text;
    }
  }
  EXPECT_FALSE(RemedyOf(ParseExpiry("0d").status()).instead.has_value()) << "which is too short, too";
}

TEST(ParseBackdate, IsFromASecondToAYear) {
  EXPECT_EQ(*ParseBackdate("1s"), 1);
  EXPECT_EQ(*ParseBackdate("1h"), 3600);
  EXPECT_EQ(*ParseBackdate("8760h"), 8760 * 3600);
  for (const char* bad : {"", "0s", "8760h1s", "5", "-5m"}) EXPECT_FALSE(ParseBackdate(bad).ok()) << bad;
}

TEST(ParseNotice, IsFromASecondOn) {
  EXPECT_EQ(*ParseNotice("15s"), 15);
  EXPECT_EQ(*ParseNotice("720h"), 720 * 3600);
  for (const char* bad : {"", "0s", "15", "-1s", "30d", "1752001h"})
    EXPECT_FALSE(ParseNotice(bad).ok()) << bad;
}

TEST(WrittenDuration, CanBeWritten) {
  for (int64_t seconds : {1, 15, 60, 90, 600, 5400, 7200, 7260})
    EXPECT_EQ(*ParseNotice(WrittenDuration(seconds)), seconds);
  EXPECT_EQ(WrittenDuration(15), "15s");
  EXPECT_EQ(WrittenDuration(600), "10m");
  EXPECT_EQ(WrittenDuration(5400), "90m");
  EXPECT_EQ(WrittenDuration(7200), "2h");
}

TEST(ParseAge, IsFromASecondToADay) {
  EXPECT_EQ(*ParseAge("1s"), 1);
  EXPECT_EQ(*ParseAge("10m"), 600);
  EXPECT_EQ(*ParseAge("24h"), 86400);
  for (const char* text : {"", "0s", "24h1s", "10", "10 m", "1d", "-1s"})
    EXPECT_FALSE(ParseAge(text).ok()) << text;
}

}  // namespace
}  // namespace kplan
