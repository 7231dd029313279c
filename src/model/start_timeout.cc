#include "src/model/start_timeout.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "src/model/durations.h"
#include "src/model/resolve_internal.h"
#include "src/systemd/time_span.h"

namespace kplan {

int StartTimeoutOf(const Text& key, const Unit& unit, Diagnostics* diagnostics) {
  if (key.set()) {
    absl::StatusOr<int64_t> seconds = ParseAge(key.value);
    if (seconds.ok()) return static_cast<int>(*seconds);
    Report(Code::kBadDuration, seconds.status(), key.range, "start-timeout", diagnostics);
    return kLeastStartTimeout;
  }
  const std::string* written = unit.Find("Service", "TimeoutStartSec");
  if (written == nullptr) written = unit.Find("Service", "TimeoutSec");
  const std::optional<absl::Duration> span = written == nullptr ? std::nullopt : ParseTimeSpan(*written);
  // What is no span, or empty, systemd passes over.
  if (!span.has_value()) return kLeastStartTimeout;
  if (*span == absl::ZeroDuration()) return kMostOfUnit;  // as "infinity", systemd.service(5)
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(*span, absl::Seconds(1)));
  return static_cast<int>(std::clamp<int64_t>(seconds, kLeastStartTimeout, kMostOfUnit));
}

}  // namespace kplan
