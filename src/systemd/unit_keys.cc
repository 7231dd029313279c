#include "src/systemd/unit_keys.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace kplan {
namespace {

using Form = UnitValueForm;

constexpr ComparedKey kKeys[] = {
    {"Description", Form::kText},
    {"Documentation", Form::kWords},
    {"Type", Form::kText},
    {"ExecStart", Form::kCommands},
    {"ExecStartPre", Form::kCommands},
    {"ExecStartPost", Form::kCommands},
    {"ExecCondition", Form::kCommands},
    {"ExecReload", Form::kCommands},
    {"ExecStop", Form::kCommands},
    {"ExecStopPost", Form::kCommands},
    {"Environment", Form::kAssignments},
    {"EnvironmentFile", Form::kFiles, "EnvironmentFiles"},
    {"User", Form::kText},
    {"Group", Form::kText},
    {"SupplementaryGroups", Form::kWords},
    {"WorkingDirectory", Form::kFolder},
    {"RootDirectory", Form::kPath},
    {"PIDFile", Form::kPath},
    {"Restart", Form::kText},
    {"RemainAfterExit", Form::kBoolean},
    {"KillMode", Form::kText},
    {"Slice", Form::kText},
    {"SyslogIdentifier", Form::kText},
    {"StandardInput", Form::kWord},
    {"StandardOutput", Form::kWord},
    {"StandardError", Form::kWord},
    {"UMask", Form::kMode},
    {"LimitNOFILE", Form::kNumber},
    {"RuntimeDirectory", Form::kWords},
    {"StateDirectory", Form::kWords},
    {"CacheDirectory", Form::kWords},
    {"LogsDirectory", Form::kWords},
    {"ConfigurationDirectory", Form::kWords},
    {"StateDirectoryMode", Form::kMode},
    {"NoNewPrivileges", Form::kBoolean},
    {"ProtectSystem", Form::kText},
    {"ProtectHome", Form::kText},
    {"ProtectProc", Form::kText},
    {"ProcSubset", Form::kText},
    {"PrivateTmp", Form::kBoolean},
    {"PrivateDevices", Form::kBoolean},
    {"PrivateUsers", Form::kBoolean},
    {"ProtectHostname", Form::kBoolean},
    {"ProtectClock", Form::kBoolean},
    {"ProtectKernelTunables", Form::kBoolean},
    {"ProtectKernelModules", Form::kBoolean},
    {"ProtectKernelLogs", Form::kBoolean},
    {"ProtectControlGroups", Form::kBoolean},
    {"RestrictRealtime", Form::kBoolean},
    {"RestrictSUIDSGID", Form::kBoolean},
    {"LockPersonality", Form::kBoolean},
    {"MemoryDenyWriteExecute", Form::kBoolean},
    {"RemoveIPC", Form::kBoolean},
};

// What of a text systemd replaces when it reads it.
bool HasSpecifiers(absl::string_view value) {
  for (size_t i = 0; i + 1 < value.size(); ++i) {
    if (value[i] == '%' && absl::ascii_isalnum(static_cast<unsigned char>(value[++i]))) return true;
  }
  return false;
}

std::string WithoutDoubledPercents(absl::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    out += value[i];
    if (value[i] == '%' && i + 1 < value.size() && value[i + 1] == '%') ++i;
  }
  return out;
}

std::string SimplePath(absl::string_view path) {
  std::vector<absl::string_view> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
  parts.erase(std::remove(parts.begin(), parts.end(), "."), parts.end());
  return absl::StrCat(absl::StartsWith(path, "/") ? "/" : "", absl::StrJoin(parts, "/"));
}

// parse_boolean(); as it is when it is none.
std::string BooleanText(absl::string_view value) {
  const std::string lower = absl::AsciiStrToLower(value);
  for (absl::string_view yes : {"1", "yes", "y", "true", "t", "on"}) {
    if (lower == yes) return "yes";
  }
  for (absl::string_view no : {"0", "no", "n", "false", "f", "off"}) {
    if (lower == no) return "no";
  }
  return std::string(value);
}

std::string ModeShown(absl::string_view value) {
  while (value.size() > 4 && value[0] == '0') value.remove_prefix(1);
  return absl::StrCat(std::string(value.size() < 4 ? 4 - value.size() : 0, '0'), value);
}

// "PATH" as property EnvironmentFiles has it.
std::string FileShown(absl::string_view value) {
  const bool optional = absl::ConsumePrefix(&value, "-");
  return absl::StrCat(SimplePath(value), " (ignore_errors=", optional ? "yes)" : "no)");
}

// A command as its property has it, up to its times: "argv[]=/bin/x a b ; ignore_errors=no". No value where
// that cannot be told: several commands in one line.
std::optional<std::string> CommandShown(absl::string_view value) {
  std::vector<std::string> words = SplitUnitWords(value, "%");
  if (words.empty() || std::find(words.begin() + 1, words.end(), ";") != words.end()) return std::nullopt;
  bool ignores = false, own_name = false;
  absl::string_view program = words[0];
  while (!program.empty() && absl::StrContains("@-:+!|", program[0])) {
    ignores = ignores || program[0] == '-';
    own_name = own_name || program[0] == '@';
    program.remove_prefix(1);
  }
  words[0] = std::string(program);
  if (own_name) words.erase(words.begin());
  return absl::StrCat("argv[]=", absl::StrJoin(words, " "), " ; ignore_errors=", ignores ? "yes" : "no");
}

// A variable that is given twice has its last value.
std::vector<std::string> LastOfEachVariable(const std::vector<std::string>& variables) {
  std::vector<std::string> last;
  for (const std::string& variable : variables) {
    const std::string name = variable.substr(0, variable.find('='));
    auto same = [&](const std::string& other) { return other.substr(0, other.find('=')) == name; };
    last.erase(std::remove_if(last.begin(), last.end(), same), last.end());
    last.push_back(variable);
  }
  std::sort(last.begin(), last.end());
  return last;
}

}  // namespace

absl::Span<const ComparedKey> ComparedKeys() { return kKeys; }

bool IsList(Form form) {
  return form == Form::kWords || form == Form::kAssignments || form == Form::kFiles ||
         form == Form::kCommands;
}

UnitValue::UnitValue(const ComparedKey& key, const std::vector<UnitAssignment>& assignments)
    : form_(key.form) {
  for (const UnitAssignment& assignment : assignments) {
    if (assignment.key == key.key && assignment.section != "Install") Assign(assignment.value);
  }
}

void UnitValue::Assign(const std::string& value) {
  if (value.empty()) {
    values_.clear();
    written_ = false;
    return;
  }
  written_ = true;
  if (!IsList(form_)) values_.clear();
  unclear_ = unclear_ || HasSpecifiers(value);
  if (!unclear_) Add(value);
}

void UnitValue::Add(const std::string& value) {
  const std::string text = WithoutDoubledPercents(value);
  switch (form_) {
    case Form::kText:
      values_.push_back(text);
      return;
    case Form::kWord:
      values_.push_back(text.substr(0, text.find(':')));
      return;
    case Form::kBoolean:
      values_.push_back(BooleanText(value));
      return;
    case Form::kNumber: {
      uint64_t number = 0;
      unclear_ = !absl::SimpleAtoi(value, &number);
      values_.push_back(absl::StrCat(number));
      return;
    }
    case Form::kMode:
      values_.push_back(ModeShown(value));
      return;
    case Form::kPath:
      unclear_ = !absl::StartsWith(text, "/");  // below a folder of systemd's choice
      values_.push_back(SimplePath(text));
      return;
    case Form::kFolder: {
      absl::string_view path = text;
      const bool optional = absl::ConsumePrefix(&path, "-");
      unclear_ = !absl::StartsWith(path, "/");  // "~"
      values_.push_back(absl::StrCat(optional ? "!" : "", SimplePath(path)));
      return;
    }
    case Form::kWords:
    case Form::kAssignments:
      for (std::string& word : SplitUnitWords(value, "%")) {
        // "a:b" of StateDirectory is a folder and a link to it.
        unclear_ = unclear_ ||
                   (form_ == Form::kWords && absl::StrContains(word, ':') && !absl::StrContains(word, "://"));
        values_.push_back(std::move(word));
      }
      return;
    case Form::kFiles:
      values_.push_back(FileShown(text));
      return;
    case Form::kCommands: {
      std::optional<std::string> command = CommandShown(value);
      unclear_ = unclear_ || !command.has_value();
      values_.push_back(command.value_or(""));
      return;
    }
  }
}

std::vector<std::string> Comparable(UnitValueForm form, const std::vector<std::string>& values) {
  return form == Form::kAssignments ? LastOfEachVariable(values) : values;
}

bool SaysIt(UnitValueForm form, const std::vector<std::string>& got, const std::vector<std::string>& wanted,
            bool may_add) {
  if (!may_add || !IsList(form)) return got == wanted;
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& value) {
    return std::find(got.begin(), got.end(), value) != got.end();
  });
}

}  // namespace kplan
