#include "src/systemd/environment_file.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/files.h"

namespace kplan {
namespace {

constexpr size_t kMaxBytes = 1 << 20;

bool IsName(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

// The value that TEXT, what stands behind the "=", stands for; none when it is not one that is understood.
std::optional<std::string> ValueOf(absl::string_view text) {
  const char quote = text.empty() ? '\0' : text[0];
  if (quote != '\'' && quote != '"') {
    if (text.find_first_of("'\"\\") != text.npos || absl::StripAsciiWhitespace(text) != text) {
      return std::nullopt;
    }
    return std::string(text);
  }
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == quote) return i + 1 == text.size() ? std::optional<std::string>(value) : std::nullopt;
    if (quote == '"' && text[i] == '\\') {
      if (++i == text.size() || absl::string_view("\"\\$`").find(text[i]) == absl::string_view::npos) {
        return std::nullopt;
      }
    }
    value += text[i];
  }
  return std::nullopt;  // it is not closed
}

}  // namespace

absl::string_view NameOfVariable(absl::string_view variable) {
  return variable.substr(0, variable.find('='));
}

absl::StatusOr<std::vector<std::string>> ParseEnvironmentFile(absl::string_view text) {
  std::vector<std::string> variables;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (absl::StripAsciiWhitespace(line).empty() || line[0] == '#' || line[0] == ';') continue;
    const absl::string_view name = NameOfVariable(line);
    std::optional<std::string> value;
    if (IsName(name) && name.size() < line.size()) value = ValueOf(line.substr(name.size() + 1));
    if (!value.has_value()) {
      // Without the line itself: who knows what is in it.
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " is no NAME=value"));
    }
    variables.push_back(absl::StrCat(name, "=", *value));
  }
  return variables;
}

absl::StatusOr<std::vector<std::string>> ReadEnvironmentFile(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<std::string>> variables = ParseEnvironmentFile(*text);
  if (!variables.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", variables.status().message()));
  }
  return variables;
}

std::vector<std::string> WithVariables(std::vector<std::string> environment,
                                       const std::vector<std::string>& variables) {
  for (const std::string& variable : variables) {
    environment.erase(std::remove_if(environment.begin(), environment.end(),
                                     [&](const std::string& other) {
                                       return NameOfVariable(other) == NameOfVariable(variable);
                                     }),
                      environment.end());
    environment.push_back(variable);
  }
  return environment;
}

}  // namespace kplan
