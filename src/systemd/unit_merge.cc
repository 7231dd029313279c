// What of a unit the spec may write, and how it is merged over what kplan writes.

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "src/systemd/unit.h"

namespace kplan {
namespace {

// The file's temporary name and the marker of what runs (/run/kplan/NAME.started) are longer, and have 255
// bytes like every file's.
constexpr size_t kMaxUnitName = 230;

// Keys in one section, each of which is looked for among the others.
constexpr size_t kMostKeys = 1000;

// systemd.unit(5): every type has [Unit] and [Install]. Devices and scopes come from no file.
struct UnitType {
  absl::string_view suffix;
  absl::string_view section;  // its own; empty: it has none
};
constexpr UnitType kTypes[] = {
    {"service", "Service"}, {"timer", "Timer"}, {"socket", "Socket"}, {"path", "Path"},
    {"target", ""},         {"mount", "Mount"}, {"swap", "Swap"},     {"automount", "Automount"},
    {"slice", "Slice"},
};

// systemd.unit(5), "SPECIFIERS": those that speak of the unit's own name.
constexpr absl::string_view kInstanceSpecifiers = "fiIjJnNpP";

const UnitType* FindType(absl::string_view suffix) {
  for (const UnitType& type : kTypes) {
    if (type.suffix == suffix) return &type;
  }
  return nullptr;
}

std::vector<absl::string_view> SectionsOf(absl::string_view type) {
  std::vector<absl::string_view> sections = {"Unit"};
  const UnitType* known = FindType(type);
  if (known != nullptr && !known->section.empty()) sections.push_back(known->section);
  sections.push_back("Install");
  return sections;
}

std::string JoinNames(const std::vector<absl::string_view>& names) {
  return JoinAnd(std::vector<std::string>(names.begin(), names.end()));
}

// Whether systemd would expand something in VALUE that may not stand there, or refuse the whole line for it.
// A
// "%" before anything but a letter or a digit is a percent sign (specifier_printf, POSSIBLE_SPECIFIERS).
bool HasSpecifier(absl::string_view value, bool is_template) {
  for (size_t i = 0; i + 1 < value.size(); ++i) {
    if (value[i] != '%') continue;
    const char c = value[++i];
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) continue;
    if (is_template && absl::StrContains(kInstanceSpecifiers, c)) continue;
    return true;
  }
  return false;
}

// How a value would be read differently from what it says; empty when it would not.
std::string UnitValueProblem(absl::string_view value, bool is_template, Remedy* help) {
  for (size_t i = 0; i < value.size(); ++i) {
    if (ControlLength(value.substr(i)) == 0) continue;
    *help = "remove it";
    return "a unit's value cannot hold a line end or another control character";
  }
  if (FindNonCharacter(value) != absl::string_view::npos) {
    *help = "remove it";
    return "systemd takes no line with a character that Unicode has set aside (U+FFFE and the like)";
  }
  if (HasSpecifier(value, is_template)) {
    *help = "write %% for a percent sign, and paths in full";
    if (is_template)
      *help = "in a template there are %i, %I, %j, %J, %n, %N, %p, %P and %f; %% is a percent sign";
    return "systemd would expand the specifier after the %";
  }
  if (absl::EndsWith(value, "\\")) {
    *help = "remove it";
    return "a backslash at the end joins the next line to this one";
  }
  if (absl::StartsWith(value, " ") || absl::EndsWith(value, " ")) {
    *help = {"remove it", absl::StripAsciiWhitespace(value)};
    return "systemd drops a space at the beginning or the end";
  }
  return "";
}

class UnitMerger {
 public:
  UnitMerger(const UnitRules& rules, Unit* unit, Diagnostics* diagnostics)
      : rules_(rules), sections_(SectionsOf(rules.type)), unit_(unit), diagnostics_(diagnostics) {}

  void Merge(const UnitSectionSpec& section) {
    const std::string& name = section.name.value;
    if (std::find(sections_.begin(), sections_.end(), name) == sections_.end()) {
      diagnostics_->Error(Code::kBadUnit, section.name.range,
                          absl::StrCat(rules_.type[0] == 'a' ? "an " : "a ", rules_.type,
                                       " unit has no section ", Quote(name)),
                          MeantOr(name, sections_, absl::StrCat("there are ", JoinNames(sections_))));
      return;
    }
    if (section.keys.size() > kMostKeys) {
      diagnostics_->Error(
          Code::kTooLarge, section.name.range,
          absl::StrCat(section.keys.size(), " keys in one section; at most ", kMostKeys, " are read"),
          "systemd knows some hundreds");
      return;
    }
    for (const UnitKeySpec& key : section.keys) Merge(name, key);
  }

 private:
  void Merge(const std::string& section, const UnitKeySpec& key) {
    const std::string& name = key.name.value;
    if (!OnlyAlnumAnd(name, "") || !absl::ascii_isupper(static_cast<unsigned char>(name[0]))) {
      diagnostics_->Error(Code::kBadUnit, key.name.range,
                          absl::StrCat(Quote(name), " is not a key of a systemd unit"),
                          "systemd's keys are letters only, for example LimitNOFILE");
      return;
    }
    for (const UnitRules::FixedKey& fixed : rules_.fixed) {
      if (fixed.section != section || fixed.key != name) continue;
      diagnostics_->Error(Code::kSetByKplan, key.name.range,
                          absl::StrCat(name, " cannot be set here: ", fixed.reason),
                          std::string(fixed.remedy));
      return;
    }
    std::vector<std::string> values;
    for (const Text& value : key.values) {
      std::string problem;
      Remedy help;
      if (value.set()) problem = UnitValueProblem(value.value, rules_.is_template, &help);
      if (!problem.empty()) diagnostics_->Error(Code::kBadUnit, value.range, problem, help);
      values.push_back(value.value);
    }
    if (!values.empty()) unit_->SetLines(section, name, std::move(values));
  }

  const UnitRules& rules_;
  const std::vector<absl::string_view> sections_;
  Unit* unit_;
  Diagnostics* diagnostics_;
};

}  // namespace

void MergeUnit(const std::vector<UnitSectionSpec>& spec, const UnitRules& rules, Unit* unit,
               Diagnostics* diagnostics) {
  UnitMerger merger(rules, unit, diagnostics);
  for (const UnitSectionSpec& section : spec) merger.Merge(section);
}

bool ParseUnitName(const Text& text, UnitFileName* name, Diagnostics* diagnostics) {
  auto fail = [&](Remedy help) {
    diagnostics->Error(Code::kBadUnit, text.range,
                       absl::StrCat(Quote(text.value), " is not the name of a unit"), std::move(help));
    return false;
  };
  const size_t dot = text.value.rfind('.');
  const std::string suffix = dot == std::string::npos ? "" : text.value.substr(dot + 1);
  if (FindType(suffix) == nullptr) {
    std::vector<absl::string_view> suffixes;
    for (const UnitType& type : kTypes) suffixes.push_back(type.suffix);
    Remedy help = absl::StrCat("it has to end in one of .", absl::StrJoin(suffixes, ", ."));
    if (!suffix.empty()) help = MeantOr(suffix, suffixes, std::move(help));
    if (help.instead) help.instead = absl::StrCat(text.value.substr(0, dot + 1), *help.instead);
    return fail(std::move(help));
  }
  *name = {text.value.substr(0, dot), suffix, absl::EndsWith(text.value.substr(0, dot), "@")};
  // systemd also takes ":" and "\"; ninja, and so a label, does not.
  if (!OnlyAlnumAnd(name->stem, "-_.@") || name->stem[0] == '.') {
    return fail("a unit's name has letters, digits and - _ . @");
  }
  if (text.value.size() > kMaxUnitName)
    return fail(absl::StrCat("it may have ", kMaxUnitName, " characters"));
  const size_t at = name->stem.find('@');
  if (at == 0) return fail("something has to stand in front of the @");
  if (at != std::string::npos && name->stem.find('@', at + 1) != std::string::npos) {
    return fail("there may be one @: what stands behind it is the instance");
  }
  return true;
}

std::string FurtherUnitText(const FurtherUnitSpec& spec, Diagnostics* diagnostics) {
  UnitFileName name;
  if (!ParseUnitName(spec.name, &name, diagnostics)) return "";
  UnitRules rules;
  rules.type = name.type;
  rules.is_template = name.is_template;
  Unit unit;
  MergeUnit(spec.sections, rules, &unit, diagnostics);
  return unit.Text();
}

}  // namespace kplan
