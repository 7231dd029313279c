#ifndef KPLAN_CLI_TOPICS_H_
#define KPLAN_CLI_TOPICS_H_

// What there is help on: the sections of docs/, which are part of the binary, and the keys of cluster.yaml.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

struct Topic {
  enum class Kind { kCommand, kGeneral, kKey, kStep, kError };

  Kind kind = Kind::kGeneral;
  std::string name;  // what it is asked for by: "gen", "files", "etcd.flags", "install-pair", "unknown-key"
  std::string text;  // Markdown, without a heading
};

// All of them: commands first, each kind in the order of its page or table.
std::vector<Topic> AllTopics();

// What NAME stands for: a command, a kind of step, ...; keys by their path, or by its end ("usages"). Empty
// when there is nothing.
std::vector<Topic> FindTopics(absl::string_view name);

// "a command", "a kind of step"
absl::string_view KindName(Topic::Kind kind);

// The first sentence of TOPIC's text (of a command its line in the overview), without markup.
std::string SummaryOf(const Topic& topic);

// What docs/commands.md begins with: the commands, grouped.
absl::string_view OverviewText();

// The first code block of COMMAND's section: "kplan check [--json] cluster.yaml\n"; "" when there is none.
std::string SyntaxOf(absl::string_view command);

// What is said of COMMAND in the overview, and of its OPTION in its section, in a few words; "" for nothing.
std::string CommandSummary(absl::string_view command);
std::string OptionSummary(absl::string_view command, absl::string_view option);

}  // namespace kplan

#endif  // KPLAN_CLI_TOPICS_H_
