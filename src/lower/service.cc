#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/base/paths.h"
#include "src/base/secret_content.h"
#include "src/base/text.h"
#include "src/lower/lower_internal.h"
#include "src/step/file_records.h"

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

StepId LowerFolder(const Lowering& lowering, int host_index, const HostFolder& folder, const HostGate& gate) {
  const Host& host = lowering.cluster.hosts[host_index];
  DirRecord record;
  record.host = HostInRecord(host);
  record.root = host.root;
  record.path = folder.path;
  record.mode = OctalMode(folder.mode);
  if (!folder.any_owner) record.owner = folder.owner;
  record.any_owner = folder.any_owner;
  StepId step = lowering.graph.AddStep(StepKind::kDir, lowering.host_shard[host_index],
                                       absl::StrCat("dir/", host.name, folder.path), ToText(record),
                                       WithOwner(gate.inputs, gate, record.owner), gate.after, folder.place);
  Announce(lowering, host, step,
           {{step, Watch::Kind::kFolder, static_cast<mode_t>(folder.mode), "", host.root, folder.path, ""}});
  return step;
}

// Whether the units of HOST are verified by its systemd before they replace anything: then what they name has
// to be there.
bool VerifiesUnits(const Host& host) { return host.manager == ServiceManager::kSystemd && host.root == "/"; }

// NAME: as in the label ("etcd", "backup.timer"); FILE: its unit's ("etcd.service"). BEFORE is what the unit
// names: only units that are verified wait for it. REPLACE, WAITS_FOR: as in the record.
StepId LowerUnit(const Lowering& lowering, int host_index, const std::string& name, const std::string& file,
                 StepId source, const HostGate& gate, const std::vector<StepId>& before, Range place,
                 bool replace, const std::optional<FileFields::Service>& waits_for = std::nullopt) {
  const Host& host = lowering.cluster.hosts[host_index];
  const std::string path = absl::StrCat(paths::on_host::kUnits, "/", file);
  FileFields fields;
  fields.from = paths::Rendered(host.name, path);
  fields.host = HostInRecord(host);
  fields.root = host.root;
  fields.path = path;
  fields.mode = "0644";
  fields.waits_for = waits_for;
  const bool verified = VerifiesUnits(host);
  StepId step = lowering.graph.AddStep(
      verified ? StepKind::kUnit : StepKind::kUnitFile, lowering.host_shard[host_index],
      absl::StrCat("unit/", host.name, "/", name),
      verified ? ToText(UnitRecord{fields, replace}) : ToText(FileRecord{fields}),
      With({source}, gate.inputs), verified ? With(gate.after, before) : gate.after, place);
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
      steps[i] = LowerUnit(lowering, service.host, name, name, service.unit_sources[i], gate, before,
                           service.units[i].place, service.replace);
      added.push_back(steps[i]);
    }
    before = With(std::move(before), added);
  }
  return steps;
}

}  // namespace

StepId LowerPair(const Lowering& lowering, int host_index, const HostPair& pair, const HostGate& gate) {
  const Host& host = lowering.cluster.hosts[host_index];
  PairRecord record;
  record.cert_from = pair.certificate_from;
  record.key_from = pair.key_from;
  record.host = HostInRecord(host);
  record.root = host.root;
  record.cert_path = pair.certificate_path;
  record.key_path = pair.key_path;
  record.owner = pair.key_owner;
  StepId step = lowering.graph.AddStep(
      StepKind::kPair, lowering.host_shard[host_index],
      absl::StrCat("file/", host.name, pair.certificate_path), ToText(record),
      WithOwner(With({pair.certificate_source, pair.key_source}, gate.inputs), gate, pair.key_owner),
      gate.after, pair.place);
  Announce(lowering, host, step,
           {{step, Watch::Kind::kFile, 0644, "", host.root, pair.certificate_path, ""},
            {step, Watch::Kind::kFile, 0600, "", host.root, pair.key_path, ""}});
  // The key has a name to ask for, too.
  lowering.graph.AddToGroup(absl::StrCat("file/", host.name, pair.key_path), step);
  return step;
}

std::optional<FileFields::Service> TurnOf(const Lowering& lowering, const Service& service) {
  const ServiceManager manager = lowering.cluster.hosts[service.host].manager;
  if (!service.in_turn || manager == ServiceManager::kNone) return std::nullopt;
  return FileFields::Service{ManagerName(manager), service.name};
}

std::string HostInRecord(const Host& host) { return host.remote() ? host.name : ""; }

void Announce(const Lowering& lowering, const Host& host, StepId step, const std::vector<Watch>& watches) {
  lowering.graph.AddToGroup(host.name, step);
  if (host.remote()) {
    lowering.graph.AddContact(step);
    return;
  }
  for (const Watch& watch : watches) lowering.graph.AddWatch(watch);
}

StepId LowerRender(const Lowering& lowering, int host, const std::string& path, const std::string& text,
                   Range place) {
  const std::string& name = lowering.cluster.hosts[host].name;
  RenderRecord record;
  record.content = text;
  record.path = paths::Rendered(name, path);
  return lowering.graph.AddStep(StepKind::kRender, lowering.host_shard[host],
                                absl::StrCat("render/", name, path), ToText(record), {}, {}, place);
}

StepId LowerArchive(const Lowering& lowering, const std::string& name, const Archive& archive) {
  ArchiveRecord fetch;
  fetch.given = archive.given;
  fetch.path = archive.path;
  fetch.sha256 = archive.sha256;
  if (!archive.given) {
    fetch.url = archive.url;
    fetch.mirrors = archive.mirrors;
    fetch.ca = archive.ca;
    fetch.netrc = archive.netrc;
    fetch.token = archive.token;
  }
  StepId fetched = lowering.graph.AddStep(StepKind::kArchive, lowering.shared, absl::StrCat("archive/", name),
                                          ToText(fetch), {}, {}, archive.place);
  UnpackRecord unpack;
  unpack.archive = archive.path;
  unpack.sha256 = archive.sha256;
  unpack.dir = archive.unpacked;
  unpack.members = archive.members;
  return lowering.graph.AddStep(StepKind::kUnpack, lowering.shared, absl::StrCat("unpack/", name),
                                ToText(unpack), {fetched}, {}, archive.place);
}

void LowerUnitTexts(const Lowering& lowering, Service* service) {
  service->unit_source = LowerRender(lowering, service->host, paths::on_host::Unit(service->name),
                                     service->unit_text, service->place);
  for (const FurtherUnit& unit : service->units) {
    service->unit_sources.push_back(LowerRender(lowering, service->host,
                                                absl::StrCat(paths::on_host::kUnits, "/", unit.name),
                                                unit.text, unit.place));
  }
}

StepId LowerFile(const Lowering& lowering, int host_index, const HostFile& file, const HostGate& gate,
                 const std::optional<FileFields::Service>& waits_for) {
  const Host& host = lowering.cluster.hosts[host_index];
  FileRecord record;
  record.from = file.from;
  record.host = HostInRecord(host);
  record.root = host.root;
  record.path = file.path;
  record.mode = OctalMode(file.mode);
  record.owner = file.owner;
  record.secret = file.secret;
  record.waits_for = waits_for;
  StepId step = lowering.graph.AddStep(StepKind::kFile, lowering.host_shard[host_index],
                                       absl::StrCat("file/", host.name, file.path), ToText(record),
                                       WithOwner(With({file.source}, gate.inputs), gate, file.owner),
                                       With(gate.after, file.after), file.place);
  // The digest of a private key's file is over what is public in it.
  if (!file.secret && IsSecretMode(static_cast<mode_t>(file.mode))) lowering.graph.AddSecret(step);
  Announce(lowering, host, step,
           {{step, Watch::Kind::kFile, static_cast<mode_t>(file.mode), "", host.root, file.path, ""}});
  return step;
}

ServiceFiles LowerServiceFiles(const Lowering& lowering, const Service& service, const HostGate& gate) {
  ServiceFiles files;
  const std::optional<FileFields::Service> turn = TurnOf(lowering, service);
  auto add = [&](OnChange need, StepId step) {
    files.of_contents.push_back(step);
    (need == OnChange::kNothing ? files.others : files.inputs).push_back(step);
  };
  for (const HostFile& file : service.files) {
    if (file.on_change == OnChange::kRestart)
      add(file.on_change,
          file.step.has_value() ? *file.step : LowerFile(lowering, service.host, file, gate, turn));
  }
  for (const HostPair& pair : service.pairs)
    add(pair.on_change, pair.step.has_value() ? *pair.step : LowerPair(lowering, service.host, pair, gate));
  for (const HostFile& file : service.files) {
    if (file.on_change != OnChange::kRestart)
      add(file.on_change, file.step.has_value() ? *file.step : LowerFile(lowering, service.host, file, gate));
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
  StepId source = service.unit_source.has_value()
                      ? *service.unit_source
                      : LowerRender(lowering, service.host, paths::on_host::Unit(service.name),
                                    service.unit_text, service.place);
  StepId unit = LowerUnit(lowering, service.host, service.name, absl::StrCat(service.name, ".service"),
                          source, gate, named, service.place, service.replace, turn);
  named.push_back(unit);
  files.units = LowerFurtherUnits(lowering, service, gate, named);
  files.inputs.push_back(unit);
  if (!folders_first) add_folders();
  // It cannot be started as somebody who is not there.
  if (user != gate.users.end()) files.others.push_back(user->second);
  return files;
}

ServiceRecord ServiceRecordOf(const Lowering& lowering, const Service& service, bool with_host) {
  const Host& host = lowering.cluster.hosts[service.host];
  ServiceRecord record;
  if (with_host) record.host = HostInRecord(host);
  record.manager = ManagerName(host.manager);
  record.root = host.root;
  record.name = service.name;
  record.unit = paths::on_host::Unit(service.name);
  record.argv = service.arguments;
  record.environment = service.environment;
  if (host.manager == ServiceManager::kProcess) record.environment_file = service.environment_file;
  record.restart_on = PathsOf(service, OnChange::kRestart);
  record.restart_on.push_back(record.unit);
  record.reload_on = PathsOf(service, OnChange::kReload);
  record.answers = service.answers;
  if (service.by_unit) record.start = "by-unit";
  record.timeout = service.start_timeout;
  return record;
}

StepId LowerServiceStep(const Lowering& lowering, const Service& service, const ServiceFiles& files,
                        const std::vector<StepId>& after) {
  const Host& host = lowering.cluster.hosts[service.host];
  StepId step = lowering.graph.AddStep(StepKind::kService, lowering.host_shard[service.host],
                                       absl::StrCat("service/", host.name, "/", service.name),
                                       ToText(ServiceRecordOf(lowering, service, /*with_host=*/true)),
                                       files.inputs, With(files.others, after), service.place);
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
                           service.start_timeout, " s at most"));
  }
  return step;
}

}  // namespace kplan
