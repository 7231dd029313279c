#include "src/systemd/time_span.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(ParseTimeSpan, AsSystemdReadsIt) {
  for (const auto& [text, seconds] : {std::pair<const char*, double>{"0", 0},
                                      {"90", 90},
                                      {" 200 ", 200},
                                      {"1.5", 1.5},
                                      {"5min 20s", 320},
                                      {"5 min 20 s", 320},
                                      {"1h30m", 5400},
                                      {"2minutes", 120},
                                      {"1hr 1sec", 3601},
                                      {"300ms20s", 20.3},
                                      {"1d", 86400},
                                      {"2weeks", 1209600},
                                      {"1M", 2629800},
                                      {"1y", 31557600}}) {
    std::optional<absl::Duration> span = ParseTimeSpan(text);
    ASSERT_TRUE(span.has_value()) << text;
    EXPECT_NEAR(absl::ToDoubleSeconds(*span), seconds, 1e-6) << text;
  }
  EXPECT_EQ(ParseTimeSpan("infinity"), absl::InfiniteDuration());
}

TEST(ParseTimeSpan, WhatIsNoSpan) {
  for (const char* text : {"", " ", "min", "5 parsecs", "-1", "1..5", "infinity 5", "5 5x", "%i"})
    EXPECT_FALSE(ParseTimeSpan(text).has_value()) << text;
}

}  // namespace
}  // namespace kplan
