#ifndef KPLAN_MODEL_DURATIONS_H_
#define KPLAN_MODEL_DURATIONS_H_

// Durations as cfssl writes them: Go's time.ParseDuration in whole seconds ("8760h", "1h30m"). Errors are
// statuses as in pki/names.h: the reason and, after a line end, the remedy.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// How long a certificate or a CRL is good, in seconds: from ten minutes to 200 years.
absl::StatusOr<int64_t> ParseExpiry(absl::string_view text);

// How long before it is made a certificate begins, in seconds: from one second to a year.
absl::StatusOr<int64_t> ParseBackdate(absl::string_view text);

// How long before its end a certificate is made again, in seconds: from one second to 200 years.
absl::StatusOr<int64_t> ParseNotice(absl::string_view text);

// SECONDS as these take it, in its largest unit of which it is a whole number: "90m", "15s".
std::string WrittenDuration(int64_t seconds);

// How long an answer counts, in seconds: from one second to a day.
absl::StatusOr<int64_t> ParseAge(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_MODEL_DURATIONS_H_
