#ifndef KPLAN_CLI_COMMAND_H_
#define KPLAN_CLI_COMMAND_H_

// What the commands share. Only src/cli prints (terminal.h): results on stdout, errors on stderr.

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
inline constexpr int kExitTrouble = 3;  // of one: something would fail, or a host does not answer
inline constexpr int kExitUsage = 64;
inline constexpr int kExitBadSpec = 65;

using Arguments = std::vector<std::string>;  // without the program's and the command's name

int AgentCommand(const Arguments& arguments);
int ApplyCommand(const Arguments& arguments);
int AskedCommand(const Arguments& arguments);
int CertsCommand(const Arguments& arguments);
int CheckCommand(const Arguments& arguments);
int CompletionCommand(const Arguments& arguments);
int DefragCommand(const Arguments& arguments);
int DiffCommand(const Arguments& arguments);
int GenCommand(const Arguments& arguments);
int GraphCommand(const Arguments& arguments);
int HelpCommand(const Arguments& arguments);
int ImportCommand(const Arguments& arguments);
int InitCommand(const Arguments& arguments);
int PlanCommand(const Arguments& arguments);
int PruneCommand(const Arguments& arguments);
int RenewTimerCommand(const Arguments& arguments);
int RestoreCommand(const Arguments& arguments);
int SchemaCommand(const Arguments& arguments);
int ShowCommand(const Arguments& arguments);
int SnapshotCommand(const Arguments& arguments);
int StatusCommand(const Arguments& arguments);
int StepCommand(const Arguments& arguments);
int WhyCommand(const Arguments& arguments);

// Options of a command, parsed: `--json`, `-C DIR`, `--kplan=PATH`; what is left are its operands.
class Options {
 public:
  // As command_table.h has COMMAND. False, and an error printed with the command's usage, for anything else
  // that begins with "-", a value that is none of an option's words, and another number of operands.
  bool Parse(absl::string_view command, const Arguments& arguments);

  bool Has(absl::string_view flag) const;
  std::string Value(absl::string_view option) const;  // "" when not given
  Arguments Values(absl::string_view option) const;   // all that were given
  const Arguments& operands() const { return operands_; }

 private:
  std::vector<std::pair<std::string, std::string>> given_;
  Arguments operands_;
};

// What a cluster.yaml is called where nobody says.
inline constexpr char kUsualSpec[] = "cluster.yaml";

// The operand of OPTIONS that names a cluster.yaml; without one, the file of that name in the current folder.
std::string SpecOf(const Options& options);

// `; did you mean "X"?`, or "" (base/text.h).
std::string OrDidYouMean(absl::string_view word, const std::vector<absl::string_view>& candidates);

// "kplan: error: MESSAGE" on stderr, in colour as Print(); kExitFailed.
int Fail(absl::string_view message);

// The same of `kplan COMMAND`, with the command's usage below; kExitUsage.
int WrongUsage(absl::string_view command, absl::string_view message);

// Prints DIAGNOSTICS on stderr.
void Print(const Diagnostics& diagnostics);

// "usage: kplan check [--json] cluster.yaml\n", "" when there is no such command (help.cc).
std::string UsageOf(absl::string_view command);

// What `kplan COMMAND --help` prints: its help, whatever else is called so (help.cc).
int CommandHelp(absl::string_view command);

}  // namespace kplan

#endif  // KPLAN_CLI_COMMAND_H_
