#include "src/systemd/time_span.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace kplan {
namespace {

// As systemd has them (extract_multiplier): a month is 30.44 days, a year 365.25.
constexpr struct {
  absl::string_view words;
  double seconds;
} kUnits[] = {{"s|sec|second|seconds", 1}, {"m|min|minute|minutes", 60}, {"h|hr|hour|hours", 3600},
              {"d|day|days", 86400},       {"w|week|weeks", 604800},     {"ms|msec", 1e-3},
              {"us|usec|µs|μs", 1e-6},     {"M|month|months", 2629800},  {"y|year|years", 31557600}};

std::optional<double> SecondsOf(absl::string_view word) {
  if (word.empty()) return 1;
  for (const auto& unit : kUnits) {
    const std::vector<absl::string_view> words = absl::StrSplit(unit.words, '|');
    if (std::find(words.begin(), words.end(), word) != words.end()) return unit.seconds;
  }
  return std::nullopt;
}

// The part of TEXT of which every character is, or is not, one of a number or a space; taken off its front.
absl::string_view Take(absl::string_view* text, absl::string_view of, bool among) {
  const size_t end = std::min(among ? text->find_first_not_of(of) : text->find_first_of(of), text->size());
  const absl::string_view taken = text->substr(0, end);
  text->remove_prefix(end);
  return taken;
}

}  // namespace

std::optional<absl::Duration> ParseTimeSpan(absl::string_view text) {
  constexpr absl::string_view kNumber = "0123456789.", kNumberOrBlank = "0123456789. \t";
  text = absl::StripAsciiWhitespace(text);
  if (text == "infinity") return absl::InfiniteDuration();
  if (text.empty()) return std::nullopt;
  absl::Duration span;
  while (!text.empty()) {
    double number = 0;
    if (!absl::SimpleAtod(Take(&text, kNumber, /*among=*/true), &number)) return std::nullopt;
    text = absl::StripLeadingAsciiWhitespace(text);
    const std::optional<double> seconds = SecondsOf(Take(&text, kNumberOrBlank, /*among=*/false));
    if (!seconds.has_value()) return std::nullopt;
    span += absl::Seconds(number * *seconds);
    text = absl::StripLeadingAsciiWhitespace(text);
  }
  return span;
}

}  // namespace kplan
