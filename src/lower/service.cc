#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/text.h"
#include "src/lower/lower_internal.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

std::vector<StepId> With(std::vector<StepId> sources, const std::vector<StepId>& more) {
  sources.insert(sources.end(), more.begin(), more.end());
  return sources;
}

// The next key of a record, where the host's comes: those of hosts that are reached by ssh alone have it.
void AddHost(const Host& host, RecordWriter* record) {
  if (host.remote()) record->Add("host", host.name);
}

// What every step on a host comes with: its group, and what `gen` looks at (WATCHES) or, on a host that is
// reached by ssh, where nothing can be seen from here, that the host is contacted.
void Announce(const Lowering& lowering, const Host& host, StepId step, const std::vector<Watch>& watches) {
  lowering.graph.AddToGroup(host.name, step);
  if (host.remote()) {
    lowering.graph.AddContact(step);
    return;
  }
  for (const Watch& watch : watches) lowering.graph.AddWatch(watch);
}

StepId LowerFile(const Lowering& lowering, int host_index, const HostFile& file, const HostGate& gate) {
  const Host& host = lowering.cluster.hosts[host_index];
  mode_t mode = file.secret ? 0600 : file.executable ? 0755 : 0644;
  RecordWriter record;
  record.Add("from", file.from);
  AddHost(host, &record);
  record.Add("kind", "install");
  record.Add("mode", file.secret ? "0600" : file.executable ? "0755" : "0644");
  if (!file.owner.empty()) record.Add("owner", file.owner);
  record.Add("path", file.path).Add("root", host.root).Add("secret", file.secret);
  StepId step = lowering.graph.AddStep(
      StepKind::kInstall, lowering.host_shard[host_index], absl::StrCat("file/", host.name, file.path),
      std::move(record).Finish(), With({file.source}, gate.inputs), gate.after);
  Announce(lowering, host, step, {{step, Watch::Kind::kFile, mode, "", host.root, file.path, ""}});
  return step;
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
      With({pair.certificate_source, pair.key_source}, gate.inputs), gate.after);
  Announce(lowering, host, step,
           {{step, Watch::Kind::kFile, 0644, "", host.root, pair.certificate_path, ""},
            {step, Watch::Kind::kFile, 0600, "", host.root, pair.key_path, ""}});
  // The key has a name to ask for, too.
  lowering.graph.AddToGroup(absl::StrCat("file/", host.name, pair.key_path), step);
  return step;
}

StepId LowerFolder(const Lowering& lowering, const Service& service, const HostGate& gate) {
  const Host& host = lowering.cluster.hosts[service.host];
  RecordWriter record;
  AddHost(host, &record);
  record.Add("kind", "dir").Add("mode", "0700");
  if (!service.data_owner.empty()) record.Add("owner", service.data_owner);
  record.Add("path", service.data_folder).Add("root", host.root);
  StepId step = lowering.graph.AddStep(StepKind::kDir, lowering.host_shard[service.host],
                                       absl::StrCat("dir/", host.name, service.data_folder),
                                       std::move(record).Finish(), gate.inputs, gate.after);
  Announce(lowering, host, step,
           {{step, Watch::Kind::kFolder, 0700, "", host.root, service.data_folder, ""}});
  return step;
}

StepId LowerUnit(const Lowering& lowering, const Service& service, StepId source, const HostGate& gate) {
  const Host& host = lowering.cluster.hosts[service.host];
  std::string path = paths::on_host::Unit(service.name);
  RecordWriter record;
  record.Add("from", paths::Rendered(host.name, path));
  AddHost(host, &record);
  record.Add("kind", "install").Add("mode", "0644").Add("path", path).Add("root", host.root);
  record.Add("secret", false);
  StepId step = lowering.graph.AddStep(StepKind::kUnit, lowering.host_shard[service.host],
                                       absl::StrCat("unit/", host.name, "/", service.name),
                                       std::move(record).Finish(), With({source}, gate.inputs), gate.after);
  Announce(lowering, host, step, {{step, Watch::Kind::kFile, 0644, "", host.root, path, ""}});
  return step;
}

}  // namespace

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

ServiceFiles LowerServiceFiles(const Lowering& lowering, const Service& service, const HostGate& gate,
                               const StepId* unit_source) {
  ServiceFiles files;
  for (const HostFile& file : service.restart_files)
    files.restart.push_back(LowerFile(lowering, service.host, file, gate));
  for (const HostPair& pair : service.reread_pairs)
    files.others.push_back(LowerPair(lowering, service.host, pair, gate));
  for (const HostFile& file : service.reread_files)
    files.others.push_back(LowerFile(lowering, service.host, file, gate));
  files.of_contents = With(files.restart, files.others);
  StepId unit = unit_source != nullptr ? *unit_source
                                       : LowerRender(lowering, service.host,
                                                     paths::on_host::Unit(service.name), service.unit_text);
  files.restart.push_back(LowerUnit(lowering, service, unit, gate));
  files.others.push_back(LowerFolder(lowering, service, gate));
  return files;
}

std::string ServiceRecord(const Lowering& lowering, const Service& service, bool with_host) {
  const Host& host = lowering.cluster.hosts[service.host];
  std::vector<std::string> restart_on;
  for (const HostFile& file : service.restart_files) restart_on.push_back(file.path);
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
  record.Add("restart-on", restart_on).Add("root", host.root).Add("timeout", kStartTimeoutSeconds);
  record.Add("unit", paths::on_host::Unit(service.name));
  return std::move(record).Finish();
}

StepId LowerServiceStep(const Lowering& lowering, const Service& service, const ServiceFiles& files) {
  const Host& host = lowering.cluster.hosts[service.host];
  StepId step = lowering.graph.AddStep(StepKind::kService, lowering.host_shard[service.host],
                                       absl::StrCat("service/", host.name, "/", service.name),
                                       ServiceRecord(lowering, service, /*with_host=*/true), files.restart,
                                       files.others);
  if (host.manager == ServiceManager::kNone) {
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

ServiceSteps LowerService(const Lowering& lowering, const Service& service) {
  ServiceFiles files = LowerServiceFiles(lowering, service, {});
  return {LowerServiceStep(lowering, service, files), files.of_contents};
}

}  // namespace kplan
