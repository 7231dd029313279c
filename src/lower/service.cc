#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/lower/lower_internal.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

// Long enough for etcd to replay a large log at its start; a failure is seen long before.
constexpr int kStartTimeoutSeconds = 90;

StepId LowerFile(const Lowering& lowering, int host_index, const HostFile& file) {
  const Host& host = lowering.cluster.hosts[host_index];
  mode_t mode = file.secret ? 0600 : file.executable ? 0755 : 0644;
  RecordWriter record;
  record.Add("from", file.from).Add("kind", "install");
  record.Add("mode", file.secret ? "0600" : file.executable ? "0755" : "0644");
  if (!file.owner.empty()) record.Add("owner", file.owner);
  record.Add("path", file.path).Add("root", host.root).Add("secret", file.secret);
  StepId step = lowering.graph.AddStep(StepKind::kInstall, lowering.host_shard[host_index],
                                       absl::StrCat("file/", host.name, file.path),
                                       std::move(record).Finish(), {file.source});
  lowering.graph.AddToGroup(host.name, step);
  lowering.graph.AddWatch({step, Watch::Kind::kFile, mode, "", host.root, file.path, ""});
  return step;
}

StepId LowerPair(const Lowering& lowering, int host_index, const HostPair& pair) {
  const Host& host = lowering.cluster.hosts[host_index];
  RecordWriter record;
  record.Add("cert-from", pair.certificate_from).Add("cert-path", pair.certificate_path);
  record.Add("key-from", pair.key_from).Add("key-path", pair.key_path).Add("kind", "install-pair");
  if (!pair.key_owner.empty()) record.Add("owner", pair.key_owner);
  record.Add("root", host.root);
  StepId step =
      lowering.graph.AddStep(StepKind::kInstall, lowering.host_shard[host_index],
                             absl::StrCat("file/", host.name, pair.certificate_path),
                             std::move(record).Finish(), {pair.certificate_source, pair.key_source});
  lowering.graph.AddToGroup(host.name, step);
  // The key has a name to ask for, too.
  lowering.graph.AddToGroup(absl::StrCat("file/", host.name, pair.key_path), step);
  lowering.graph.AddWatch({step, Watch::Kind::kFile, 0644, "", host.root, pair.certificate_path, ""});
  lowering.graph.AddWatch({step, Watch::Kind::kFile, 0600, "", host.root, pair.key_path, ""});
  return step;
}

StepId LowerFolder(const Lowering& lowering, const Service& service) {
  const Host& host = lowering.cluster.hosts[service.host];
  RecordWriter record;
  record.Add("kind", "dir").Add("mode", "0700");
  if (!service.data_owner.empty()) record.Add("owner", service.data_owner);
  record.Add("path", service.data_folder).Add("root", host.root);
  StepId step = lowering.graph.AddStep(StepKind::kDir, lowering.host_shard[service.host],
                                       absl::StrCat("dir/", host.name, service.data_folder),
                                       std::move(record).Finish(), {});
  lowering.graph.AddToGroup(host.name, step);
  lowering.graph.AddWatch({step, Watch::Kind::kFolder, 0700, "", host.root, service.data_folder, ""});
  return step;
}

StepId LowerUnit(const Lowering& lowering, const Service& service) {
  const Host& host = lowering.cluster.hosts[service.host];
  uint32_t shard = lowering.host_shard[service.host];
  std::string path = paths::on_host::Unit(service.name);
  std::string rendered = paths::Rendered(host.name, path);
  RecordWriter render;
  render.Add("content", service.unit_text).Add("kind", "render").Add("path", rendered);
  StepId render_step = lowering.graph.AddStep(
      StepKind::kRender, shard, absl::StrCat("render/", host.name, path), std::move(render).Finish(), {});
  RecordWriter unit;
  unit.Add("from", rendered)
      .Add("kind", "install")
      .Add("mode", "0644")
      .Add("path", path)
      .Add("root", host.root);
  unit.Add("secret", false);
  StepId step =
      lowering.graph.AddStep(StepKind::kUnit, shard, absl::StrCat("unit/", host.name, "/", service.name),
                             std::move(unit).Finish(), {render_step});
  lowering.graph.AddToGroup(host.name, step);
  lowering.graph.AddWatch({step, Watch::Kind::kFile, 0644, "", host.root, path, ""});
  return step;
}

}  // namespace

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

ServiceSteps LowerService(const Lowering& lowering, const Service& service) {
  const Host& host = lowering.cluster.hosts[service.host];
  ServiceSteps steps;
  std::vector<StepId> inputs, after;
  std::vector<std::string> restart_on;
  for (const HostFile& file : service.restart_files) {
    inputs.push_back(LowerFile(lowering, service.host, file));
    restart_on.push_back(file.path);
  }
  for (const HostPair& pair : service.reread_pairs) after.push_back(LowerPair(lowering, service.host, pair));
  for (const HostFile& file : service.reread_files) after.push_back(LowerFile(lowering, service.host, file));
  steps.files = inputs;
  steps.files.insert(steps.files.end(), after.begin(), after.end());
  inputs.push_back(LowerUnit(lowering, service));
  restart_on.push_back(paths::on_host::Unit(service.name));
  after.push_back(LowerFolder(lowering, service));

  RecordWriter record;
  record.Add("answers", service.answers);
  // Under systemd too, though the unit holds them: a service that runs without a marker of ours is adopted
  // when these are what it was started with.
  record.Add("argv", service.arguments).Add("environment", service.environment);
  record.Add("kind", "service").Add("manager", ManagerName(host.manager)).Add("name", service.name);
  record.Add("restart-on", restart_on).Add("root", host.root).Add("timeout", kStartTimeoutSeconds);
  record.Add("unit", paths::on_host::Unit(service.name));
  steps.service = lowering.graph.AddStep(StepKind::kService, lowering.host_shard[service.host],
                                         absl::StrCat("service/", host.name, "/", service.name),
                                         std::move(record).Finish(), inputs, after);
  lowering.graph.AddToGroup(host.name, steps.service);
  if (host.manager != ServiceManager::kNone) {
    if (!service.answers.empty()) {
      lowering.graph.AddWait(
          steps.service,
          absl::StrCat(JoinAnd(service.answers), service.answers.size() == 1 ? " answers, " : " answer, ",
                       kStartTimeoutSeconds, " s at most"));
    }
    lowering.graph.AddWatch(
        {steps.service, Watch::Kind::kService, 0, ManagerName(host.manager), host.root, service.name, ""});
  }
  return steps;
}

}  // namespace kplan
