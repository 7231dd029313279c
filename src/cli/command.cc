#include "src/cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {

bool Options::Parse(absl::string_view command, const Arguments& arguments,
                    const std::vector<absl::string_view>& flags, const std::vector<absl::string_view>& values,
                    size_t operands) {
  auto wrong = [&](absl::string_view message) {
    std::string line = absl::StrCat("kplan ", command, ": ", message, "\n", UsageOf(command));
    fputs(line.c_str(), stderr);
    return false;
  };
  bool only_operands = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view argument = arguments[i];
    if (only_operands || argument.size() < 2 || argument[0] != '-') {
      operands_.push_back(arguments[i]);
      continue;
    }
    if (argument == "--") {
      only_operands = true;
      continue;
    }
    absl::string_view name = argument.substr(0, argument.find('='));
    bool takes_value = std::find(values.begin(), values.end(), name) != values.end();
    bool has_value = name.size() < argument.size();
    if (takes_value) {
      if (!has_value && i + 1 == arguments.size()) return wrong(absl::StrCat(name, " needs a value"));
      given_.emplace_back(std::string(name),
                          has_value ? std::string(argument.substr(name.size() + 1)) : arguments[++i]);
    } else if (!has_value && std::find(flags.begin(), flags.end(), name) != flags.end()) {
      given_.emplace_back(std::string(name), "");
    } else {
      std::vector<absl::string_view> all = flags;
      all.insert(all.end(), values.begin(), values.end());
      return wrong(absl::StrCat("there is no option ", argument, OrDidYouMean(name, all)));
    }
  }
  if (operands == kOneOrMore) {
    return operands_.empty() ? wrong("takes one argument or more, not 0") : true;
  }
  if (operands_.size() != operands) {
    return wrong(absl::StrCat("takes ", Count(operands, "argument"), ", not ", operands_.size()));
  }
  return true;
}

bool Options::Has(absl::string_view flag) const {
  return std::any_of(given_.begin(), given_.end(), [&](const auto& option) { return option.first == flag; });
}

std::string Options::Value(absl::string_view option) const {
  std::string value;
  for (const auto& [name, given] : given_) {
    if (name == option) value = given;  // the last one counts
  }
  return value;
}

std::string OrDidYouMean(absl::string_view word, const std::vector<absl::string_view>& candidates) {
  std::string hint = DidYouMean(word, candidates);
  return hint.empty() ? hint : absl::StrCat("; ", hint);
}

int Fail(absl::string_view message) {
  std::string line = absl::StrCat("kplan: ", message, "\n");
  fputs(line.c_str(), stderr);
  return kExitFailed;
}

void Print(const Diagnostics& diagnostics) {
  const char* no_color = getenv("NO_COLOR");
  bool color = isatty(STDERR_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
  fputs(diagnostics.Format(color).c_str(), stderr);
}

}  // namespace kplan
