#include "src/cli/command.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/text.h"
#include "src/cli/command_table.h"
#include "src/cli/terminal.h"

namespace kplan {
namespace {

// "WHO: error: MESSAGE\n", as Diagnostics has it.
std::string ErrorText(absl::string_view who, absl::string_view message) {
  // What a program says to its stderr may be a megabyte.
  constexpr size_t kMost = 64 << 10;
  const std::string shown = Continued(ShownLines(message.substr(0, kMost)));
  if (!UseColor(STDERR_FILENO)) return absl::StrCat(who, ": error: ", shown, "\n");
  return absl::StrCat("\033[1m", who, ":\033[0m \033[1;31merror: \033[0m", shown, "\n");
}

}  // namespace

bool Options::Parse(absl::string_view command, const Arguments& arguments) {
  const CommandSyntax& syntax = *FindCommand(command);
  auto wrong = [&](absl::string_view message) {
    WrongUsage(command, message);
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
    bool has_value = name.size() < argument.size();
    const OptionSyntax* option = syntax.FindOption(name);
    if (option == nullptr || (has_value && option->value.empty())) {
      std::vector<absl::string_view> all;
      for (const OptionSyntax& known : syntax.options) all.push_back(known.name);
      return wrong(absl::StrCat("there is no option ", argument, OrDidYouMean(name, all)));
    }
    std::string value;
    if (has_value) {
      value = std::string(argument.substr(name.size() + 1));
    } else if (!option->value.empty()) {
      if (i + 1 == arguments.size()) return wrong(absl::StrCat(name, " needs a value"));
      value = arguments[++i];
    }
    if (option->word == Word::kWord) {
      std::vector<absl::string_view> words = absl::StrSplit(option->words, '|');
      if (std::find(words.begin(), words.end(), value) == words.end()) {
        return wrong(absl::StrCat(name, " cannot be ", Quote(value), OrDidYouMean(value, words)));
      }
    }
    given_.emplace_back(std::string(name), std::move(value));
  }
  const size_t least = syntax.least_operands(), most = syntax.most_operands();
  if (operands_.size() >= least && operands_.size() <= most) return true;
  std::string takes = Count(least, "argument");
  if (most == kNoLimit) {
    takes += " or more";
  } else if (most != least) {
    takes = absl::StrCat(least, " to ", Count(most, "argument"));
  }
  return wrong(absl::StrCat("takes ", takes, ", not ", operands_.size()));
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

Arguments Options::Values(absl::string_view option) const {
  Arguments values;
  for (const auto& [name, given] : given_) {
    if (name == option) values.push_back(given);
  }
  return values;
}

std::string SpecOf(const Options& options) {
  return options.operands().empty() ? kUsualSpec : options.operands()[0];
}

std::string OrDidYouMean(absl::string_view word, const std::vector<absl::string_view>& candidates) {
  std::string hint = DidYouMean(word, candidates);
  return hint.empty() ? hint : absl::StrCat("; ", hint);
}

int Fail(absl::string_view message) {
  PrintError(ErrorText("kplan", message));
  return kExitFailed;
}

int WrongUsage(absl::string_view command, absl::string_view message) {
  PrintError(absl::StrCat(ErrorText(absl::StrCat("kplan ", command), message), UsageOf(command)));
  return kExitUsage;
}

void Print(const Diagnostics& diagnostics) { PrintError(diagnostics.Format(UseColor(STDERR_FILENO))); }

}  // namespace kplan
