#include "src/model/renewal_units.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/systemd/unit.h"

namespace kplan {
namespace {

// systemd's UNIT_NAME_MAX less ".service" and its end.
constexpr size_t kMaxName = 255 - 8;

// unit_name_path_escape() of systemd: what `systemd-escape --path` prints.
std::string EscapePath(absl::string_view path) {
  while (absl::ConsumePrefix(&path, "/")) {
  }
  while (absl::ConsumeSuffix(&path, "/")) {
  }
  if (path.empty()) return "-";
  std::string escaped;
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '/') {
      escaped += '-';
    } else if (absl::ascii_isalnum(c) || c == ':' || c == '_' || (c == '.' && i > 0)) {
      escaped += c;
    } else {
      absl::StrAppendFormat(&escaped, "\\x%02x", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

// A text that systemd takes as it stands, but for specifiers.
std::string Literal(absl::string_view text) { return absl::StrReplaceAll(text, {{"%", "%%"}}); }

// WorkingDirectory takes no quotes and no escapes: what the syntax of files does not let through cannot be
// said there.
bool CanStandAlone(absl::string_view path) {
  if (FindInvalidUtf8(path) != absl::string_view::npos || FindNonCharacter(path) != absl::string_view::npos)
    return false;
  for (size_t i = 0; i < path.size(); ++i) {
    if (ControlLength(path.substr(i)) > 0) return false;
  }
  return absl::StartsWith(path, "/") && !absl::EndsWith(path, "\\") && !absl::EndsWith(path, " ");
}

}  // namespace

absl::StatusOr<std::string> RenewalUnitName(absl::string_view folder) {
  std::string name = absl::StrCat("kplan-renew-", EscapePath(folder));
  if (name.size() > kMaxName) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path ", Quote(folder), " is too long for the name of a unit: at most ",
                     kMaxName - 12, " bytes, as `systemd-escape --path` writes it"));
  }
  return name;
}

absl::StatusOr<RenewalUnits> MakeRenewalUnits(const RenewalPlan& plan) {
  if (!CanStandAlone(plan.folder)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path ", Quote(plan.folder), " has characters that cannot stand in a unit"));
  }
  for (const std::string& program : {plan.kplan, plan.ninja}) {
    if (!IsPlainPath(program) || program[0] != '/') {
      return absl::InvalidArgumentError(absl::StrCat(
          "the path ", Quote(program),
          " has characters that cannot stand in a unit: letters, digits and / . _ - + @ = ~ can"));
    }
  }
  const std::string what = absl::StrCat("Renew what is due in ", Literal(plan.folder), " (kplan)");
  Unit service;
  service.sections = {
      {"Unit",
       {{"Description", {what}}, {"Wants", {"network-online.target"}}, {"After", {"network-online.target"}}}},
      {"Service", {{"Type", {"oneshot"}}}},
  };
  // Files of whoever works in that folder stay that one's, and so do the keys that ssh finds.
  if (plan.owner != 0) service.Set("Service", "User", absl::StrCat(plan.owner));
  service.Set("Service", "WorkingDirectory", Literal(plan.folder));
  service.SetLines(
      "Service", "ExecStart",
      {ExecStart({{"", plan.kplan}, {"gen", ""}, {plan.spec, ""}}), ExecStart({{"", plan.ninja}})});
  service.Set("Service", "Nice", "10");

  Unit timer;
  timer.sections = {
      {"Unit", {{"Description", {what}}}},
      {"Timer",
       {{"OnCalendar", {Literal(plan.calendar)}}, {"RandomizedDelaySec", {"1h"}}, {"Persistent", {"true"}}}},
      {"Install", {{"WantedBy", {"timers.target"}}}},
  };
  return RenewalUnits{service.Text(), timer.Text()};
}

}  // namespace kplan
