// kplan help: what docs/ says, on a terminal.

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "src/base/text.h"
#include "src/cli/command.h"
#include "src/cli/markdown.h"
#include "src/cli/terminal.h"
#include "src/cli/topics.h"

namespace kplan {
namespace {

// Lines longer than this are hard to read, however wide the terminal is.
constexpr size_t kMaxWidth = 100, kMinWidth = 40, kDefaultWidth = 80;

MarkdownStyle StyleOfStdout() {
  MarkdownStyle style;
  style.terminal = UseColor(STDOUT_FILENO);
  struct winsize size;
  bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  style.width = known ? std::min(std::max<size_t>(size.ws_col, kMinWidth), kMaxWidth) : kDefaultWidth;
  return style;
}

void PrintMarkdown(absl::string_view text) { PrintText(RenderMarkdown(text, StyleOfStdout())); }

// TOPIC with what it is above it; a command begins with its usage, which says as much.
void PrintTopic(const Topic& topic) {
  if (topic.kind == Topic::Kind::kCommand) {
    PrintMarkdown(topic.text);
  } else {
    PrintMarkdown(absl::StrCat("## ", topic.name, " (", KindName(topic.kind), ")\n\n", topic.text));
  }
}

int Search(const std::string& word) {
  std::string lower = absl::AsciiStrToLower(word), rows;
  for (const Topic& topic : AllTopics()) {
    bool found = absl::StrContains(absl::AsciiStrToLower(topic.name), lower) ||
                 absl::StrContains(absl::AsciiStrToLower(topic.text), lower);
    if (!found) continue;
    absl::StrAppend(&rows, "| ", topic.name, " | ", KindName(topic.kind), " | ",
                    absl::StrReplaceAll(SummaryOf(topic), {{"|", "\\|"}}), " |\n");
  }
  if (rows.empty()) return Fail(absl::StrCat("no topic has ", Quote(word), " in its text"));
  PrintMarkdown(absl::StrCat("| | | |\n|---|---|---|\n", rows));
  return kExitDone;
}

}  // namespace

std::string UsageOf(absl::string_view command) {
  std::string syntax = SyntaxOf(command);
  return syntax.empty()
             ? ""
             : absl::StrCat("usage: ", absl::StrReplaceAll(syntax, {{"\nkplan", "\n       kplan"}}));
}

int CommandHelp(absl::string_view command) {
  for (const Topic& topic : AllTopics()) {
    if (topic.kind != Topic::Kind::kCommand || topic.name != command) continue;
    PrintTopic(topic);
    return kExitDone;
  }
  return HelpCommand({});
}

int HelpCommand(const Arguments& arguments) {
  Options options;
  if (!options.Parse("help", arguments)) return kExitUsage;
  for (const char* search : {"--search", "-k"}) {
    if (options.Has(search)) return Search(options.Value(search));
  }
  if (options.operands().empty()) {
    PrintMarkdown(OverviewText());
    return kExitDone;
  }
  const std::string& wanted = options.operands()[0];
  bool found = false;
  for (const Topic& topic : FindTopics(wanted)) {
    if (found) PrintText("\n");
    PrintTopic(topic);
    found = true;
  }
  if (found) return kExitDone;
  const std::vector<Topic> topics = AllTopics();
  std::vector<absl::string_view> names;
  for (const Topic& topic : topics) names.push_back(topic.name);
  Fail(absl::StrCat("there is no topic ", Quote(wanted), OrDidYouMean(wanted, names), "\n",
                    "`kplan help --search WORD` lists those that have a word in their text"));
  return kExitUsage;
}

}  // namespace kplan
