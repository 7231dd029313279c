#include "src/base/natural_order.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace kplan {
namespace {

bool StartsWithDigit(absl::string_view text) {
  return !text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0]));
}

// Takes the digits that *TEXT begins with, and returns them without zeros in front.
absl::string_view TakeNumber(absl::string_view* text) {
  const size_t length = std::min(text->find_first_not_of("0123456789"), text->size());
  absl::string_view number = text->substr(0, length);
  text->remove_prefix(length);
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

}  // namespace

bool NaturalLess(absl::string_view a, absl::string_view b) {
  absl::string_view rest_a = a, rest_b = b;
  while (!rest_a.empty() && !rest_b.empty()) {
    if (StartsWithDigit(rest_a) && StartsWithDigit(rest_b)) {
      const absl::string_view number_a = TakeNumber(&rest_a), number_b = TakeNumber(&rest_b);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
      continue;
    }
    if (rest_a[0] != rest_b[0])
      return static_cast<unsigned char>(rest_a[0]) < static_cast<unsigned char>(rest_b[0]);
    rest_a.remove_prefix(1);
    rest_b.remove_prefix(1);
  }
  if (rest_a.empty() != rest_b.empty()) return rest_a.empty();
  // They differ in zeros alone.
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace kplan
