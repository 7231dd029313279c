#include "src/model/unit.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"

namespace kplan {
namespace {

// A word of a command line as systemd's parser takes it back (config_parse_exec, extract_first_word with
// EXTRACT_UNQUOTE|EXTRACT_CUNESCAPE): quotes where needed, C escapes inside them.
std::string ExecWord(absl::string_view word) {
  std::string out;
  bool plain = !word.empty();
  for (char c : word) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
        !absl::StrContains("/._-+@=~:,*?[]^{}#&<>|()!%$", c) &&
        absl::ascii_isascii(static_cast<unsigned char>(c))) {
      plain = false;
    }
    if (c == '%' || c == '$') out += c;  // doubled: no specifier, no variable
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  // A lone ";" separates commands.
  return plain ? out : absl::StrCat("\"", out, "\"");
}

const char* const kSections[] = {"Unit", "Service", "Install"};

// Keys of [Service] that the service step relies on.
const std::pair<const char*, const char*> kFixedKeys[] = {
    {"ExecStart", "it is made from `etcd.flags`"},
    {"Type", "kplan waits for etcd's own notification (Type=notify)"},
};

// How a value would be read differently from what it says; empty when it would not.
std::string UnitValueProblem(absl::string_view value, std::string* help) {
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '%') continue;
    if (i + 1 < value.size() && value[i + 1] == '%') {
      ++i;
      continue;
    }
    *help = "write %% for a percent sign, and paths in full";
    return "systemd would expand the specifier after the %";
  }
  if (value.back() == '\\') {
    *help = "remove it";
    return "a backslash at the end joins the next line to this one";
  }
  if (value.front() == ' ' || value.back() == ' ') {
    *help = "remove it";
    return "systemd drops a space at the beginning or the end";
  }
  return "";
}

}  // namespace

std::string* Unit::Find(absl::string_view section, absl::string_view key) {
  for (Section& candidate : sections) {
    if (candidate.name != section) continue;
    for (auto& [name, value] : candidate.keys) {
      if (name == key) return &value;
    }
  }
  return nullptr;
}

void Unit::Set(absl::string_view section, absl::string_view key, std::string value) {
  if (std::string* old = Find(section, key)) {
    *old = std::move(value);
    return;
  }
  for (Section& candidate : sections) {
    if (candidate.name == section) candidate.keys.emplace_back(std::string(key), std::move(value));
  }
}

std::string Unit::Text() const {
  std::string text;
  for (const Section& section : sections) {
    if (!text.empty()) text += "\n";
    absl::StrAppend(&text, "[", section.name, "]\n");
    for (const auto& [key, value] : section.keys) absl::StrAppend(&text, key, "=", value, "\n");
  }
  return text;
}

std::string ExecStart(const std::vector<Argument>& arguments) {
  std::string text;
  bool joins = false;  // the argument before is a flag without "=", this one may be its value
  for (const auto& [word, path] : arguments) {
    std::string argument = absl::StrCat(word, path);
    bool flag = absl::StartsWith(argument, "--");
    if (!text.empty()) text += joins && !flag ? " " : " \\\n  ";
    joins = flag && !absl::StrContains(argument, '=');
    text += ExecWord(argument);
  }
  return text;
}

void MergeUnit(const std::vector<UnitSectionSpec>& spec, Unit* unit, Diagnostics* diagnostics) {
  for (const UnitSectionSpec& section : spec) {
    if (std::find(std::begin(kSections), std::end(kSections), section.name.value) == std::end(kSections)) {
      std::string help = DidYouMean(section.name.value, {"Unit", "Service", "Install"});
      diagnostics->Error(Code::kBadUnit, section.name.range,
                         absl::StrCat("a service unit has no section ", Quote(section.name.value)),
                         help.empty() ? "there are Unit, Service and Install" : help);
      continue;
    }
    TextPairs sorted = section.keys;
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.first.value < b.first.value; });
    for (const auto& [key, value] : sorted) {
      if (!OnlyAlnumAnd(key.value, "") || !absl::ascii_isupper(key.value[0])) {
        diagnostics->Error(Code::kBadUnit, key.range,
                           absl::StrCat(Quote(key.value), " is not a key of a systemd unit"),
                           "systemd's keys are letters only, for example LimitNOFILE");
        continue;
      }
      const auto* fixed = std::find_if(std::begin(kFixedKeys), std::end(kFixedKeys), [&](const auto& f) {
        return section.name.value == "Service" && key.value == f.first;
      });
      if (fixed != std::end(kFixedKeys)) {
        diagnostics->Error(Code::kSetByKplan, key.range,
                           absl::StrCat(key.value, " cannot be set here: ", fixed->second), "remove it");
        continue;
      }
      std::string help, problem = UnitValueProblem(value.value, &help);
      if (!problem.empty()) {
        diagnostics->Error(Code::kBadUnit, value.range, problem, help);
        continue;
      }
      unit->Set(section.name.value, key.value, value.value);
    }
  }
}

}  // namespace kplan
