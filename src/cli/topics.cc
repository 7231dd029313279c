#include "src/cli/topics.h"

#include <algorithm>
#include <initializer_list>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/cli/embedded.h"
#include "src/cli/markdown.h"
#include "src/cli/markdown_sections.h"
#include "src/spec/key_help.h"

namespace kplan {
namespace {

absl::string_view CommandsPage() { return Embedded("docs/commands.md"); }

// "gen" for "kplan gen"; "" for a section that is no command's.
absl::string_view CommandOf(const MarkdownSection& section) {
  absl::string_view title = section.title;
  return absl::ConsumePrefix(&title, "kplan ") ? title : absl::string_view();
}

// The sections of PAGE that are one level below its title.
std::vector<MarkdownSection> Chapters(absl::string_view page) {
  std::vector<MarkdownSection> chapters;
  for (MarkdownSection& section : MarkdownSections(page)) {
    if (section.level == 2) chapters.push_back(std::move(section));
  }
  return chapters;
}

void AddPage(absl::string_view page, Topic::Kind kind, std::vector<Topic>* topics) {
  for (const MarkdownSection& section : Chapters(Embedded(page))) {
    topics->push_back({kind, section.anchor, std::string(section.body)});
  }
}

// A page that is one topic: what stands below its title.
void AddWholePage(absl::string_view page, absl::string_view name, std::vector<Topic>* topics) {
  const std::vector<MarkdownSection> sections = MarkdownSections(Embedded(page));
  if (sections.empty()) return;
  topics->push_back({Topic::Kind::kGeneral, std::string(name), std::string(sections[0].body)});
}

// "certs.hosts" of "certs.NAME.hosts".
std::string ShortPath(absl::string_view path) { return absl::StrReplaceAll(path, {{".NAME", ""}}); }

void AddKeys(std::vector<Topic>* topics) {
  absl::flat_hash_set<std::string> names;
  for (const KeyPlace& place : AllKeys()) {
    std::string name = ShortPath(place.path);
    if (!names.insert(name).second) continue;
    topics->push_back({Topic::Kind::kKey, std::move(name), DescribeKey(place)});
  }
}

// TEXT without markup, up to the first of ENDS, and without a full stop.
std::string UpTo(std::initializer_list<absl::string_view> ends, absl::string_view text) {
  std::string sentence = PlainText(text);
  size_t end = sentence.size();
  for (absl::string_view stop : ends) end = std::min(end, absl::string_view(sentence).find(stop));
  sentence.resize(end);
  absl::StripTrailingAsciiWhitespace(&sentence);
  if (!sentence.empty() && sentence.back() == '.') sentence.pop_back();
  return sentence;
}

std::string CommandText(absl::string_view command) {
  for (const MarkdownSection& section : Chapters(CommandsPage())) {
    if (CommandOf(section) == command) return std::string(section.body);
  }
  return "";
}

}  // namespace

std::vector<Topic> AllTopics() {
  std::vector<Topic> topics;
  for (const MarkdownSection& section : Chapters(CommandsPage())) {
    absl::string_view command = CommandOf(section);
    if (!command.empty())
      topics.push_back({Topic::Kind::kCommand, std::string(command), std::string(section.body)});
  }
  for (const MarkdownSection& section : Chapters(CommandsPage())) {
    if (CommandOf(section).empty()) {
      topics.push_back({Topic::Kind::kGeneral, section.anchor, std::string(section.body)});
    }
  }
  AddWholePage("docs/clusters.md", "clusters", &topics);
  AddWholePage("docs/hosts.md", "ssh", &topics);
  AddWholePage("docs/services.md", "services", &topics);
  AddWholePage("docs/etcd-flags.md", "etcd-flags", &topics);
  AddKeys(&topics);
  AddPage("docs/steps.md", Topic::Kind::kStep, &topics);
  AddPage("docs/errors.md", Topic::Kind::kError, &topics);
  return topics;
}

std::vector<Topic> FindTopics(absl::string_view name) {
  std::vector<Topic> found;
  for (Topic& topic : AllTopics()) {
    if (topic.kind != Topic::Kind::kKey && topic.name == name) found.push_back(std::move(topic));
  }
  for (const KeyPlace& place : FindKeys(name)) {
    found.push_back({Topic::Kind::kKey, place.path, DescribeKey(place)});
  }
  return found;
}

absl::string_view KindName(Topic::Kind kind) {
  switch (kind) {
    case Topic::Kind::kCommand:
      return "a command";
    case Topic::Kind::kGeneral:
      return "about kplan";
    case Topic::Kind::kKey:
      return "a key of cluster.yaml";
    case Topic::Kind::kStep:
      return "a kind of step";
    case Topic::Kind::kError:
      return "the code of an error";
  }
  return "";
}

std::string SummaryOf(const Topic& topic) {
  if (topic.kind == Topic::Kind::kCommand) return CommandSummary(topic.name);
  absl::string_view text = topic.text;
  while (absl::ConsumePrefix(&text, "\n")) {
  }
  const absl::string_view paragraph = text.substr(0, text.find("\n\n"));
  constexpr size_t kLong = 120;
  std::string sentence = UpTo({". "}, paragraph);
  return sentence.size() <= kLong ? sentence : UpTo({". ", ": ", "; "}, paragraph);
}

absl::string_view OverviewText() {
  absl::string_view page = CommandsPage();
  page.remove_prefix(page.find('\n'));
  return page.substr(0, page.find("\n## ") + 1);
}

std::string SyntaxOf(absl::string_view command) { return FirstCodeBlock(CommandText(command)); }

std::string CommandSummary(absl::string_view command) {
  const std::string cell = absl::StrCat("| `kplan ", command, "` | ");
  for (absl::string_view line : absl::StrSplit(OverviewText(), '\n')) {
    if (absl::ConsumePrefix(&line, cell)) return PlainText(absl::StripSuffix(line, " |"));
  }
  return "";
}

std::string OptionSummary(absl::string_view command, absl::string_view option) {
  const std::string text = CommandText(command);
  // "- `-C DIR`, `--into DIR`: what it is for."
  for (size_t at = 0; (at = text.find("\n- `-", at)) != std::string::npos; ++at) {
    absl::string_view item = absl::string_view(text).substr(at + 3);
    size_t end = item.find(": ");
    if (end == absl::string_view::npos) continue;
    absl::string_view names = item.substr(0, end);
    for (absl::string_view name : absl::StrSplit(names, ", ")) {
      absl::ConsumePrefix(&name, "`");
      if (name.substr(0, name.find_first_of(" =`")) != option) continue;
      item.remove_prefix(end + 2);
      return UpTo({". ", "; ", ": "}, item.substr(0, std::min(item.find("\n- "), item.find("\n\n"))));
    }
  }
  return "";
}

}  // namespace kplan
