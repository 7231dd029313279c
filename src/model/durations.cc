#include "src/model/durations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/base/diagnostic.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr char kExample[] = "write hours, minutes and seconds as in 8760h or 1h30m (a year is 8760h)";
constexpr int64_t kYear = int64_t{365} * 24 * 3600;
constexpr int64_t kMax = 200 * kYear;
constexpr int64_t kLeastExpiry = 600;
constexpr int64_t kNoDuration = -1, kTooLong = -2;

// Seconds of a unit; 0 when there is none so called. Hours are the largest that a duration may have: the
// longer ones, and words, are known for the remedy.
int64_t SecondsOf(absl::string_view unit) {
  constexpr std::pair<absl::string_view, int64_t> kUnits[] = {
      {"s|sec|secs|second|seconds", 1}, {"m|min|mins|minute|minutes", 60}, {"h|hr|hrs|hour|hours", 3600},
      {"d|day|days", 24 * 3600},        {"w|week|weeks", 7 * 24 * 3600},   {"y|yr|yrs|year|years", kYear}};
  for (const auto& [words, seconds] : kUnits) {
    for (absl::string_view word : absl::StrSplit(words, '|')) {
      if (word == unit) return seconds;
    }
  }
  return 0;
}

std::string InHours(int64_t seconds) {
  std::string text;
  for (auto [unit, length] : {std::make_pair("h", 3600), {"m", 60}, {"s", 1}}) {
    if (seconds >= length) absl::StrAppend(&text, seconds / length, unit);
    seconds %= length;
  }
  return text.empty() ? "0s" : text;
}

// What TEXT says of hours, minutes and seconds in order, each once or more; LOOSELY: also with larger units,
// words, capitals and spaces between. kNoDuration when it says nothing so, kTooLong when it is more than
// kMax.
int64_t Seconds(absl::string_view text, bool loosely) {
  int64_t seconds = 0;
  std::string copy(text);
  if (loosely) {
    absl::AsciiStrToLower(&copy);
    copy = absl::StrReplaceAll(copy, {{" ", ""}, {",", ""}});
  }
  absl::string_view rest = copy;
  if (rest.empty()) return kNoDuration;
  while (!rest.empty()) {
    const absl::string_view digits =
        rest.substr(0, std::min(rest.find_first_not_of("0123456789"), rest.size()));
    rest.remove_prefix(digits.size());
    const absl::string_view unit = rest.substr(0, std::min(rest.find_first_of("0123456789"), rest.size()));
    rest.remove_prefix(unit.size());
    int64_t number = 0;
    const int64_t factor = loosely || unit == "h" || unit == "m" || unit == "s" ? SecondsOf(unit) : 0;
    if (factor == 0 || digits.empty()) return kNoDuration;
    const bool fits = absl::SimpleAtoi(digits, &number) && number <= kMax / factor;
    seconds = std::min(fits ? seconds + number * factor : kMax + 1, kMax + 1);
  }
  return seconds > kMax ? kTooLong : seconds;
}

// LEAST to MOST: what it may be, for the remedy.
absl::StatusOr<int64_t> ParseDuration(absl::string_view text, int64_t least, int64_t most) {
  if (const int64_t seconds = Seconds(text, /*loosely=*/false); seconds >= 0) return seconds;
  const int64_t meant = Seconds(text, /*loosely=*/true);
  if (meant == kTooLong) return Refusal("longer than 200 years", "write at most 1752000h");
  if (meant >= least && meant <= most)
    return Refusal(absl::StrCat(Quote(text), " is not written in h, m and s; hours are the largest unit"),
                   Write(InHours(meant)));
  return Refusal(absl::StrCat(Quote(text), " is not a duration"), kExample);
}

}  // namespace

absl::StatusOr<int64_t> ParseExpiry(absl::string_view text) {
  absl::StatusOr<int64_t> seconds = ParseDuration(text, kLeastExpiry, kMax);
  if (seconds.ok() && *seconds < kLeastExpiry) {
    return Refusal("shorter than ten minutes, while a certificate begins five minutes before it is made",
                   kExample);
  }
  return seconds;
}

absl::StatusOr<int64_t> ParseBackdate(absl::string_view text) {
  absl::StatusOr<int64_t> seconds = ParseDuration(text, 1, kYear);
  if (seconds.ok() && *seconds < 1) return Refusal("no time at all", "write at least 1s, or leave it out");
  if (seconds.ok() && *seconds > kYear) return Refusal("longer than a year", "write at most 8760h");
  return seconds;
}

absl::StatusOr<int64_t> ParseNotice(absl::string_view text) {
  absl::StatusOr<int64_t> seconds = ParseDuration(text, 1, kMax);
  if (seconds.ok() && *seconds < 1) return Refusal("no time at all", "write at least 1s, or leave it out");
  return seconds;
}

std::string WrittenDuration(int64_t seconds) {
  if (seconds % 60 != 0 || seconds == 0) return absl::StrCat(seconds, "s");
  return seconds % 3600 != 0 ? absl::StrCat(seconds / 60, "m") : absl::StrCat(seconds / 3600, "h");
}

absl::StatusOr<int64_t> ParseAge(absl::string_view text) {
  constexpr int64_t kDay = 24 * 3600;
  absl::StatusOr<int64_t> seconds = ParseDuration(text, 1, kDay);
  if (seconds.ok() && *seconds < 1) return Refusal("no time at all", "write at least 1s, or leave it out");
  if (seconds.ok() && *seconds > kDay) return Refusal("longer than a day", "write at most 24h");
  return seconds;
}

}  // namespace kplan
