#ifndef KPLAN_CLI_COMPLETION_H_
#define KPLAN_CLI_COMPLETION_H_

// What can come next on a command line. The scripts for the shells (completions/) ask for it with `kplan
// completion candidates WORD...`, so that no shell has to know the commands.

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

struct Candidate {
  std::string text;  // the whole word: "--format=dot"
  std::string what;  // what it is, for shells that show it; may be empty

  bool operator==(const Candidate& other) const { return text == other.text && what == other.what; }
};

struct Completion {
  enum class Files { kNone, kAll, kFolders, kSpecs };

  std::vector<Candidate> candidates;
  Files files = Files::kNone;  // also names of files, which the shell knows best
};

// Where the words come from that the table of commands does not have.
struct CompletionSources {
  std::function<std::string(absl::string_view command)> command_summary;
  std::function<std::string(absl::string_view command, absl::string_view option)> option_summary;
  std::function<std::vector<Candidate>()> topics;
  // The labels that begin with PREFIX, or parts of them, of the plan in FOLDER ("" for the current one).
  std::function<std::vector<std::string>(const std::string& folder, absl::string_view prefix)> labels;
  // The same of labels, hosts, services and groups.
  std::function<std::vector<std::string>(const std::string& folder, absl::string_view prefix)> names;
};

// WORDS are those after "kplan", up to the cursor; the last one, possibly empty, is being typed.
Completion Complete(const std::vector<std::string>& words, const CompletionSources& sources);

// For the shells: a candidate a line, a tab, what it is; ":files", ":folders" or ":specs" for files.
std::string CompletionText(const Completion& completion);

// How the labels of a plan.json go on after PREFIX: up to the next "/", sorted; past it, while there is only
// one way. So a shell shows a level at a time, as with files, and not 150,000 names.
std::vector<std::string> NextLabels(absl::string_view plan_json, absl::string_view prefix);

// The same of all that ninja can be told to build by a build.ninja of `gen`: labels, hosts, services and
// groups.
std::vector<std::string> NextNames(absl::string_view build_ninja, absl::string_view prefix);

}  // namespace kplan

#endif  // KPLAN_CLI_COMPLETION_H_
