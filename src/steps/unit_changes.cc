#include "src/steps/unit_changes.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/steps/command_changes.h"

namespace kplan {
namespace {

using Values = std::vector<std::string>;

// The keys of a unit as "[Section] Key", in the order in which they came.
struct UnitKeys {
  std::vector<std::string> order;
  std::map<std::string, Values> values;

  const Values& Of(const std::string& key) const {
    static const Values* const kNone = new Values;
    auto found = values.find(key);
    return found == values.end() ? *kNone : found->second;
  }
};

// The lines of TEXT that say something, with those that a backslash continues joined to one.
Values LogicalLines(absl::string_view text) {
  Values lines;
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

// No value when TEXT is no unit: a line that is neither a section nor KEY=value, or a key outside a section.
absl::optional<UnitKeys> ParseUnit(absl::string_view text) {
  UnitKeys unit;
  std::string section;
  for (const std::string& line : LogicalLines(text)) {
    if (absl::StartsWith(line, "[") && absl::EndsWith(line, "]")) {
      section = line;
      continue;
    }
    const size_t equals = line.find('=');
    if (section.empty() || equals == 0 || equals == std::string::npos) return absl::nullopt;
    absl::string_view name = absl::StripAsciiWhitespace(absl::string_view(line).substr(0, equals));
    if (!std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-'; })) {
      return absl::nullopt;
    }
    std::string key = absl::StrCat(section, " ", name);
    auto [at, is_new] = unit.values.try_emplace(key);
    if (is_new) unit.order.push_back(std::move(key));
    at->second.emplace_back(absl::StripAsciiWhitespace(absl::string_view(line).substr(equals + 1)));
  }
  if (section.empty()) return absl::nullopt;
  return unit;
}

void AppendChanges(const std::string& key, const Values& from, const Values& to,
                   std::vector<Change>* changes) {
  if (from == to) return;
  if (from.size() == 1 && to.size() == 1) {
    if (absl::EndsWith(key, "] ExecStart")) {
      std::vector<Change> flags = CommandChanges(SplitExecStart(from[0]), SplitExecStart(to[0]));
      if (!flags.empty()) {
        changes->insert(changes->end(), flags.begin(), flags.end());
        return;
      }
    }
    changes->push_back({key, from[0], to[0]});
    return;
  }
  auto has = [](const Values& values, const std::string& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
  };
  for (const std::string& value : to) {
    if (!has(from, value)) changes->push_back({key, "", value});
  }
  for (const std::string& value : from) {
    if (!has(to, value)) changes->push_back({key, value, ""});
  }
}

}  // namespace

std::vector<std::string> SplitExecStart(absl::string_view line) {
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
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == 0 && absl::ascii_isspace(static_cast<unsigned char>(c))) {
      end_word();
      continue;
    }
    inside = true;
    if (c == '\\' && i + 1 < line.size()) {
      word += c;
      word += line[++i];
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      word += c;
      if ((c == '%' || c == '$') && i + 1 < line.size() && line[i + 1] == c) ++i;
    }
  }
  end_word();
  return words;
}

absl::optional<std::vector<Change>> UnitChanges(absl::string_view from, absl::string_view to) {
  absl::optional<UnitKeys> before = ParseUnit(from), after = ParseUnit(to);
  if (!before.has_value() || !after.has_value()) return absl::nullopt;
  std::vector<Change> changes;
  for (const std::string& key : after->order) AppendChanges(key, before->Of(key), after->Of(key), &changes);
  for (const std::string& key : before->order) {
    if (after->values.count(key) == 0) AppendChanges(key, before->Of(key), {}, &changes);
  }
  return changes;
}

}  // namespace kplan
