#ifndef KPLAN_BASE_CLOCK_TESTING_H_
#define KPLAN_BASE_CLOCK_TESTING_H_

// A clock for tests, which goes on only when somebody waits, and then at once.

#include <stddef.h>

#include <functional>
#include <map>
#include <mutex>

#include "absl/time/time.h"
#include "src/base/clock.h"

namespace kplan {

// Safe to use from several threads. When two wait at a time, both have waited when the later one's time has
// come.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1800000000));

  absl::Time Now() override;
  // Lets happen what is due until then, each at its time, in the thread that waits. Ends the program when
  // somebody waits again and again and nothing ever comes of it: the test would never end.
  void SleepFor(absl::Duration duration) override;

  // The script: HAPPENS at that time, counted from the start. What has the same time happens in the order of
  // the calls. It may ask for the time and write more into the script, also for now.
  void After(absl::Duration since_start, std::function<void()> happens);

  // How long, and how often, it was waited for until now.
  absl::Duration waited();
  size_t waits();

 private:
  const absl::Time start_;
  std::mutex mutex_;
  absl::Time now_;
  size_t waits_ = 0;
  std::multimap<absl::Time, std::function<void()>> script_;
};

}  // namespace kplan

#endif  // KPLAN_BASE_CLOCK_TESTING_H_
