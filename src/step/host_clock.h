#ifndef KPLAN_STEP_HOST_CLOCK_H_
#define KPLAN_STEP_HOST_CLOCK_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace kplan {

// How far the clock of a host may be from this machine's. Certificates and CRLs are good from five minutes
// before they are made, as cfssl's are (pki/issue.h): by a clock that is further behind, a new one is not
// good yet. A clock that is as far ahead ends them, and what is renewed in time by ours is late by it.
inline constexpr absl::Duration kMostClockOffset = absl::Minutes(5);

// Why nothing is done on a host whose clock said THERE (Unix milliseconds) between SENT and RECEIVED by this
// machine's; "" when it is near enough, as far as can be told: an answer that takes long tells less.
std::string ClockTrouble(int64_t there, absl::Time sent, absl::Time received);

}  // namespace kplan

#endif  // KPLAN_STEP_HOST_CLOCK_H_
