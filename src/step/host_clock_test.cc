#include "src/step/host_clock.h"

#include "absl/time/clock.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::HasSubstr;

// Of a clock that is AHEAD at the moment of an answer that took TOOK.
std::string Trouble(absl::Duration ahead, absl::Duration took = absl::ZeroDuration()) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  return ClockTrouble(absl::ToUnixMillis(now + ahead), now, now + took);
}

TEST(ClockTrouble, FiveMinutesAreNear) {
  for (int seconds : {0, 1, 299, 300, -1, -299, -300})
    EXPECT_EQ(Trouble(absl::Seconds(seconds)), "") << seconds;
}

TEST(ClockTrouble, SaysHowFarAndWhichWay) {
  EXPECT_THAT(Trouble(absl::Seconds(301)), HasSubstr("its clock is 5 min ahead of this machine's"));
  EXPECT_THAT(Trouble(absl::Seconds(-301)), HasSubstr("its clock is 5 min behind this machine's"));
  EXPECT_THAT(Trouble(absl::Hours(1)), HasSubstr("60 min ahead"));
  EXPECT_THAT(Trouble(-absl::Hours(47)), HasSubstr("47 h behind"));
  EXPECT_THAT(Trouble(-absl::Hours(24 * 400)), HasSubstr("400 days behind"));
  EXPECT_THAT(ClockTrouble(0, absl::Now(), absl::Now()), HasSubstr("days behind"));
}

TEST(ClockTrouble, AnAnswerThatTookLongMayHaveBeenGivenAtAnyMoment) {
  EXPECT_EQ(Trouble(absl::Minutes(8), absl::Minutes(3)), "");
  EXPECT_THAT(Trouble(absl::Minutes(9), absl::Minutes(3)), HasSubstr("6 min ahead"));
  EXPECT_EQ(Trouble(-absl::Minutes(5), absl::Minutes(3)), "");
}

TEST(ClockTrouble, OurOwnClockMayBeSetMeanwhile) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(ClockTrouble(absl::ToUnixMillis(now), now, now - absl::Hours(1)), "");
}

}  // namespace
}  // namespace kplan
