#ifndef KPLAN_CLI_COMMAND_TABLE_H_
#define KPLAN_CLI_COMMAND_TABLE_H_

// The syntax of every command, once: what parses a command line (command.h) and what completes one
// (completion.h) read it here. What commands and options are for stands in docs/commands.md.

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kplan {

// What an operand or an option's value can be; how a shell completes it.
enum class Word : uint8_t {
  kText,    // anything
  kWord,    // one of the words in `words`
  kFile,    // a file or folder
  kFolder,  // a folder
  kSpec,    // a cluster.yaml
  kLabel,   // an artifact of the plan
  kName,    // an artifact, a host, a service or a group of it
  kTopic,   // of `kplan help`
};

struct OptionSyntax {
  absl::string_view name;        // "--json", "-C"
  absl::string_view value;       // "DIR"; "" for a flag
  Word word = Word::kText;       // what the value is
  absl::string_view words = {};  // of kWord, with "|" between
  bool hidden = false;           // what ninja and scripts of ours use, not people
};

struct OperandSyntax {
  absl::string_view name;  // "LABEL"
  Word word = Word::kText;
  absl::string_view words = {};
  bool optional = false;
  bool repeated = false;  // the last one: as often as one likes
};

struct CommandSyntax {
  absl::string_view name;
  absl::Span<const OptionSyntax> options;
  absl::Span<const OperandSyntax> operands;

  const OptionSyntax* FindOption(absl::string_view option) const;  // null when there is none
  size_t least_operands() const;
  size_t most_operands() const;  // kNoLimit when the last one is repeated
};

inline constexpr size_t kNoLimit = static_cast<size_t>(-1);

// By name.
absl::Span<const CommandSyntax> AllCommands();

// Null when there is none of that name.
const CommandSyntax* FindCommand(absl::string_view name);

}  // namespace kplan

#endif  // KPLAN_CLI_COMMAND_TABLE_H_
