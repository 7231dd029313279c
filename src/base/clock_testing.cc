#include "src/base/clock_testing.h"

#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <utility>

namespace kplan {
namespace {

constexpr size_t kMaxWaits = 1000000;

}  // namespace

FakeClock::FakeClock(absl::Time start) : start_(start), now_(start) {}

absl::Time FakeClock::Now() {
  std::lock_guard<std::mutex> lock(mutex_);
  return now_;
}

void FakeClock::SleepFor(absl::Duration duration) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (++waits_ > kMaxWaits) {
    fprintf(stderr, "FakeClock: waited for a million times: a loop that never ends\n");
    abort();
  }
  const absl::Time until = now_ + std::max(duration, absl::ZeroDuration());
  while (!script_.empty() && script_.begin()->first <= until) {
    now_ = std::max(now_, script_.begin()->first);
    std::function<void()> happens = std::move(script_.begin()->second);
    script_.erase(script_.begin());
    lock.unlock();
    happens();
    lock.lock();
  }
  now_ = std::max(now_, until);
}

void FakeClock::After(absl::Duration since_start, std::function<void()> happens) {
  std::lock_guard<std::mutex> lock(mutex_);
  script_.emplace(start_ + since_start, std::move(happens));
}

absl::Duration FakeClock::waited() { return Now() - start_; }

size_t FakeClock::waits() {
  std::lock_guard<std::mutex> lock(mutex_);
  return waits_;
}

}  // namespace kplan
