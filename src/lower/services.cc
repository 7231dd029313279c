// Cluster::services: any program that runs as a service. They are made from the same parts as etcd, come in
// the order of what they need, and are proved one by one (verify/H/NAME): the one on the next host, and those
// that come after, are touched when that has been done.

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/paths.h"
#include "src/base/secret_content.h"
#include "src/lower/lower_internal.h"
#include "src/step/file_records.h"
#include "src/step/service_records.h"

namespace kplan {
namespace {

void AddTo(const std::vector<StepId>& steps, std::vector<StepId>* list) {
  for (StepId step : steps) {
    if (std::find(list->begin(), list->end(), step) == list->end()) list->push_back(step);
  }
}

class ServiceSources {
 public:
  ServiceSources(const Lowering& lowering, const PkiSteps& pki) : lowering_(lowering), pki_(pki) {
    for (const auto& [name, archive] : lowering.cluster.service_archives)
      unpacked_.push_back(LowerArchive(lowering, name, archive));
    for (const ServiceInstance& instance : lowering.cluster.services) {
      if (instance.rollout_after >= 0) in_turn_.insert(instance.name);
    }
  }

  Service Of(const ServiceInstance& instance) {
    Service service;
    service.name = instance.name;
    service.host = instance.host;
    service.place = instance.place;
    service.user_place = instance.user_place;
    for (const ServiceProgram& program : instance.programs) AddProgram(instance, program, &service);
    for (const ServiceFile& file : instance.files) AddFile(file, &service);
    for (const ServiceCertificate& certificate : instance.certificates) AddCertificate(certificate, &service);
    for (const ServiceFolder& folder : instance.folders)
      service.folders.push_back({folder.path, folder.mode, folder.owner, folder.any_owner, folder.place});
    service.user = instance.user;
    service.unit_text = instance.unit;
    service.start_timeout = instance.start_timeout;
    service.replace = instance.replace;
    service.units = instance.units;
    LowerUnitTexts(lowering_, &service);
    service.arguments = instance.arguments;
    service.environment = instance.environment;
    service.by_unit = instance.by_unit;
    service.in_turn = in_turn_.contains(instance.name);
    return service;
  }

 private:
  void AddProgram(const ServiceInstance& instance, const ServiceProgram& program, Service* service) const {
    HostFile file;
    file.path = program.path;
    file.from = absl::StrCat(lowering_.cluster.service_archives[instance.archive].second.unpacked, "/",
                             program.member);
    file.source = unpacked_[instance.archive];
    file.mode = 0755;
    file.on_change = program.on_change;
    file.place = lowering_.cluster.service_archives[instance.archive].second.place;
    service->files.push_back(std::move(file));
  }

  void AddFile(const ServiceFile& it, Service* service) {
    HostFile file;
    file.path = it.path;
    file.mode = it.mode;
    file.owner = it.owner;
    file.on_change = it.on_change;
    file.place = it.place;
    if (it.copied) {
      file.from = it.from;
      file.source = LowerSource(absl::StrCat("source/", service->name, it.path), it);
    } else {
      file.from = paths::Rendered(lowering_.cluster.hosts[service->host].name, it.path);
      file.source = LowerRender(lowering_, service->host, it.path, it.content, it.place);
    }
    if (IsSecretMode(static_cast<mode_t>(it.mode))) lowering_.graph.AddSecret(file.source);
    service->files.push_back(std::move(file));
  }

  // The source step of FILE. A service on several hosts has one for all of them.
  StepId LowerSource(const std::string& label, const ServiceFile& file) {
    auto [known, fresh] = sources_.try_emplace(label, 0);
    if (!fresh) return known->second;
    SourceRecord record;
    record.path = file.from;
    known->second = lowering_.graph.AddStep(StepKind::kSource, lowering_.shared, label, ToText(record), {},
                                            {}, file.place);
    return known->second;
  }

  void AddCertificate(const ServiceCertificate& it, Service* service) const {
    const LeafCertificate& certificate = lowering_.cluster.certificates[it.cert];
    const PkiSteps::Leaf& leaf = pki_.leaves[it.cert];
    if (it.part == ServiceCertificate::Part::kBundle) {
      HostFile bundle;
      bundle.path = it.cert_path;
      bundle.from = paths::Bundle(certificate.name);
      bundle.source = *leaf.bundle;
      bundle.mode = 0600;
      bundle.secret = true;
      bundle.owner = it.owner;
      bundle.on_change = it.on_change;
      bundle.place = it.place;
      service->files.push_back(std::move(bundle));
    } else if (!it.cert_path.empty()) {
      const bool whole = it.part == ServiceCertificate::Part::kChain;
      HostPair pair;
      pair.certificate_path = it.cert_path;
      pair.certificate_from = whole ? leaf.shown_path : paths::Certificate(certificate.name);
      pair.certificate_source = whole ? leaf.shown : leaf.cert;
      pair.key_path = it.key_path;
      pair.key_from = paths::Key(certificate.name);
      pair.key_source = leaf.key;
      pair.key_owner = it.owner;
      pair.on_change = it.on_change;
      pair.place = it.place;
      service->pairs.push_back(std::move(pair));
    }
    if (it.ca_path.empty()) return;
    HostFile trust;
    trust.path = it.ca_path;
    trust.from = pki_.cas[certificate.kind->ca].trusted_path;
    trust.source = pki_.cas[certificate.kind->ca].trusted;
    trust.on_change = it.on_change;
    trust.place = it.place;
    service->files.push_back(std::move(trust));
  }

  const Lowering& lowering_;
  const PkiSteps& pki_;
  std::vector<StepId> unpacked_;                      // as Cluster::service_archives
  absl::flat_hash_map<std::string, StepId> sources_;  // by label
  // Services that are not restarted on all their hosts at the same time.
  absl::flat_hash_set<std::string> in_turn_;
};

std::string VerdictOf(const Host& host, const ServiceInstance& instance) {
  return absl::StrCat("verify/", host.name, "/", instance.name);
}

// A template has no instance to start, and a service without [Install] is for others to start.
bool IsActivated(const FurtherUnit& unit) {
  const size_t at = unit.name.find('@');
  if (at != std::string::npos && at + 1 < unit.name.size() && unit.name[at + 1] == '.') return false;
  if (!absl::EndsWith(unit.name, ".service")) return true;
  return absl::StrContains(absl::StrCat("\n", unit.text), "\n[Install]");
}

class ServiceLowering {
 public:
  ServiceLowering(const Lowering& lowering, const PkiSteps& pki,
                  const std::vector<std::vector<StepId>>& etcds, HostSteps* hosts)
      : lowering_(lowering), cluster_(lowering.cluster), pki_(pki), etcds_(etcds), hosts_(hosts) {}

  std::vector<std::vector<StepId>> Lower(const std::vector<Service>& services) {
    for (size_t i = 0; i < services.size(); ++i) done_.push_back(LowerOne(cluster_.services[i], services[i]));
    return std::move(done_);
  }

 private:
  // Gives what has been done when the service serves.
  std::vector<StepId> LowerOne(const ServiceInstance& instance, const Service& service) {
    const Host& host = cluster_.hosts[instance.host];
    std::vector<StepId> before;
    for (int etcd : instance.after_etcds) AddTo(etcds_[etcd], &before);
    for (int other : instance.after) AddTo(done_[other], &before);
    if (instance.rollout_after >= 0) AddTo(done_[instance.rollout_after], &before);
    const ServiceFiles files = LowerServiceFiles(lowering_, service, hosts_->GateOf(instance.host));
    StepId started = LowerServiceStep(lowering_, service, files, before);
    lowering_.graph.AddToGroup(service.name, started);
    // Whether it runs elsewhere is not asked each time; but where its checks failed, it is looked at again.
    if (host.remote() && !service.by_unit && !instance.checks.empty()) {
      lowering_.graph.AddWatch(
          {started, Watch::Kind::kVerdict, 0, "", host.name, VerdictOf(host, instance), ""});
    }
    std::vector<StepId> runs = {started};
    if (host.manager == ServiceManager::kNone) return runs;
    for (size_t i = 0; i < service.units.size(); ++i) {
      if (host.manager == ServiceManager::kSystemd && IsActivated(service.units[i]))
        runs.push_back(LowerActivate(service, service.units[i], files.units[i], runs));
    }
    if (instance.checks.empty()) return runs;
    return {LowerCheck(instance, files.of_contents, runs)};
  }

  StepId LowerActivate(const Service& service, const FurtherUnit& unit, StepId file,
                       const std::vector<StepId>& after) {
    const Host& host = cluster_.hosts[service.host];
    ActivateRecord record;
    record.host = HostInRecord(host);
    record.root = host.root;
    record.name = unit.name;
    record.path = absl::StrCat(paths::on_host::kUnits, "/", unit.name);
    StepId step = lowering_.graph.AddStep(StepKind::kActivate, lowering_.host_shard[service.host],
                                          absl::StrCat("service/", host.name, "/", unit.name), ToText(record),
                                          {file}, after, unit.place);
    // A service may be a job, which ends.
    std::vector<Watch> watches;
    if (!absl::EndsWith(unit.name, ".service"))
      watches.push_back(
          {step, Watch::Kind::kService, 0, ManagerName(host.manager), host.root, unit.name, ""});
    Announce(lowering_, host, step, watches);
    lowering_.graph.AddToGroup(service.name, step);
    return step;
  }

  StepId LowerCheck(const ServiceInstance& instance, const std::vector<StepId>& files,
                    const std::vector<StepId>& runs) {
    const Host& host = cluster_.hosts[instance.host];
    std::vector<StepId> inputs = files;
    CheckRecord record;
    for (const ServiceCheck& check : instance.checks) record.checks.push_back(RecordOf(check, &inputs));
    AddTo(runs, &inputs);
    record.host = HostInRecord(host);
    record.manager = ManagerName(host.manager);
    record.root = host.root;
    record.name = instance.name;
    record.timeout = kCheckTimeoutSeconds;
    StepId step =
        lowering_.graph.AddStep(StepKind::kCheck, lowering_.host_shard[instance.host],
                                VerdictOf(host, instance), ToText(record), inputs, {}, instance.checks_place);
    Announce(lowering_, host, step, {});
    lowering_.graph.AddWait(step, absl::StrCat(instance.name, " on ", host.name, " passes its checks, ",
                                               kCheckTimeoutSeconds, " s at most"));
    for (const std::string& group :
         {instance.name, absl::StrCat("verify/", instance.name), std::string("verify")})
      lowering_.graph.AddToGroup(group, step);
    return step;
  }

  // Adds what CHECK is asked with to INPUTS.
  ServiceCheckRecord RecordOf(const ServiceCheck& check, std::vector<StepId>* inputs) const {
    ServiceCheckRecord record;
    switch (check.kind) {
      case ServiceCheck::Kind::kSystemd:
        record.systemd = "active";
        break;
      case ServiceCheck::Kind::kTcp:
        record.tcp = check.target;
        break;
      case ServiceCheck::Kind::kExec:
        record.exec = check.command;
        break;
      case ServiceCheck::Kind::kHttps:
        FillHttps(check, &record, inputs);
        break;
    }
    return record;
  }

  void FillHttps(const ServiceCheck& check, ServiceCheckRecord* record, std::vector<StepId>* inputs) const {
    record->https = check.target;
    record->from_host = check.from_host;
    record->status = check.status;
    record->refuse = check.refuse;
    if (check.ca >= 0) {
      record->cacert = pki_.cas[check.ca].trusted_path;
      AddTo({pki_.cas[check.ca].trusted}, inputs);
    }
    if (check.cert >= 0) {
      record->cert = pki_.leaves[check.cert].shown_path;
      record->key = paths::Key(cluster_.certificates[check.cert].name);
      AddTo({pki_.leaves[check.cert].shown, pki_.leaves[check.cert].key}, inputs);
    }
    if (check.serves >= 0) {
      record->serves = paths::Certificate(cluster_.certificates[check.serves].name);
      AddTo({pki_.leaves[check.serves].cert}, inputs);
    }
  }

  const Lowering& lowering_;
  const Cluster& cluster_;
  const PkiSteps& pki_;
  const std::vector<std::vector<StepId>>& etcds_;
  HostSteps* const hosts_;
  std::vector<std::vector<StepId>> done_;  // as Cluster::services, as far as they were lowered
};

}  // namespace

std::vector<Service> LowerServiceSources(const Lowering& lowering, const PkiSteps& pki) {
  ServiceSources sources(lowering, pki);
  std::vector<Service> services;
  services.reserve(lowering.cluster.services.size());
  for (const ServiceInstance& instance : lowering.cluster.services) services.push_back(sources.Of(instance));
  return services;
}

std::vector<std::vector<StepId>> LowerServices(const Lowering& lowering, const PkiSteps& pki,
                                               const std::vector<Service>& services,
                                               const std::vector<std::vector<StepId>>& etcds,
                                               HostSteps* hosts) {
  return ServiceLowering(lowering, pki, etcds, hosts).Lower(services);
}

}  // namespace kplan
