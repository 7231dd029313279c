#ifndef KPLAN_MODEL_START_TIMEOUT_H_
#define KPLAN_MODEL_START_TIMEOUT_H_

#include "src/base/diagnostic.h"
#include "src/base/text.h"
#include "src/systemd/unit.h"

namespace kplan {

// How long the start of the service of UNIT is waited for, in seconds: what `start-timeout` (KEY) says; else
// what the unit has (TimeoutStartSec=, TimeoutSec=), but no less than kLeastStartTimeout: with a shorter one
// systemd itself says soon that the start failed, and the service before has to end first. Where the unit has
// no bound at all ("infinity"), kMostOfUnit. What KEY must not be is an error.
int StartTimeoutOf(const Text& key, const Unit& unit, Diagnostics* diagnostics);

// etcd may have to replay a large log.
inline constexpr int kLeastStartTimeout = 90;
inline constexpr int kMostOfUnit = 3600;

}  // namespace kplan

#endif  // KPLAN_MODEL_START_TIMEOUT_H_
