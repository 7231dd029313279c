#include "src/base/clock.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/clock_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;

TEST(RealClock, IsThatOfTheMachine) {
  Clock* clock = Clock::Real();
  EXPECT_EQ(clock, Clock::Real());
  const absl::Time before = absl::Now();
  const absl::Time now = clock->Now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, absl::Now());
}

TEST(RealClock, Waits) {
  const absl::Time begun = absl::Now();
  Clock::Real()->SleepFor(absl::Milliseconds(20));
  EXPECT_GE(absl::Now() - begun, absl::Milliseconds(20));
  Clock::Real()->SleepFor(-absl::Hours(1));
}

TEST(FakeClock, GoesOnOnlyWhenSomebodyWaits) {
  FakeClock clock;
  const absl::Time start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  const absl::Time begun = absl::Now();
  clock.SleepFor(absl::Hours(1));
  clock.SleepFor(-absl::Hours(2));
  EXPECT_LT(absl::Now() - begun, absl::Minutes(1));
  EXPECT_EQ(clock.Now() - start, absl::Hours(1));
  EXPECT_EQ(clock.waited(), absl::Hours(1));
  EXPECT_EQ(clock.waits(), 2u);
}

TEST(FakeClock, WhatIsInTheScriptHappensAtItsTime) {
  FakeClock clock;
  std::vector<std::string> seen;
  const auto note = [&](const char* what) {
    return [&seen, &clock, what] { seen.push_back(what + absl::FormatDuration(clock.waited())); };
  };
  clock.After(absl::Seconds(3), note("c"));
  clock.After(absl::Seconds(1), note("a"));
  clock.After(absl::Seconds(1), note("b"));
  clock.After(absl::Seconds(9), note("never"));
  clock.SleepFor(absl::Milliseconds(999));
  EXPECT_THAT(seen, ElementsAre());
  clock.SleepFor(absl::Milliseconds(1));
  EXPECT_THAT(seen, ElementsAre("a1s", "b1s"));
  clock.SleepFor(absl::Seconds(4));
  EXPECT_THAT(seen, ElementsAre("a1s", "b1s", "c3s"));
  EXPECT_EQ(clock.waited(), absl::Seconds(5));
}

TEST(FakeClock, WhatHappensMayGoOn) {
  FakeClock clock;
  int times = 0;
  clock.After(absl::Seconds(1), [&] {
    ++times;
    clock.After(absl::Seconds(2), [&] { ++times; });
    clock.After(absl::Seconds(0), [&] { ++times; });  // past: now
  });
  clock.SleepFor(absl::Seconds(1));
  EXPECT_EQ(times, 2);
  clock.SleepFor(absl::Seconds(1));
  EXPECT_EQ(times, 3);
}

TEST(FakeClock, SeveralThreadsMayWait) {
  FakeClock clock;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 1000; ++j) clock.SleepFor(absl::Seconds(1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clock.waits(), 4000u);
  EXPECT_GE(clock.waited(), absl::Seconds(1000));
  EXPECT_LE(clock.waited(), absl::Seconds(4000));
}

TEST(FakeClockDeathTest, EndsALoopThatNeverEnds) {
  EXPECT_DEATH(
      {
        FakeClock clock;
        for (;;) clock.SleepFor(absl::ZeroDuration());
      },
      "a loop that never ends");
}

}  // namespace
}  // namespace kplan
