#include "src/base/at_once.h"

#include <mutex>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::Each;

TEST(AtOnce, DoesEachOnceAndNoMoreAtATimeThanItMay) {
  for (size_t count : {0, 1, 2, 3, 20}) {
    std::mutex mutex;
    size_t running = 0, most = 0;
    std::vector<int> done(count);
    AtOnce(count, 3, [&](size_t i) {
      {
        std::lock_guard<std::mutex> lock(mutex);
        most = std::max(most, ++running);
      }
      absl::SleepFor(absl::Milliseconds(1));
      std::lock_guard<std::mutex> lock(mutex);
      --running;
      ++done[i];
    });
    EXPECT_THAT(done, Each(1)) << count;
    EXPECT_LE(most, 3u) << count;
  }
}

TEST(AtOnce, WithoutABoundAllWaitForEachOther) {
  std::atomic<int> here{0};
  AtOnce(4, [&](size_t) {
    ++here;
    while (here < 4) std::this_thread::yield();
  });
  EXPECT_EQ(here, 4);
}

}  // namespace
}  // namespace kplan
