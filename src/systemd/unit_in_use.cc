#include "src/systemd/unit_in_use.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/base/paths.h"
#include "src/base/process.h"
#include "src/base/real_path.h"
#include "src/base/text.h"
#include "src/systemd/systemctl.h"

namespace kplan {
namespace {

// A package's database on a slow disk; without an answer nothing is lost but a name.
constexpr absl::Duration kPackageTime = absl::Seconds(10);

// What stands between BEGIN and END in TEXT; "" when nothing does.
absl::string_view Between(absl::string_view text, absl::string_view begin, absl::string_view end) {
  const size_t from = text.find(begin);
  if (from == absl::string_view::npos) return "";
  text.remove_prefix(from + begin.size());
  return text.substr(0, text.find(end));
}

// dpkg knows a file by the path that its package was built with, with /usr or without.
std::string PackageByDpkg(const std::string& path) {
  absl::string_view other = path;
  const std::string with_usr = absl::StrCat("/usr", path);
  if (!absl::ConsumePrefix(&other, "/usr")) other = with_usr;
  RunOptions options;
  options.timeout = kPackageTime;
  for (absl::string_view each : {absl::string_view(path), other}) {
    absl::StatusOr<RunResult> ran = Run({"dpkg-query", "--search", std::string(each)}, options);
    if (!ran.ok()) return "";
    if (ran->ok()) return ran->out.substr(0, ran->out.find_first_of(":,\n"));
  }
  return "";
}

std::string PackageOf(const std::string& path) {
  if (std::string package = PackageByDpkg(path); !package.empty()) return package;
  RunOptions options;
  options.timeout = kPackageTime;
  absl::StatusOr<RunResult> ran = Run({"rpm", "--query", "--file", "--queryformat=%{NAME}\n", path}, options);
  return ran.ok() && ran->ok() ? ran->out.substr(0, ran->out.find('\n')) : "";
}

// Unix seconds of a moment that systemd gives in microseconds of CLOCK_MONOTONIC.
int64_t AtMonotonic(absl::string_view text) {
  int64_t microseconds = 0;
  timespec now = {};
  if (!absl::SimpleAtoi(text, &microseconds) || microseconds == 0) return 0;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const absl::Duration ago = absl::DurationFromTimespec(now) - absl::Microseconds(microseconds);
  return absl::ToUnixSeconds(absl::Now() - ago);
}

}  // namespace

bool UnitInUse::is_administrators() const {
  return absl::StartsWith(fragment, absl::StrCat(paths::on_host::kUnits, "/"));
}

std::string UnitInUse::Describe() const {
  std::vector<std::string> parts = {absl::StrCat("unit ", Shown(fragment))};
  if (!package.empty()) parts.push_back(absl::StrCat("package ", Shown(package)));
  if (since != 0) {
    const absl::Time began = absl::FromUnixSeconds(since);
    parts.push_back(
        absl::StrCat("since ", absl::FormatTime("%Y-%m-%d %H:%M", began, absl::UTCTimeZone()), " UTC"));
  } else if (enabled) {
    parts.push_back("started at boot");
  }
  return absl::StrCat("`", Brief(program), "` (", absl::StrJoin(parts, ", "), ")");
}

std::optional<UnitInUse> ParseUnitInUse(const std::map<std::string, std::string>& properties) {
  const auto value = [&](const char* name) -> std::string {
    auto found = properties.find(name);
    return found == properties.end() ? "" : found->second;
  };
  UnitInUse unit;
  unit.fragment = value("FragmentPath");
  if (unit.fragment.empty() || value("LoadState") != "loaded") return std::nullopt;
  // "{ path=/usr/bin/etcd ; argv[]=/usr/bin/etcd $DAEMON_ARGS ; ignore_errors=no ; ... }"
  const std::string start = value("ExecStart");
  unit.program = std::string(Between(start, "path=", " ;"));
  unit.arguments = std::string(Between(start, "argv[]=", " ; ignore_errors="));
  for (absl::string_view variable : absl::StrSplit(value("Environment"), ' ', absl::SkipEmpty()))
    unit.environment.emplace_back(variable);
  // "/etc/default/etcd (ignore_errors=yes)"
  const std::string files = value("EnvironmentFiles");
  unit.environment_files.emplace_back(absl::string_view(files).substr(0, files.find(" (")));
  if (unit.environment_files[0].empty()) unit.environment_files.clear();
  unit.folder = value("WorkingDirectory");
  const std::string state = value("ActiveState"), file = value("UnitFileState");
  unit.active = state == "active" || state == "activating" || state == "reloading" || state == "deactivating";
  unit.enabled = file == "enabled" || file == "enabled-runtime";
  int pid = 0;
  if (absl::SimpleAtoi(value("MainPID"), &pid)) unit.main_pid = pid;
  if (unit.active) unit.since = AtMonotonic(value("ActiveEnterTimestampMonotonic"));
  return unit;
}

absl::StatusOr<std::optional<UnitInUse>> FindUnitInUse(const std::string& name) {
  if (!IsBootedWithSystemd()) return std::nullopt;
  absl::StatusOr<std::map<std::string, std::string>> properties = ShowProperties(
      name, {"LoadState", "FragmentPath", "ActiveState", "UnitFileState", "MainPID", "ExecStart",
             "Environment", "EnvironmentFiles", "WorkingDirectory", "ActiveEnterTimestampMonotonic"});
  if (!properties.ok()) return properties.status();
  std::optional<UnitInUse> unit = ParseUnitInUse(*properties);
  // No package puts one into the administrator's folder, where ours is most of the time.
  const bool by_package = unit.has_value() && !unit->is_administrators() && (unit->active || unit->enabled);
  if (by_package) unit->package = PackageOf(unit->fragment);
  return unit;
}

std::string WhyNotReplaced(const UnitInUse& found, absl::string_view program) {
  if (!found.active && !found.enabled) return "";
  if (found.program.empty() || RealPath(found.program) == RealPath(std::string(program))) return "";
  return absl::StrCat("there is a service of that name already, which kplan did not make: ",
                      found.Describe());
}

}  // namespace kplan
