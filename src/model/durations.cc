#include "src/model/durations.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr char kExample[] = "write hours, minutes and seconds as in 8760h or 1h30m (a year is 8760h)";
constexpr int64_t kYear = int64_t{365} * 24 * 3600;
constexpr int64_t kMax = 200 * kYear;

absl::Status Refuse(absl::string_view reason, absl::string_view remedy = "") {
  return absl::InvalidArgumentError(absl::StrCat(reason, remedy.empty() ? "" : "\n", remedy));
}

absl::StatusOr<int64_t> ParseDuration(absl::string_view text) {
  int64_t seconds = 0;
  absl::string_view rest = text;
  while (!rest.empty()) {
    size_t digits = 0;
    while (digits < rest.size() && absl::ascii_isdigit(rest[digits])) ++digits;
    int64_t number = 0;
    if (digits == 0 || digits == rest.size() || !absl::SimpleAtoi(rest.substr(0, digits), &number)) {
      return Refuse(absl::StrCat(Quote(text), " is not a duration"), kExample);
    }
    char unit = rest[digits];
    rest.remove_prefix(digits + 1);
    int64_t factor = unit == 'h' ? 3600 : unit == 'm' ? 60 : unit == 's' ? 1 : 0;
    if (unit == 'm' && absl::StartsWith(rest, "s")) factor = 0;  // "ms"
    if (factor == 0) {
      if ((unit == 'd' || unit == 'w' || unit == 'y') && number < 100000) {
        int64_t hours = number * (unit == 'd' ? 24 : unit == 'w' ? 7 * 24 : 365 * 24);
        return Refuse(
            absl::StrCat("a duration has no unit ", Quote(std::string(1, unit)), "; hours are the largest"),
            absl::StrCat("write ", hours, "h"));
      }
      return Refuse(absl::StrCat(Quote(text), " is not a duration"), kExample);
    }
    if (number > kMax / factor) return Refuse("longer than 200 years");
    seconds += number * factor;
    if (seconds > kMax) return Refuse("longer than 200 years");
  }
  return seconds;
}

}  // namespace

absl::StatusOr<int64_t> ParseExpiry(absl::string_view text) {
  absl::StatusOr<int64_t> seconds = ParseDuration(text);
  if (seconds.ok() && *seconds < 600) {
    return Refuse("shorter than ten minutes, while a certificate begins five minutes before it is made",
                  kExample);
  }
  return seconds;
}

absl::StatusOr<int64_t> ParseBackdate(absl::string_view text) {
  absl::StatusOr<int64_t> seconds = ParseDuration(text);
  if (seconds.ok() && *seconds < 1) return Refuse("no time at all", "write at least 1s, or leave it out");
  if (seconds.ok() && *seconds > kYear) return Refuse("longer than a year", "write at most 8760h");
  return seconds;
}

}  // namespace kplan
