#include "src/base/days.h"

#include "gtest/gtest.h"

namespace kplan {
namespace {

TEST(DaysLeft, IsRoundedDown) {
  constexpr int64_t kEnd = 1800000000;
  const absl::Time end = absl::FromUnixSeconds(kEnd);
  EXPECT_EQ(DaysLeft(kEnd, end - absl::Hours(48)), 2);
  EXPECT_EQ(DaysLeft(kEnd, end - absl::Hours(48) + absl::Seconds(1)), 1);
  EXPECT_EQ(DaysLeft(kEnd, end - absl::Hours(24)), 1);
  EXPECT_EQ(DaysLeft(kEnd, end - absl::Seconds(1)), 0) << "today";
  EXPECT_EQ(DaysLeft(kEnd, end), 0);
  EXPECT_EQ(DaysLeft(kEnd, end + absl::Seconds(1)), -1) << "past";
  EXPECT_EQ(DaysLeft(kEnd, end + absl::Hours(24)), -1);
  EXPECT_EQ(DaysLeft(kEnd, end + absl::Hours(24) + absl::Seconds(1)), -2);
}

TEST(DaysLeft, CountsWholeSeconds) {
  EXPECT_EQ(DaysLeft(kDaySeconds, absl::FromUnixMillis(999)), 1);
  EXPECT_EQ(DaysLeft(0, absl::FromUnixMillis(999)), 0);
}

}  // namespace
}  // namespace kplan
