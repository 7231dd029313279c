#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/paths.h"
#include "src/base/text.h"
#include "src/lower/lower_internal.h"

namespace kplan {
namespace {

std::vector<StepId> With(std::vector<StepId> sources, const std::vector<StepId>& more) {
  sources.insert(sources.end(), more.begin(), more.end());
  return sources;
}

std::string OctalMode(int mode) { return absl::StrFormat("%04o", mode); }

// GATE's users that own something of OWNER ("user" or "user:group"), as inputs.
std::vector<StepId> WithOwner(std::vector<StepId> inputs, const HostGate& gate, const std::string& owner) {
  auto user = gate.users.find(owner.substr(0, owner.find(':')));
  if (user != gate.users.end()) inputs.push_back(user->second);
  return inputs;
}

StepId LowerPair(const Lowering& lowering, int host_index, const HostPair& pair, const HostGate& gate) {
  const Host& host = lowering.cluster.hosts[host_index];
  RecordWriter record;
  record.Add("cert-from", pair.certificate_from).Add("cert-path", pair.certificate_path);
  AddHost(host, &record);
  record.Add("key-from", pair.key_from).Add("key-path", pair.key_path).Add("kind", "install-pair");
  if (!pair.key_owner.empty()) record.Add("owner", pair.key_owner);
  record.Add("root", host.root);
  StepId step = lowering.graph.AddStep(
      StepKind::kInstall, lowering.host_shard[host_index],
      absl::StrCat("file/", host.name, pair.certificate_path), std::move(record).Finish(),
      WithOwner(With({pair.certificate_source, pair.key_source}, gate.inputs), gate, pair.key_owner),
      gate.after);
  Announce(lowering, host, step,
           {{step, Watch::Kind::kFile, 0644, "", host.root, pair.certificate_path, ""},
            {step, Watch::Kind::kFile, 0600, "", host.root, pair.key_path, ""}});
  // The key has a name to ask for, too.
  lowering.graph.AddToGroup(absl::StrCat("file/", host.name, pair.key_path), step);
  return step;
}

StepId LowerFolder(const Lowering& lowering, int host_index, const HostFolder& folder, const HostGate& gate) {
  const Host& host = lowering.cluster.hosts[host_index];
  RecordWriter record;
  if (folder.any_owner) record.Add("any-owner", true);
  AddHost(host, &record);
  record.Add("kind", "dir").Add("mode", OctalMode(folder.mode));
  if (!folder.owner.empty() && !folder.any_owner) record.Add("owner", folder.owner);
  record.Add("path", folder.path).Add("root", host.root);
  StepId step =
      lowering.graph.AddStep(StepKind::kDir, lowering.host_shard[host_index],
                             absl::StrCat("dir/", host.name, folder.path), std::move(record).Finish(),
                             WithOwner(gate.inputs, gate, folder.any_owner ? "" : folder.owner), gate.after);
  Announce(lowering, host, step,
           {{step, Watch::Kind::kFolder, static_cast<mode_t>(folder.mode), "", host.root, folder.path, ""}});
  return step;
}

// Whether the units of HOST are verified by its systemd before they replace anything: then what they name has
// to be there.
bool VerifiesUnits(const Host& host) { return host.manager == ServiceManager::kSystemd && host.root == "/"; }

// NAME: as in the label ("etcd", "backup.timer"); FILE: its unit's ("etcd.service"). BEFORE is what the unit
// names: only units that are verified wait for it.
StepId LowerUnit(const Lowering& lowering, int host_index, const std::string& name, const std::string& file,
                 StepId source, const HostGate& gate, const std::vector<StepId>& before) {
  const Host& host = lowering.cluster.hosts[host_index];
  const std::string path = absl::StrCat(paths::on_host::kUnits, "/", file);
  const bool verified = VerifiesUnits(host);
  RecordWriter record;
  record.Add("from", paths::Rendered(host.name, path));
  AddHost(host, &record);
  record.Add("kind", verified ? "unit" : "install").Add("mode", "0644").Add("path", path);
  record.Add("root", host.root).Add("secret", false);
  StepId step =
      lowering.graph.AddStep(StepKind::kUnit, lowering.host_shard[host_index],
                             absl::StrCat("unit/", host.name, "/", name), std::move(record).Finish(),
                             With({source}, gate.inputs), verified ? With(gate.after, before) : gate.after);
  Announce(lowering, host, step, {{step, Watch::Kind::kFile, 0644, "", host.root, path, ""}});
  return step;
}

// The paths of what calls for NEED.
std::vector<std::string> PathsOf(const Service& service, OnChange need) {
  std::vector<std::string> paths;
  for (const HostFile& file : service.files) {
    if (file.on_change == need) paths.push_back(file.path);
  }
  // Its key is never exchanged without it.
  for (const HostPair& pair : service.pairs) {
    if (pair.on_change == need) paths.push_back(pair.certificate_path);
  }
  return paths;
}

// The further units. One may name any that is a service.
std::vector<StepId> LowerFurtherUnits(const Lowering& lowering, const Service& service, const HostGate& gate,
                                      std::vector<StepId> before) {
  std::vector<StepId> steps(service.units.size());
  for (bool services : {true, false}) {
    std::vector<StepId> added;
    for (size_t i = 0; i < service.units.size(); ++i) {
      const std::string& name = service.units[i].name;
      if (absl::EndsWith(name, ".service") != services) continue;
      steps[i] = LowerUnit(lowering, service.host, name, name, service.unit_sources[i], gate, before);
      added.push_back(steps[i]);
    }
    before = With(std::move(before), added);
  }
  return steps;
}

}  // namespace

void AddHost(const Host& host, RecordWriter* record) {
  if (host.remote()) record->Add("host", host.name);
}

void Announce(const Lowering& lowering, const Host& host, StepId step, const std::vector<Watch>& watches) {
  lowering.graph.AddToGroup(host.name, step);
  if (host.remote()) {
    lowering.graph.AddContact(step);
    return;
  }
  for (const Watch& watch : watches) lowering.graph.AddWatch(watch);
}

std::string JsonListOf(const std::vector<std::string>& texts) {
  return absl::StrCat("[", absl::StrJoin(texts, ","), "]");
}

std::string JsonList(const std::vector<std::string>& values) {
  std::vector<std::string> texts;
  for (const std::string& value : values) AppendJsonString(value, &texts.emplace_back());
  return JsonListOf(texts);
}

StepId LowerRender(const Lowering& lowering, int host, const std::string& path, const std::string& text) {
  const std::string& name = lowering.cluster.hosts[host].name;
  RecordWriter record;
  record.Add("content", text).Add("kind", "render").Add("path", paths::Rendered(name, path));
  return lowering.graph.AddStep(StepKind::kRender, lowering.host_shard[host],
                                absl::StrCat("render/", name, path), std::move(record).Finish(), {});
}

StepId LowerArchive(const Lowering& lowering, const std::string& name, const Archive& archive) {
  RecordWriter fetch;
  if (archive.given) fetch.Add("given", true);
  fetch.Add("kind", "fetch").Add("path", archive.path).Add("sha256", archive.sha256);
  if (!archive.given) fetch.Add("url", archive.url);
  StepId fetched = lowering.graph.AddStep(StepKind::kFetch, lowering.shared, absl::StrCat("archive/", name),
                                          std::move(fetch).Finish(), {});
  RecordWriter unpack;
  unpack.Add("archive", archive.path).Add("dir", archive.unpacked).Add("kind", "unpack");
  unpack.Add("members", archive.members).Add("sha256", archive.sha256);
  return lowering.graph.AddStep(StepKind::kUnpack, lowering.shared, absl::StrCat("unpack/", name),
                                std::move(unpack).Finish(), {fetched});
}

void LowerUnitTexts(const Lowering& lowering, Service* service) {
  service->unit_source =
      LowerRender(lowering, service->host, paths::on_host::Unit(service->name), service->unit_text);
  for (const FurtherUnit& unit : service->units) {
    service->unit_sources.push_back(LowerRender(
        lowering, service->host, absl::StrCat(paths::on_host::kUnits, "/", unit.name), unit.text));
  }
}

StepId LowerFile(const Lowering& lowering, int host_index, const HostFile& file, const HostGate& gate) {
  const Host& host = lowering.cluster.hosts[host_index];
  RecordWriter record;
  record.Add("from", file.from);
  AddHost(host, &record);
  record.Add("kind", "install").Add("mode", OctalMode(file.mode));
  if (!file.owner.empty()) record.Add("owner", file.owner);
  record.Add("path", file.path).Add("root", host.root).Add("secret", file.secret);
  StepId step = lowering.graph.AddStep(
      StepKind::kInstall, lowering.host_shard[host_index], absl::StrCat("file/", host.name, file.path),
      std::move(record).Finish(), WithOwner(With({file.source}, gate.inputs), gate, file.owner), gate.after);
  Announce(lowering, host, step,
           {{step, Watch::Kind::kFile, static_cast<mode_t>(file.mode), "", host.root, file.path, ""}});
  return step;
}

ServiceFiles LowerServiceFiles(const Lowering& lowering, const Service& service, const HostGate& gate) {
  ServiceFiles files;
  auto add = [&](OnChange need, StepId step) {
    files.of_contents.push_back(step);
    (need == OnChange::kNothing ? files.others : files.inputs).push_back(step);
  };
  for (const HostFile& file : service.files) {
    if (file.on_change == OnChange::kRestart)
      add(file.on_change, LowerFile(lowering, service.host, file, gate));
  }
  for (const HostPair& pair : service.pairs)
    add(pair.on_change, LowerPair(lowering, service.host, pair, gate));
  for (const HostFile& file : service.files) {
    if (file.on_change != OnChange::kRestart)
      add(file.on_change, LowerFile(lowering, service.host, file, gate));
  }
  // What its unit names is there before the unit is looked at; elsewhere the order is of no matter.
  const bool folders_first = VerifiesUnits(lowering.cluster.hosts[service.host]);
  auto add_folders = [&] {
    for (const HostFolder& folder : service.folders)
      files.others.push_back(LowerFolder(lowering, service.host, folder, gate));
  };
  if (folders_first) add_folders();
  std::vector<StepId> named = With(files.inputs, files.others);
  auto user = gate.users.find(service.user);
  if (user != gate.users.end()) named.push_back(user->second);
  StepId source =
      service.unit_source.has_value()
          ? *service.unit_source
          : LowerRender(lowering, service.host, paths::on_host::Unit(service.name), service.unit_text);
  StepId unit = LowerUnit(lowering, service.host, service.name, absl::StrCat(service.name, ".service"),
                          source, gate, named);
  named.push_back(unit);
  files.units = LowerFurtherUnits(lowering, service, gate, named);
  files.inputs.push_back(unit);
  if (!folders_first) add_folders();
  // It cannot be started as somebody who is not there.
  if (user != gate.users.end()) files.others.push_back(user->second);
  return files;
}

std::string ServiceRecord(const Lowering& lowering, const Service& service, bool with_host) {
  const Host& host = lowering.cluster.hosts[service.host];
  std::vector<std::string> restart_on = PathsOf(service, OnChange::kRestart);
  const std::vector<std::string> reload_on = PathsOf(service, OnChange::kReload);
  restart_on.push_back(paths::on_host::Unit(service.name));
  RecordWriter record;
  record.Add("answers", service.answers);
  // Under systemd too, though the unit holds them: a service that runs without a marker of ours is adopted
  // when these are what it was started with.
  record.Add("argv", service.arguments).Add("environment", service.environment);
  // systemd has it from the unit.
  if (!service.environment_file.empty() && host.manager == ServiceManager::kProcess)
    record.Add("environment-file", service.environment_file);
  if (with_host) AddHost(host, &record);
  record.Add("kind", "service").Add("manager", ManagerName(host.manager)).Add("name", service.name);
  if (!reload_on.empty()) record.Add("reload-on", reload_on);
  record.Add("restart-on", restart_on).Add("root", host.root);
  if (service.by_unit) record.Add("start", "by-unit");
  record.Add("timeout", kStartTimeoutSeconds);
  record.Add("unit", paths::on_host::Unit(service.name));
  return std::move(record).Finish();
}

StepId LowerServiceStep(const Lowering& lowering, const Service& service, const ServiceFiles& files,
                        const std::vector<StepId>& after) {
  const Host& host = lowering.cluster.hosts[service.host];
  StepId step = lowering.graph.AddStep(StepKind::kService, lowering.host_shard[service.host],
                                       absl::StrCat("service/", host.name, "/", service.name),
                                       ServiceRecord(lowering, service, /*with_host=*/true), files.inputs,
                                       With(files.others, after));
  // One that others start need not run.
  if (host.manager == ServiceManager::kNone || service.by_unit) {
    Announce(lowering, host, step, {});
    return step;
  }
  Announce(lowering, host, step,
           {{step, Watch::Kind::kService, 0, ManagerName(host.manager), host.root, service.name, ""}});
  if (!service.answers.empty()) {
    lowering.graph.AddWait(
        step, absl::StrCat(JoinAnd(service.answers), service.answers.size() == 1 ? " answers, " : " answer, ",
                           kStartTimeoutSeconds, " s at most"));
  }
  return step;
}

}  // namespace kplan
