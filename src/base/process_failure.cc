#include "src/base/process_failure.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kplan {

std::string FailureOf(const RunResult& result) {
  for (const std::string* text : {&result.err, &result.out}) {
    const absl::string_view said = absl::StripAsciiWhitespace(*text);
    if (!said.empty()) return std::string(said);
  }
  constexpr int kSignal = 128;  // and the number of the signal, as a shell has it
  if (result.timed_out) return "it did not end in time";
  if (result.exit_code > kSignal) return absl::StrCat("it was killed by signal ", result.exit_code - kSignal);
  return absl::StrCat("it said nothing, exit ", result.exit_code);
}

}  // namespace kplan
