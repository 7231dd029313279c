#include "src/pki/key_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace kplan {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr absl::string_view kBegin = "-----BEGIN ";
constexpr absl::string_view kEnd = "-----END ";
constexpr absl::string_view kGeneration = "key-generation: ";

}  // namespace

absl::string_view WithoutByteOrderMark(absl::string_view text) {
  return absl::StripPrefix(text, kByteOrderMark);
}

std::string GenerationLine(int64_t generation) {
  return generation == 1 ? "" : absl::StrCat(kGeneration, generation, "\n");
}

KeyText TakeApart(absl::string_view text) {
  KeyText parts;
  absl::string_view rest = WithoutByteOrderMark(text);
  parts.byte_order_mark = rest.size() != text.size();
  const absl::string_view whole = rest;
  bool begun = false, numbered = false;
  while (!rest.empty()) {
    const size_t start = whole.size() - rest.size();
    const size_t end_of_line = rest.find('\n');
    absl::string_view line = rest.substr(0, end_of_line);
    rest.remove_prefix(end_of_line == absl::string_view::npos ? rest.size() : end_of_line + 1);
    line = absl::StripTrailingAsciiWhitespace(line);
    if (absl::StartsWith(line, kBegin)) {
      if (!begun) parts.before = whole.substr(0, start);
      begun = true;
      absl::string_view label = absl::StripSuffix(line.substr(kBegin.size()), "-----");
      if (parts.other.empty() && label != "EC PARAMETERS" && !absl::EndsWith(label, "PRIVATE KEY")) {
        parts.other = std::string(label);
      }
    } else if (absl::StartsWith(line, kEnd)) {
      parts.after = rest;
    } else if (int64_t n = 0; !begun && !numbered && absl::ConsumePrefix(&line, kGeneration) &&
                              absl::SimpleAtoi(line, &n) && n >= 1) {
      parts.generation = n;
      numbered = true;
    }
  }
  return parts;
}

}  // namespace kplan
