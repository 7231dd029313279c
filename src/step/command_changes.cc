#include "src/step/command_changes.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace kplan {
namespace {

// What is said about names, with the names in the order in which they came.
struct Settings {
  std::vector<std::string> order;
  std::map<std::string, std::string> values;

  void Add(const std::string& name, const std::string& value) {
    auto [at, is_new] = values.emplace(name, value);
    if (is_new) {
      order.push_back(name);
    } else {
      absl::StrAppend(&at->second, ",", value);
    }
  }
};

void AppendChanges(const std::string& prefix, const Settings& from, const Settings& to,
                   std::vector<Change>* changes) {
  for (const std::string& name : to.order) {
    auto old = from.values.find(name);
    const std::string& value = to.values.at(name);
    if (old != from.values.end() && old->second == value) continue;
    changes->push_back({absl::StrCat(prefix, name), old == from.values.end() ? "" : old->second, value});
  }
  for (const std::string& name : from.order) {
    if (to.values.count(name) == 0) {
      changes->push_back({absl::StrCat(prefix, name), from.values.at(name), ""});
    }
  }
}

struct CommandLine {
  std::string program;
  Settings flags, others;
};

CommandLine Understand(const std::vector<std::string>& argv) {
  CommandLine line;
  if (!argv.empty()) line.program = argv[0];
  for (size_t i = 1; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    const size_t equals = word.find('=');
    if (!absl::StartsWith(word, "-")) {
      line.others.Add("argument", word);
    } else if (equals != std::string::npos) {
      line.flags.Add(word.substr(0, equals), word.substr(equals + 1));
    } else if (i + 1 < argv.size() && !absl::StartsWith(argv[i + 1], "-")) {
      line.flags.Add(word, argv[++i]);
    } else {
      line.flags.Add(word, "true");
    }
  }
  return line;
}

Settings Variables(const std::vector<std::string>& environment) {
  Settings variables;
  for (const std::string& variable : environment) {
    std::pair<std::string, std::string> parts = absl::StrSplit(variable, absl::MaxSplits('=', 1));
    if (parts.first != "PATH") variables.Add(parts.first, parts.second);
  }
  return variables;
}

}  // namespace

std::vector<Change> CommandChanges(const std::vector<std::string>& from, const std::vector<std::string>& to) {
  const CommandLine before = Understand(from), after = Understand(to);
  std::vector<Change> changes;
  if (before.program != after.program) changes.push_back({"program", before.program, after.program});
  AppendChanges("flag ", before.flags, after.flags, &changes);
  AppendChanges("", before.others, after.others, &changes);
  return changes;
}

std::vector<Change> EnvironmentChanges(const std::vector<std::string>& from,
                                       const std::vector<std::string>& to) {
  std::vector<Change> changes;
  AppendChanges("environment ", Variables(from), Variables(to), &changes);
  return changes;
}

}  // namespace kplan
