#include "src/spec/variables.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace kplan {
namespace {

bool IsNameCharacter(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// The length of the variable that TEXT begins with, 0 when it begins with none.
size_t VariableLength(absl::string_view text) {
  constexpr std::pair<absl::string_view, absl::string_view> kBrackets[] = {
      {"${", "}"}, {"$(", ")"}, {"{{", "}}"}, {"{%", "%}"}};
  for (const auto& [open, close] : kBrackets) {
    if (!absl::StartsWith(text, open)) continue;
    const size_t end = text.find(close, open.size());
    return end == absl::string_view::npos ? text.size() : end + close.size();
  }
  if (text.size() < 2 || text[0] != '$' || !IsNameCharacter(text[1]) || absl::ascii_isdigit(text[1]))
    return 0;
  const auto* end = std::find_if_not(text.begin() + 1, text.end(), IsNameCharacter);
  return static_cast<size_t>(end - text.begin());
}

}  // namespace

absl::string_view FindVariable(absl::string_view text) {
  for (size_t i = text.find_first_of("${"); i != absl::string_view::npos;
       i = text.find_first_of("${", i + 1)) {
    if (const size_t length = VariableLength(text.substr(i)); length > 0) return text.substr(i, length);
  }
  return "";
}

}  // namespace kplan
