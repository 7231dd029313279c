#ifndef KPLAN_CLI_COMMAND_H_
#define KPLAN_CLI_COMMAND_H_

// What the commands share. Only src/cli prints: results on stdout, errors on stderr.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"

namespace kplan {

inline constexpr char kVersion[] = "0.1.0";

// Exit codes (sysexits.h for the last two).
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitChanges = 2;  // of a command that looks: something needs doing
inline constexpr int kExitUsage = 64;
inline constexpr int kExitBadSpec = 65;

using Arguments = std::vector<std::string>;  // without the program's and the command's name

int CertsCommand(const Arguments& arguments);
int CheckCommand(const Arguments& arguments);
int GenCommand(const Arguments& arguments);
int HelpCommand(const Arguments& arguments);
int ImportCommand(const Arguments& arguments);
int StepCommand(const Arguments& arguments);

// Options of a command, parsed: `--json`, `-C DIR`, `--kplan=PATH`; what is left are its operands.
class Options {
 public:
  static constexpr size_t kOneOrMore = static_cast<size_t>(-1);

  // FLAGS are the options without a value, VALUES those with one. False, and an error printed, for anything
  // else that begins with "-", and when there are not OPERANDS operands (kOneOrMore: when there is none).
  bool Parse(absl::string_view command, const Arguments& arguments,
             const std::vector<absl::string_view>& flags, const std::vector<absl::string_view>& values,
             size_t operands);

  bool Has(absl::string_view flag) const;
  std::string Value(absl::string_view option) const;  // "" when not given
  const Arguments& operands() const { return operands_; }

 private:
  std::vector<std::pair<std::string, std::string>> given_;
  Arguments operands_;
};

// `; did you mean "X"?`, or "" (base/text.h).
std::string OrDidYouMean(absl::string_view word, const std::vector<absl::string_view>& candidates);

// "kplan: MESSAGE" on stderr; kExitFailed.
int Fail(absl::string_view message);

// Prints DIAGNOSTICS on stderr, in colour on a terminal (unless NO_COLOR is set, https://no-color.org).
void Print(const Diagnostics& diagnostics);

// The usage text of COMMAND, "" when there is none.
absl::string_view UsageOf(absl::string_view command);

}  // namespace kplan

#endif  // KPLAN_CLI_COMMAND_H_
