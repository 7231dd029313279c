// The unit of a member of etcd, and who owns its files.

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/model/resolve_etcd_internal.h"
#include "src/model/start_timeout.h"
#include "src/systemd/hardening.h"
#include "src/systemd/unit.h"

namespace kplan {
namespace {

// Folders directly in it are systemd's to make (StateDirectory, systemd.exec(5)).
constexpr char kStateFolder[] = "/var/lib/";

// In a cluster that key is taken.
void CheckEnvironmentFile(const std::vector<UnitSectionSpec>& unit, Diagnostics* diagnostics) {
  for (const UnitSectionSpec& section : unit) {
    if (section.name.value != "Service") continue;
    for (const auto& [key, values] : section.keys) {
      if (key.value != "EnvironmentFile") continue;
      diagnostics->Error(Code::kSetByKplan, key.range,
                         "EnvironmentFile cannot be set here: it is where kplan puts what etcd heeds at its "
                         "first start",
                         "write `Environment`");
    }
  }
}

// User and Group become owners of files, as they are written.
void CheckAccounts(const std::vector<UnitSectionSpec>& unit, Diagnostics* diagnostics) {
  for (const UnitSectionSpec& section : unit) {
    for (const auto& [key, values] : section.keys) {
      if (section.name.value != "Service" || (key.value != "User" && key.value != "Group")) continue;
      for (const Text& value : values) {
        if (!value.set() || OnlyAlnumAnd(value.value, "._-")) continue;
        diagnostics->Error(Code::kBadUnit, value.range,
                           absl::StrCat(Quote(value.value), " is not the name of a user or group"), "");
      }
    }
  }
}

// Who `unit: {Service: {User: ...}}` says that etcd runs as; null when nobody is written there.
const std::string* WrittenUser(const std::vector<UnitSectionSpec>& unit) {
  for (const UnitSectionSpec& section : unit) {
    for (const auto& [key, values] : section.keys) {
      if (section.name.value == "Service" && key.value == "User" && !values.empty()) {
        return &values.back().value;
      }
    }
  }
  return nullptr;
}

// `hardening`. Who writes another user into the unit has one, and none is made.
void HardenMember(const EtcdContext& context, Diagnostics* diagnostics, EtcdMember* member, Unit* unit) {
  if (!IsStrict(context.spec.hardening, diagnostics)) return;
  auto manager_of = [&](const EtcdMember& of) { return context.cluster.hosts[of.host].manager; };
  if (manager_of(*member) == ServiceManager::kProcess) {
    // This may be so for some members alone, and is said of the first of those.
    for (const EtcdMember& other : context.etcd.members) {
      if (&other == member) break;
      if (manager_of(other) == ServiceManager::kProcess) return;
    }
    RefuseStrict(context.spec.hardening, ManagerName(manager_of(*member)), context.diagnostics);
    return;
  }
  const std::string* written = WrittenUser(context.spec.unit);
  // Each etcd of a machine has a user of its own.
  const bool ours = written == nullptr || *written == context.etcd.name;
  if (ours) member->user = context.etcd.name;
  const std::string& data = context.etcd.folders.data;
  absl::string_view state = data;
  const bool by_systemd = absl::ConsumePrefix(&state, kStateFolder) && !absl::StrContains(state, '/');
  member->gives_data_away = by_systemd && ours;
  HardenStrictly(member->user, by_systemd ? state : "", unit);
  std::vector<std::string> written_to;
  if (!by_systemd) written_to.push_back(data);
  if (const std::string& wal = context.etcd.folders.wal; !wal.empty()) written_to.push_back(wal);
  if (!written_to.empty()) unit->Set("Service", "ReadWritePaths", absl::StrJoin(written_to, " "));
}

}  // namespace

void ResolveMemberUnit(const EtcdContext& context, bool report, EtcdMember* member) {
  Unit unit;
  unit.sections = {
      {"Unit", {{"Description", {context.etcd.name}}, {"Documentation", {"https://github.com/coreos"}}}},
      {"Service",
       {{"Type", {"notify"}},
        {"ExecStart", {ExecStart(member->arguments)}},
        {"Restart", {"on-failure"}},
        {"RestartSec", {"5"}}}},
      {"Install", {{"WantedBy", {"multi-user.target"}}}},
  };
  if (!member->environment.empty()) unit.Set("Service", "Environment", EnvironmentValue(member->environment));
  if (!member->bootstrap.empty()) {
    unit.Set("Service", "EnvironmentFile", context.etcd.folders.Config(paths::on_host::kBootstrapName));
  }
  // A folder that was chosen may be on a disk of its own.
  const EtcdFolders& folders = context.etcd.folders;
  std::vector<std::string> mounts;
  if (folders.data != paths::on_host::EtcdData(context.etcd.name)) mounts.push_back(folders.data);
  if (!folders.wal.empty()) mounts.push_back(folders.wal);
  if (!mounts.empty()) unit.Set("Unit", "RequiresMountsFor", absl::StrJoin(mounts, " "));
  // What is wrong with the text is wrong for every member: it is said once.
  Diagnostics unheard(&context.diagnostics->source());
  Diagnostics* diagnostics = report ? context.diagnostics : &unheard;
  HardenMember(context, diagnostics, member, &unit);
  if (!member->bootstrap.empty()) CheckEnvironmentFile(context.spec.unit, diagnostics);
  UnitRules rules;
  rules.fixed = {{"Service", "ExecStart", "it is made from `etcd.flags`", "remove it"},
                 {"Service", "Type", "kplan waits for etcd's own notification (Type=notify)", "remove it"}};
  MergeUnit(context.spec.unit, rules, &unit, diagnostics);
  const std::string* user = unit.Find("Service", "User");
  if (user != nullptr && !user->empty()) {
    member->owner = *user;
    const std::string* group = unit.Find("Service", "Group");
    if (group != nullptr && !group->empty()) absl::StrAppend(&member->owner, ":", *group);
    if (!OnlyAlnumAnd(member->owner, "._-:")) CheckAccounts(context.spec.unit, diagnostics);
  }
  member->start_timeout = StartTimeoutOf(context.spec.start_timeout, unit, diagnostics);
  member->unit = unit.Text();
}

}  // namespace kplan
