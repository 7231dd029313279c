// kplan completion: the scripts for shells, and what they ask for.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/completion.h"
#include "src/cli/embedded.h"
#include "src/cli/terminal.h"
#include "src/cli/topics.h"

namespace kplan {
namespace {

struct Shell {
  const char* name;
  const char* script;
};
constexpr Shell kShells[] = {{"bash", "src/cli/completions/kplan.bash"},
                             {"zsh", "src/cli/completions/_kplan"},
                             {"fish", "src/cli/completions/kplan.fish"}};

// The file NAME of FOLDER ("": the current one); nothing of one that is not there.
std::string TextIn(const std::string& folder, absl::string_view name) {
  return ReadFile(folder.empty() ? std::string(name) : absl::StrCat(folder, "/", name)).value_or("");
}

CompletionSources Sources() {
  CompletionSources sources;
  sources.command_summary = CommandSummary;
  sources.option_summary = OptionSummary;
  sources.topics = [] {
    std::vector<Candidate> candidates;
    for (const Topic& topic : AllTopics()) candidates.push_back({topic.name, SummaryOf(topic)});
    return candidates;
  };
  sources.labels = [](const std::string& folder, absl::string_view prefix) {
    return NextLabels(TextIn(folder, paths::kPlan), prefix);
  };
  sources.names = [](const std::string& folder, absl::string_view prefix) {
    return NextNames(TextIn(folder, paths::kBuildNinja), prefix);
  };
  return sources;
}

}  // namespace

int CompletionCommand(const Arguments& arguments) {
  // What the scripts ask for is somebody else's command line: its options are not ours.
  if (!arguments.empty() && arguments[0] == "candidates") {
    std::string text = CompletionText(Complete({arguments.begin() + 1, arguments.end()}, Sources()));
    PrintText(text);
    return kExitDone;
  }
  Options options;
  if (!options.Parse("completion", arguments)) return kExitUsage;
  const std::string& wanted = options.operands()[0];
  std::vector<absl::string_view> names;
  for (const Shell& shell : kShells) {
    if (wanted == shell.name) {
      PrintText(Embedded(shell.script));
      return kExitDone;
    }
    names.push_back(shell.name);
  }
  return WrongUsage("completion", absl::StrCat("there is nothing for the shell ", Quote(wanted),
                                               OrDidYouMean(wanted, names)));
}

}  // namespace kplan
