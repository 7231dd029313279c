#ifndef KPLAN_BASE_CLOCK_H_
#define KPLAN_BASE_CLOCK_H_

// The time, and waiting for it. What looks at something again and again until it is as it should be (a unit,
// a member of etcd, a check) takes a Clock, so that tests of it need not wait (clock_testing.h).
//
// What waits for a file descriptor (a process that ends, a socket) waits in the kernel, with a bound, and has
// no business here; nor does what compares the time with one that the kernel wrote (a file's).

#include "absl/time/time.h"

namespace kplan {

class Clock {
 public:
  virtual ~Clock() = default;

  virtual absl::Time Now() = 0;
  // Returns when DURATION has passed; at once when it is not positive.
  virtual void SleepFor(absl::Duration duration) = 0;

  // That of this machine. It lives for ever.
  static Clock* Real();
};

}  // namespace kplan

#endif  // KPLAN_BASE_CLOCK_H_
