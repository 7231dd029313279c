#include "src/importer/yaml_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
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
  // What may stand first and last can be no indicator; "." and ".." are no texts to everybody.
  if (!word_character(text.front()) || !(word_character(text.back()) || text.back() == '.')) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (DisruptiveLength(text.substr(i)) > 0) return false;
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
      // One character of UTF-8, whose code point is one of at most 16 bits.
      unsigned point = static_cast<unsigned char>(text[0]);
      if (length == 2) point &= 0x1F;
      if (length == 3) point &= 0x0F;
      for (size_t i = 1; i < length; ++i) point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
      absl::StrAppendFormat(&quoted, "\\u%04X", point);
    }
    text.remove_prefix(std::max<size_t>(1, length));
  }
  return quoted + "\"";
}

YamlText& YamlText::Raw(absl::string_view text) {
  text_.append(text.data(), text.size());
  return *this;
}

YamlText& YamlText::Comment(size_t indent, absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&text_, std::string(indent, ' '), line.empty() ? "#" : "# ", line, "\n");
  }
  return *this;
}

YamlText& YamlText::Word(absl::string_view word, const Place& place) {
  Range range;
  range.begin = static_cast<uint32_t>(text_.size());
  Raw(word);
  range.end = static_cast<uint32_t>(text_.size());
  origins_.emplace_back(range, place);
  return *this;
}

YamlText& YamlText::Scalar(const Sourced& value) { return Word(YamlScalar(value.value), value.place); }

size_t YamlText::Column() const {
  size_t line = text_.rfind('\n');
  return text_.size() - (line == std::string::npos ? 0 : line + 1);
}

void YamlText::BreakBefore(absl::string_view next, size_t column) {
  if (Column() + next.size() + 2 <= kWidth || Column() <= column) return;
  while (text_.back() == ' ') text_.pop_back();
  absl::StrAppend(&text_, "\n", std::string(column, ' '));
}

YamlText& YamlText::FlowMap(const std::vector<Pair>& pairs) {
  const size_t column = Column() + 1;
  Raw("{");
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (i > 0) Raw(", ");
    BreakBefore(absl::StrCat(pairs[i].first, ": ", YamlScalar(pairs[i].second.value)), column);
    Raw(pairs[i].first).Raw(": ").Scalar(pairs[i].second);
  }
  return Raw("}");
}

YamlText& YamlText::FlowList(const std::vector<Sourced>& values) {
  const size_t column = Column() + 1;
  Raw("[");
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) Raw(", ");
    BreakBefore(YamlScalar(values[i].value), column);
    Scalar(values[i]);
  }
  return Raw("]");
}

YamlText& YamlText::FlowListOfMaps(const std::vector<std::vector<Pair>>& maps) {
  const size_t column = Column() + 1;
  Raw("[");
  for (size_t i = 0; i < maps.size(); ++i) {
    if (i > 0) Raw(",\n").Raw(std::string(column, ' '));
    FlowMap(maps[i]);
  }
  return Raw("]");
}

const Place* YamlText::OriginOf(Range range) const {
  auto found = std::upper_bound(origins_.begin(), origins_.end(), range.begin,
                                [](uint32_t at, const auto& origin) { return at < origin.first.begin; });
  if (found == origins_.begin()) return nullptr;
  --found;
  return range.begin < found->first.end ? &found->second : nullptr;
}

}  // namespace kplan
