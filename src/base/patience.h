#ifndef KPLAN_BASE_PATIENCE_H_
#define KPLAN_BASE_PATIENCE_H_

// How long another side is waited for. It has two bounds: one for its silence, and one for all of it, so that
// neither who says nothing nor who drips a byte at a time holds anybody up for ever.

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "src/base/clock.h"

namespace kplan {

class Patience {
 public:
  struct Bounds {
    absl::Duration silence;  // between two signs of life
    absl::Duration total;
  };

  // Begins now. CLOCK has to outlive it.
  explicit Patience(const Bounds& bounds, Clock* clock = Clock::Real());

  // The other side has said or taken something.
  void SawLife() { last_ = clock_->Now(); }

  // DeadlineExceeded when it is over: "it has been silent for 1m", "it was not done within 1h".
  absl::Status Check() const;

  // Until it is over if nothing happens; never negative.
  absl::Duration Left() const;

 private:
  Bounds bounds_;
  Clock* clock_;
  absl::Time begun_, last_;
};

}  // namespace kplan

#endif  // KPLAN_BASE_PATIENCE_H_
