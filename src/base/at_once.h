#ifndef KPLAN_BASE_AT_ONCE_H_
#define KPLAN_BASE_AT_ONCE_H_

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace kplan {

// WORK with every one of ITEMS, at the same time, each in a thread of its own; for what waits for others (a
// host, a server) and not for the processor. Returns when all have ended.
inline void AtOnce(const std::vector<size_t>& items, absl::FunctionRef<void(size_t)> work) {
  if (items.size() == 1) return work(items[0]);
  std::vector<std::thread> threads;
  threads.reserve(items.size());
  for (size_t item : items) threads.emplace_back([&work, item] { work(item); });
  for (std::thread& thread : threads) thread.join();
}

// The same with 0, 1, ... COUNT - 1.
inline void AtOnce(size_t count, absl::FunctionRef<void(size_t)> work) {
  std::vector<size_t> items(count);
  std::iota(items.begin(), items.end(), size_t{0});
  AtOnce(items, work);
}

// The same, at most AT_A_TIME of them at a time, in their order.
inline void AtOnce(size_t count, size_t at_a_time, absl::FunctionRef<void(size_t)> work) {
  std::atomic<size_t> next{0};
  AtOnce(std::min(count, at_a_time), [&](size_t) {
    for (size_t i; (i = next.fetch_add(1)) < count;) work(i);
  });
}

}  // namespace kplan

#endif  // KPLAN_BASE_AT_ONCE_H_
