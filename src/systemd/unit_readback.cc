#include "src/systemd/unit_readback.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/systemd/unit_text.h"

namespace kplan {
namespace {

using Values = std::vector<std::string>;

constexpr size_t kMaxUnitFile = 4 << 20;

// How a value is written, and shown.
enum class Form {
  kText,         // as it is
  kWord,         // the same; "append:/var/log/x" is shown without what it is about
  kBoolean,      // shown as yes or no
  kNumber,       // shown in decimal
  kMode,         // shown as "0077"
  kPath,         // without slashes too many
  kFolder,       // the same; "-/x", which may be missing, is shown as "!/x"
  kWords,        // a list, as it is, of which every line adds
  kAssignments,  // the same, quoted
  kFiles,        // the same; "-/x" is shown as "/x (ignore_errors=yes)"
  kCommands,
};

struct ComparedKey {
  absl::string_view key;
  Form form;
  absl::string_view shown = {};  // the property, where it has another name
};

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

absl::string_view PropertyOf(const ComparedKey& key) { return key.shown.empty() ? key.key : key.shown; }

bool IsList(Form form) {
  return form == Form::kWords || form == Form::kAssignments || form == Form::kFiles ||
         form == Form::kCommands;
}

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

// The same of "{ path=/bin/x ; argv[]=/bin/x a b ; ignore_errors=no ; start_time=[n/a] ; ... }".
std::string CommandOfProperty(absl::string_view property) {
  const size_t begin = property.find("argv[]=");
  const size_t errors = property.rfind(" ; ignore_errors=");
  if (begin == absl::string_view::npos || errors == absl::string_view::npos) return std::string(property);
  const size_t end = property.find(" ; ", errors + 3);
  return std::string(property.substr(begin, end == absl::string_view::npos ? end : end - begin));
}

// One key of a unit's text.
class Wanted {
 public:
  explicit Wanted(Form form) : form_(form) {}

  // VALUE: of one more assignment.
  void Assign(const std::string& value) {
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
  bool written() const { return written_; }
  bool unclear() const { return unclear_; }
  const Values& values() const { return values_; }

 private:
  void Add(const std::string& value) {
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
          unclear_ = unclear_ || (form_ == Form::kWords && absl::StrContains(word, ':') &&
                                  !absl::StrContains(word, "://"));
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

  Form form_;
  bool written_ = false, unclear_ = false;
  Values values_;
};

// systemctl escapes for a shell (shell_escape()); a unit has no such escapes.
std::string WithoutShellEscapes(absl::string_view shown) {
  std::string out;
  for (size_t i = 0; i < shown.size(); ++i) {
    const bool escapes = shown[i] == '\\' && i + 1 < shown.size();
    if (!escapes || (shown[i + 1] != '$' && shown[i + 1] != '`')) out += shown[i];
    if (escapes) out += shown[++i];
  }
  return out;
}

// What systemctl shows of a property in LINES, value by value.
Values ShownValues(Form form, const Values& lines) {
  Values values;
  for (const std::string& line : lines) {
    switch (form) {
      case Form::kWords:
        for (absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) values.emplace_back(word);
        break;
      case Form::kAssignments:
        for (std::string& word : SplitUnitWords(WithoutShellEscapes(line), ""))
          values.push_back(std::move(word));
        break;
      case Form::kCommands:
        values.push_back(CommandOfProperty(line));
        break;
      default:
        if (!line.empty()) values.push_back(line);
    }
  }
  return values;
}

// A variable that is given twice has its last value.
Values LastOfEachVariable(const Values& variables) {
  Values last;
  for (const std::string& variable : variables) {
    const std::string name = variable.substr(0, variable.find('='));
    auto same = [&](const std::string& other) { return other.substr(0, other.find('=')) == name; };
    last.erase(std::remove_if(last.begin(), last.end(), same), last.end());
    last.push_back(variable);
  }
  std::sort(last.begin(), last.end());
  return last;
}

// A property that is not in the answer is one that this systemd does not have.
using Properties = std::map<std::string, Values>;

Properties ParseShown(absl::string_view shown) {
  Properties properties;
  for (absl::string_view line : absl::StrSplit(shown, '\n')) {
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos) continue;
    properties[std::string(line.substr(0, equals))].emplace_back(line.substr(equals + 1));
  }
  return properties;
}

bool Contains(const Values& values, const Values& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
  });
}

}  // namespace

std::vector<UnitDifference> CompareUnit(absl::string_view text, absl::string_view shown) {
  std::optional<std::vector<UnitAssignment>> assignments = ParseUnitText(text);
  if (!assignments.has_value()) return {{"the file", "a unit", "something else"}};
  const Properties properties = ParseShown(shown);
  auto drop_ins = properties.find("DropInPaths");
  const bool has_drop_ins = drop_ins != properties.end() && drop_ins->second != Values{""};
  std::vector<UnitDifference> differences;
  for (const ComparedKey& key : kKeys) {
    Wanted wanted(key.form);
    for (const UnitAssignment& assignment : *assignments) {
      if (assignment.key == key.key && assignment.section != "Install") wanted.Assign(assignment.value);
    }
    auto property = properties.find(std::string(PropertyOf(key)));
    const bool is_command = key.form == Form::kCommands;
    // systemctl does not show commands that a unit has none of.
    if (property == properties.end() && !is_command) continue;
    // The other keys have systemd's defaults when they are not written.
    if (wanted.unclear() || (!wanted.written() && !is_command)) continue;
    Values got, want = wanted.values();
    if (property != properties.end()) got = ShownValues(key.form, property->second);
    if (key.form == Form::kAssignments) {
      got = LastOfEachVariable(got);
      want = LastOfEachVariable(want);
    }
    const bool same = has_drop_ins && IsList(key.form) ? Contains(got, want) : got == want;
    if (!same) {
      differences.push_back({std::string(key.key), absl::StrJoin(want, ", "), absl::StrJoin(got, ", ")});
    }
  }
  return differences;
}

absl::Status ReadBackUnit(const std::string& name, const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxUnitFile);
  if (!text.ok()) return text.status();
  std::vector<absl::string_view> names = {"DropInPaths"};
  for (const ComparedKey& key : kKeys) names.push_back(PropertyOf(key));
  absl::StatusOr<RunResult> shown =
      Run({"systemctl", "show", absl::StrCat("--property=", absl::StrJoin(names, ",")), "--", name});
  if (!shown.ok()) return shown.status();
  if (!shown->ok()) {
    return absl::UnavailableError(
        absl::StrCat("systemd does not answer: ", absl::StripAsciiWhitespace(shown->err)));
  }
  std::vector<UnitDifference> differences = CompareUnit(*text, shown->out);
  if (differences.empty()) return absl::OkStatus();
  std::string message = absl::StrCat("systemd has ", name, " other than ", path, " says:");
  for (const UnitDifference& difference : differences) {
    absl::StrAppend(&message, "\n    ", difference.key, ": wanted ",
                    difference.wanted.empty() ? "nothing" : difference.wanted, "\n    ",
                    std::string(difference.key.size() + 2, ' '), "got    ",
                    difference.got.empty() ? "nothing" : difference.got);
  }
  const Values drop_ins = ParseShown(shown->out)["DropInPaths"];
  if (!drop_ins.empty() && !drop_ins[0].empty()) {
    absl::StrAppend(&message, "\n    it has drop-ins: ", drop_ins[0]);
  }
  return absl::FailedPreconditionError(message);
}

}  // namespace kplan
