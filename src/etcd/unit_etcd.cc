#include "src/etcd/unit_etcd.h"

#include <unistd.h>

#include <climits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/folders.h"
#include "src/base/real_path.h"
#include "src/etcd/etcd_data.h"
#include "src/etcd/facts/etcd_layout.h"
#include "src/host/process_info.h"
#include "src/systemd/environment_file.h"
#include "src/systemd/unit_in_use.h"

namespace kplan {
namespace {

// A file of settings has some dozens of lines.
constexpr size_t kMostConfig = 1 << 20;

// The value of the flag NAME ("-name x", "--name=x"), the last one that is there; "": it is not.
std::string FlagOf(const std::vector<std::string>& argv, absl::string_view name) {
  std::string value;
  for (size_t i = 1; i < argv.size(); ++i) {
    absl::string_view rest = argv[i];
    if (!absl::ConsumePrefix(&rest, "-")) continue;
    absl::ConsumePrefix(&rest, "-");
    if (!absl::ConsumePrefix(&rest, name)) continue;
    if (absl::ConsumePrefix(&rest, "=")) {
      value = std::string(rest);
    } else if (rest.empty() && i + 1 < argv.size()) {
      value = argv[i + 1];
    }
  }
  return value;
}

std::string VariableOf(const std::vector<std::string>& environment, absl::string_view name) {
  std::string value;
  for (absl::string_view variable : environment) {
    if (absl::ConsumePrefix(&variable, name) && absl::ConsumePrefix(&variable, "="))
      value = std::string(variable);
  }
  return value;
}

// The value of KEY at the top of CONFIG, which is YAML: settings of etcd are one a line.
std::string SettingOf(absl::string_view config, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(config, '\n')) {
    if (!absl::ConsumePrefix(&line, key) || !absl::ConsumePrefix(&line, ":")) continue;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find(" #")));
    for (absl::string_view quote : {"'", "\""}) {
      if (absl::ConsumePrefix(&line, quote)) absl::ConsumeSuffix(&line, quote);
    }
    return std::string(line);
  }
  return "";
}

std::string FirstOf(const std::string& a, const std::string& b, absl::string_view otherwise) {
  return !a.empty() ? a : !b.empty() ? b : std::string(otherwise);
}

// With what the unit's process was started, or is going to be.
struct Start {
  std::vector<std::string> argv, environment;
  std::string folder;
};

Start StartOf(const UnitInUse& unit) {
  Start start;
  absl::StatusOr<std::vector<std::string>> argv = ArgvOf(unit.main_pid);
  absl::StatusOr<std::vector<std::string>> environment = EnvironmentOf(unit.main_pid);
  if (unit.main_pid > 0 && argv.ok() && environment.ok() && !argv->empty()) {
    start.argv = *std::move(argv);
    start.environment = *std::move(environment);
    char folder[PATH_MAX] = {};
    const ssize_t size =
        readlink(absl::StrCat("/proc/", unit.main_pid, "/cwd").c_str(), folder, sizeof(folder) - 1);
    start.folder = size > 0 ? std::string(folder, static_cast<size_t>(size)) : "/";
    return start;
  }
  start.argv = absl::StrSplit(unit.arguments, ' ', absl::SkipEmpty());
  start.environment = unit.environment;
  for (const std::string& file : unit.environment_files) {
    absl::StatusOr<std::vector<std::string>> variables = ReadEnvironmentFile(file);
    if (variables.ok()) start.environment = WithVariables(std::move(start.environment), *variables);
  }
  start.folder = unit.folder.empty() ? "/" : unit.folder;
  return start;
}

}  // namespace

std::string EtcdConfigFile(const std::vector<std::string>& argv,
                           const std::vector<std::string>& environment) {
  return FirstOf(FlagOf(argv, "config-file"), VariableOf(environment, "ETCD_CONFIG_FILE"), "");
}

namespace {

// FLAG of an etcd, or the variable of its name; with a CONFIG only what is in that counts.
std::string SettingFor(absl::string_view flag, absl::string_view variable,
                       const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                       absl::string_view config) {
  return config.empty() ? FirstOf(FlagOf(argv, flag), VariableOf(environment, variable), "")
                        : SettingOf(config, flag);
}

// PATH of a process that was started in FOLDER.
std::string FromFolder(absl::string_view folder, const std::string& path) {
  return path[0] == '/' ? path : absl::StrCat(folder == "/" ? "" : folder, "/", path);
}

}  // namespace

std::string EtcdDataFolder(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                           absl::string_view folder, absl::string_view config) {
  const std::string name = FirstOf(SettingFor("name", "ETCD_NAME", argv, environment, config), "", "default");
  const std::string data = FirstOf(SettingFor("data-dir", "ETCD_DATA_DIR", argv, environment, config), "",
                                   absl::StrCat(name, ".etcd"));
  return FromFolder(folder, data);
}

std::string EtcdWalFolder(const std::vector<std::string>& argv, const std::vector<std::string>& environment,
                          absl::string_view folder, absl::string_view config) {
  const std::string wal = SettingFor("wal-dir", "ETCD_WAL_DIR", argv, environment, config);
  return wal.empty() ? "" : FromFolder(folder, wal);
}

std::string LogOf(absl::string_view data, absl::string_view wal) {
  return wal.empty() ? absl::StrCat(data, "/", etcd_layout::kMember, "/", etcd_layout::kWal)
                     : std::string(wal);
}

std::string HowToMoveLog(absl::string_view from, absl::string_view to) {
  return absl::StrCat(
      "etcd's log is in ", from, ", and with the one that cluster.yaml says (", to,
      ") it would start without. Stop etcd on all its hosts, and move the log there (mkdir -p ", FolderOf(to),
      " && mv ", from, " ", to, "); then run ninja again. Or let wal-dir be as it was");
}

std::string WhyEtcdIsInTheWay(const UnitEtcd& found, absl::string_view data, absl::string_view wal,
                              absl::string_view cluster_id) {
  if (!found.initialised) return "";
  if (found.data == data) {
    const std::string from = LogOf(found.data, found.wal), to = LogOf(data, wal);
    return from == to ? "" : HowToMoveLog(from, to);
  }
  if (!found.cluster_id.empty() && found.cluster_id == cluster_id) {
    return absl::StrCat("etcd's data is in ", found.data, ", and with data-dir ", data,
                        " it would start without. Stop etcd on all its hosts, and move the data there (mv ",
                        found.data, " ", data, "); then run ninja again");
  }
  return absl::StrCat("there is an etcd already, which kplan did not set up: ", found.shown,
                      ", with data in ", found.data,
                      found.member_id.empty()
                          ? ""
                          : absl::StrCat(" (member ", found.member_id, " of cluster ", found.cluster_id, ")"),
                      ". A member in its place would have none of its keys. When it is to become the member, "
                      "write `data-dir: ",
                      found.data,
                      "` below etcd; when nobody needs it, remove it (systemctl disable --now etcd, and its "
                      "package), or write `replace: true` below etcd: its data stays where it is");
}

absl::StatusOr<std::optional<UnitEtcd>> FindOtherEtcd(const std::string& name, const std::string& data,
                                                      const std::string& wal) {
  absl::StatusOr<std::optional<UnitInUse>> unit = FindUnitInUse(name);
  if (!unit.ok()) return unit.status();
  if (!unit->has_value() || (!(*unit)->active && !(*unit)->enabled)) return std::nullopt;
  const Start start = StartOf(**unit);
  const std::string file = EtcdConfigFile(start.argv, start.environment);
  std::string config;
  if (!file.empty()) {
    absl::StatusOr<std::string> text = ReadFile(file, kMostConfig);
    if (text.ok()) config = *std::move(text);
  }
  UnitEtcd etcd;
  etcd.shown = (*unit)->Describe();
  etcd.active = (*unit)->active;
  etcd.data = EtcdDataFolder(start.argv, start.environment, start.folder, config);
  // A distribution's folder may be a link to a disk, which etcd follows.
  etcd.data = RealPath(etcd.data);
  etcd.wal = EtcdWalFolder(start.argv, start.environment, start.folder, config);
  if (!etcd.wal.empty()) etcd.wal = RealPath(etcd.wal);
  const bool same_data = etcd.data == RealPath(data);
  if (same_data && RealPath(LogOf(etcd.data, etcd.wal)) == RealPath(LogOf(data, wal))) return std::nullopt;
  absl::StatusOr<EtcdData> found = ReadEtcdData("/", etcd.data, /*versions=*/false, etcd.wal);
  const bool initialised = found.ok() && found->initialised;
  // Its log was moved to where it shall be.
  if (same_data && !initialised) return std::nullopt;
  if (same_data) etcd.data = data;
  if (!initialised) return etcd;
  etcd.initialised = true;
  etcd.cluster_id = found->cluster_id;
  etcd.member_id = found->member_id;
  return etcd;
}

}  // namespace kplan
