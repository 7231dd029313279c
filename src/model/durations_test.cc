#include "src/model/durations.h"

#include "gtest/gtest.h"

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
            "a duration has no unit \"d\"; hours are the largest\nwrite 2160h");
}

TEST(ParseBackdate, IsFromASecondToAYear) {
  EXPECT_EQ(*ParseBackdate("1s"), 1);
  EXPECT_EQ(*ParseBackdate("1h"), 3600);
  EXPECT_EQ(*ParseBackdate("8760h"), 8760 * 3600);
  for (const char* bad : {"", "0s", "8760h1s", "5", "-5m"}) EXPECT_FALSE(ParseBackdate(bad).ok()) << bad;
}

}  // namespace
}  // namespace kplan
