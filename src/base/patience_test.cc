#include "src/base/patience.h"

#include "gtest/gtest.h"
#include "src/base/clock_testing.h"

namespace kplan {
namespace {

constexpr Patience::Bounds kBounds = {absl::Minutes(1), absl::Minutes(10)};

TEST(Patience, SilenceEndsIt) {
  FakeClock clock;
  Patience patience(kBounds, &clock);
  EXPECT_EQ(patience.Left(), absl::Minutes(1));
  clock.SleepFor(absl::Seconds(59));
  EXPECT_TRUE(patience.Check().ok());
  EXPECT_EQ(patience.Left(), absl::Seconds(1));
  clock.SleepFor(absl::Seconds(1));
  EXPECT_EQ(patience.Check(), absl::DeadlineExceededError("it has been silent for 1m"));
  EXPECT_EQ(patience.Left(), absl::ZeroDuration());
  clock.SleepFor(absl::Seconds(1));
  EXPECT_EQ(patience.Left(), absl::ZeroDuration());
}

// A sign of life every second: it is over all the same when the whole time is.
TEST(Patience, ADripDoesNotGoOnForEver) {
  FakeClock clock;
  Patience patience(kBounds, &clock);
  int drips = 0;
  for (; patience.Check().ok(); ++drips) {
    EXPECT_GT(patience.Left(), absl::ZeroDuration());
    clock.SleepFor(absl::Seconds(1));
    patience.SawLife();
  }
  EXPECT_EQ(drips, 600);
  EXPECT_EQ(patience.Check(), absl::DeadlineExceededError("it was not done within 10m"));
}

TEST(Patience, TheNearerBoundIsTheOneThatIsWaitedFor) {
  FakeClock clock;
  Patience patience(kBounds, &clock);
  for (int i = 0; i < 19; ++i) {
    clock.SleepFor(absl::Seconds(30));
    patience.SawLife();
  }
  EXPECT_EQ(patience.Left(), absl::Seconds(30)) << "of all, where silence may last a minute";
}

TEST(Patience, WithoutBoundsItLasts) {
  FakeClock clock;
  Patience patience({absl::InfiniteDuration(), absl::InfiniteDuration()}, &clock);
  clock.SleepFor(absl::Hours(24 * 365));
  EXPECT_TRUE(patience.Check().ok());
  EXPECT_EQ(patience.Left(), absl::InfiniteDuration());
}

}  // namespace
}  // namespace kplan
