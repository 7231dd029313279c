#include "src/systemd/unit.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// What systemd reads as itself, in any place of a word (extract-word.c, specifier.c).
constexpr absl::string_view kPlain = "/._-+@=~:,*?[]^{}#&<>|()!%$";

// The bytes of the character that TEXT begins with, when systemd does not take it in a line; otherwise 0.
size_t NonCharacterLength(absl::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  if ((byte(0) & 0xf0) == 0xe0) {
    const unsigned code = (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    return (code >= 0xfdd0 && code <= 0xfdef) || code >= 0xfffe ? 3 : 0;
  }
  if ((byte(0) & 0xf8) == 0xf0)
    return (byte(2) & 0x3f) == 0x3f && byte(3) >= 0xbe && (byte(1) & 0x0f) == 0x0f ? 4 : 0;
  return 0;
}

// A word as systemd's parser takes it back (extract_first_word with EXTRACT_UNQUOTE|EXTRACT_CUNESCAPE, as
// config_parse_exec and config_parse_environ call it): quotes where needed, C escapes inside them, the
// characters in DOUBLED twice.
std::string QuotedWord(absl::string_view word, absl::string_view doubled) {
  std::string out;
  // A "#" begins a comment where it begins a line, also in the middle of a command that goes on there.
  bool plain = !word.empty() && word[0] != '#';
  size_t escaped_up_to = 0;  // a character that is escaped byte by byte
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    const unsigned char byte = static_cast<unsigned char>(c);
    if (size_t length = NonCharacterLength(word.substr(i)); length > 0) escaped_up_to = i + length;
    if (absl::ascii_iscntrl(byte) || i < escaped_up_to) {
      // Three digits, whatever stands behind them.
      absl::StrAppend(&out, "\\", byte / 64, byte / 8 % 8, byte % 8);
      plain = false;
      continue;
    }
    if (!absl::ascii_isalnum(byte) && !absl::StrContains(kPlain, c) && absl::ascii_isascii(byte))
      plain = false;
    if (absl::StrContains(doubled, c)) out += c;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  // A lone ";" separates commands.
  return plain ? out : absl::StrCat("\"", out, "\"");
}

// SECTIONS: Unit::sections, const or not. Null when there is none.
template <typename Sections>
auto FindKey(Sections& sections, absl::string_view section, absl::string_view key)
    -> decltype(&sections[0].keys[0]) {
  for (auto& candidate : sections) {
    if (candidate.name != section) continue;
    for (auto& found : candidate.keys) {
      if (found.name == key) return &found;
    }
  }
  return nullptr;
}

}  // namespace

const std::string* Unit::Find(absl::string_view section, absl::string_view key) const {
  const Key* found = FindKey(sections, section, key);
  return found == nullptr ? nullptr : &found->values.back();
}

void Unit::SetLines(absl::string_view section, absl::string_view key, std::vector<std::string> values) {
  if (Key* found = FindKey(sections, section, key)) {
    found->values = std::move(values);
    return;
  }
  Section* home = nullptr;
  for (Section& candidate : sections) {
    if (candidate.name == section) home = &candidate;
  }
  if (home == nullptr) {
    sections.push_back({std::string(section), {}});
    home = &sections.back();
  }
  home->keys.push_back({std::string(key), std::move(values)});
}

void Unit::Set(absl::string_view section, absl::string_view key, std::string value) {
  std::vector<std::string> values;
  values.push_back(std::move(value));
  SetLines(section, key, std::move(values));
}

std::string Unit::Text() const {
  std::string text;
  for (const Section& section : sections) {
    if (!text.empty()) text += "\n";
    absl::StrAppend(&text, "[", section.name, "]\n");
    for (const Key& key : section.keys) {
      for (const std::string& value : key.values) absl::StrAppend(&text, key.name, "=", value, "\n");
    }
  }
  return text;
}

std::string ExecStart(const std::vector<Argument>& arguments) {
  std::string text;
  bool joins = false;  // the argument before is a flag without "=", this one may be its value
  for (const auto& [word, path] : arguments) {
    std::string argument = absl::StrCat(word, path);
    bool flag = absl::StartsWith(argument, "--");
    if (!text.empty()) text += joins && !flag ? " " : " \\\n  ";
    joins = flag && !absl::StrContains(argument, '=');
    text += QuotedWord(argument, "%$");
  }
  return text;
}

std::string EnvironmentValue(const std::vector<std::string>& variables) {
  std::string text;
  for (const std::string& variable : variables) {
    absl::StrAppend(&text, text.empty() ? "" : " ", QuotedWord(variable, "%"));
  }
  return text;
}

std::string VariableProblem(absl::string_view variable) {
  const absl::string_view name = variable.substr(0, variable.find('='));
  if (name.size() == variable.size()) return "a variable is NAME=value";
  if (!OnlyAlnumAnd(name, "_") || absl::ascii_isdigit(static_cast<unsigned char>(name[0]))) {
    return "a variable's name has letters, digits and _, and does not begin with a digit";
  }
  if (FindNonCharacter(variable) != absl::string_view::npos) {
    return "systemd takes no value with a character that Unicode has set aside (U+FFFE and the like)";
  }
  return "";
}

size_t FindNonCharacter(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (NonCharacterLength(text.substr(i)) > 0) return i;
  }
  return absl::string_view::npos;
}

}  // namespace kplan
