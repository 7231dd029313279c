#ifndef KPLAN_SYSTEMD_TIME_SPAN_H_
#define KPLAN_SYSTEMD_TIME_SPAN_H_

// Spans of time as systemd writes them (systemd.time(7)): "90", "5min 20s", "1h30m", "infinity".

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace kplan {

// A number without a unit is of seconds. InfiniteDuration for "infinity"; no value for what is no span.
std::optional<absl::Duration> ParseTimeSpan(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_TIME_SPAN_H_
