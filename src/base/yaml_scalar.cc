#include "src/base/yaml_scalar.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// Words that YAML 1.1 or 1.2 readers take for something else than a text.
bool IsReservedWord(absl::string_view text) {
  static constexpr absl::string_view kWords[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [text](absl::string_view word) { return absl::EqualsIgnoreCase(word, text); });
}

bool IsPlain(absl::string_view text) {
  if (text.empty() || IsReservedWord(text)) return false;
  auto word_character = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80;
  };
  // What may stand first and last can be no indicator; "." and ".." are no texts to everybody. Paths begin
  // with "/" or "./".
  const bool path = text.front() == '/' || absl::StartsWith(text, "./");
  if (!word_character(text.front()) && !path) return false;
  if (!word_character(text.back()) && text.back() != '.' && text.back() != '/') return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // A no-break space is taken for a space by whoever looks at it.
    if (DisruptiveLength(text.substr(i)) > 0 || absl::StartsWith(text.substr(i), "\xC2\xA0")) return false;
    if (word_character(c) || absl::string_view("._-+@/$=()").find(c) != absl::string_view::npos) continue;
    // Neither "a: b" nor "a #b"; and nothing that a flow map could take for its next key.
    if (c == ':' && (word_character(text[i + 1]) || text[i + 1] == '/')) continue;
    if (c == ' ' && (word_character(text[i + 1]) || text[i + 1] == '(')) continue;
    return false;
  }
  // A hexadecimal or floating number, or a duration in base 60, to some readers. To kplan all are texts, but
  // people have eyes too: only what they would take for a text or an address goes without quotes.
  double number = 0;
  return !(absl::SimpleAtod(text, &number) && text.find('.') == absl::string_view::npos &&
           !std::all_of(text.begin(), text.end(), absl::ascii_isdigit));
}

}  // namespace

std::string YamlScalar(absl::string_view text) {
  if (IsPlain(text)) return std::string(text);
  bool escape = false;
  for (size_t i = 0; i < text.size(); ++i) escape = escape || DisruptiveLength(text.substr(i)) > 0;
  if (!escape && !absl::StrContains(text, "\xEF\xBB\xBF")) {  // U+FEFF, the byte order mark
    std::string quoted = "'";
    for (char c : text) quoted.append(c == '\'' ? 2 : 1, c);
    return quoted + "'";
  }
  std::string quoted = "\"";
  while (!text.empty()) {
    size_t length = DisruptiveLength(text);
    if (absl::StartsWith(text, "\xEF\xBB\xBF")) length = 3;
    if (length == 0) {
      if (text[0] == '"' || text[0] == '\\') quoted += '\\';
      quoted += text[0];
    } else {
      absl::StrAppendFormat(&quoted, "\\u%04X", CodePointOf(text.substr(0, length)));
    }
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return quoted + "\"";
}

}  // namespace kplan
