#include "src/systemd/unit_text.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace kplan {
namespace {

// The lines of TEXT that say something, with those that a backslash continues joined to one.
std::vector<std::string> LogicalLines(absl::string_view text) {
  std::vector<std::string> lines;
  bool continues = false;
  for (absl::string_view raw : absl::StrSplit(text, '\n')) {
    absl::string_view line = absl::StripAsciiWhitespace(raw);
    // Comments are left out inside a continued line, too.
    if (absl::StartsWith(line, "#") || absl::StartsWith(line, ";")) continue;
    const bool more = absl::EndsWith(line, "\\");
    if (more) line.remove_suffix(1);
    if (continues) {
      absl::StrAppend(&lines.back(), " ", absl::StripAsciiWhitespace(line));
    } else if (!line.empty() || more) {
      lines.emplace_back(absl::StripTrailingAsciiWhitespace(line));
    }
    continues = more;
  }
  return lines;
}

}  // namespace

std::optional<std::vector<UnitAssignment>> ParseUnitText(absl::string_view text) {
  std::vector<UnitAssignment> assignments;
  std::optional<std::string> section;
  for (const std::string& line : LogicalLines(text)) {
    if (absl::StartsWith(line, "[") && absl::EndsWith(line, "]")) {
      section = line.substr(1, line.size() - 2);
      continue;
    }
    const size_t equals = line.find('=');
    if (!section.has_value() || equals == 0 || equals == std::string::npos) return std::nullopt;
    absl::string_view key = absl::StripAsciiWhitespace(absl::string_view(line).substr(0, equals));
    if (!std::all_of(key.begin(), key.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-'; })) {
      return std::nullopt;
    }
    absl::string_view value = absl::StripAsciiWhitespace(absl::string_view(line).substr(equals + 1));
    assignments.push_back({*section, std::string(key), std::string(value)});
  }
  if (!section.has_value()) return std::nullopt;
  return assignments;
}

std::vector<std::string> SplitUnitWords(absl::string_view value, absl::string_view doubled) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;  // a word has begun, which may be empty: ""
  char quote = 0;
  auto end_word = [&] {
    std::string plain;
    if (inside && absl::CUnescape(word, &plain)) word = std::move(plain);
    if (inside) words.push_back(std::move(word));
    word.clear();
    inside = false;
  };
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (quote == 0 && absl::ascii_isspace(static_cast<unsigned char>(c))) {
      end_word();
      continue;
    }
    inside = true;
    if (c == '\\' && i + 1 < value.size()) {
      word += c;
      word += value[++i];
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      word += c;
      if (absl::StrContains(doubled, c) && i + 1 < value.size() && value[i + 1] == c) ++i;
    }
  }
  end_word();
  return words;
}

}  // namespace kplan
