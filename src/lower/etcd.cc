// etcd as a service: which of its inputs need a restart (etcd 3.4-3.6: trust and binary; the leaf certificate
// and key are read again at every handshake), and how a member is proved to serve.

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/paths.h"
#include "src/etcd/facts/etcd_ids.h"
#include "src/lower/lower_internal.h"
#include "src/step/etcd_records.h"

namespace kplan {
namespace {

// What there is of an architecture's archive is called as ETCD where there is one, else "etcd-arm64".
std::string ArchiveName(const Lowering& lowering, const Etcd& etcd, size_t archive) {
  if (etcd.archives.size() == 1) return etcd.name;
  for (const EtcdMember& member : etcd.members) {
    if (member.archive == static_cast<int>(archive))
      return absl::StrCat(etcd.name, "-", lowering.cluster.hosts[member.host].arch);
  }
  return etcd.name;
}

// MEMBER as a service, as far as it is the same for an etcd of one member and one of several.
Service EtcdServiceOf(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                      const EtcdMember& member, StepId unpack) {
  const Archive& archive = etcd.archives[member.archive];
  const LeafCertificate& cert = lowering.cluster.certificates[member.cert];
  const PkiSteps::Leaf& leaf = pki.leaves[member.cert];
  Service service;
  service.name = etcd.name;
  service.in_turn = etcd.clustered;
  service.host = member.host;
  service.place = service.user_place = etcd.place;
  HostFile program;
  program.place = etcd.place;
  program.mode = 0755;
  program.on_change = OnChange::kRestart;
  program.source = unpack;
  program.path = etcd.folders.Program("etcd");
  program.from = absl::StrCat(archive.unpacked, "/etcd");
  HostFile trust;
  trust.place = etcd.place;
  trust.path = etcd.folders.Config("ca.pem");
  // The CA that signed, and not those above it: these may have signed others, who must not get in.
  trust.from = pki.cas[cert.kind->ca].trusted_path;
  trust.source = pki.cas[cert.kind->ca].trusted;
  trust.on_change = OnChange::kRestart;
  service.files = {program, trust};
  HostPair pair;
  pair.place = etcd.place;
  pair.certificate_path = etcd.folders.Config(absl::StrCat(cert.kind->spec_name, ".pem"));
  pair.certificate_from = leaf.shown_path;
  pair.certificate_source = leaf.shown;
  pair.key_path = etcd.folders.Config(absl::StrCat(cert.kind->spec_name, "-key.pem"));
  pair.key_from = paths::Key(cert.name);
  pair.key_source = leaf.key;
  pair.key_owner = member.owner;
  service.pairs = {pair};
  if (const PkiSteps::Ca& ca = pki.cas[cert.kind->ca]; ca.has_crl) {
    HostFile crl;
    crl.place = etcd.place;
    crl.path = etcd.folders.Config(paths::on_host::kCrlName);
    crl.from = paths::CrlDer(lowering.cluster.cas[cert.kind->ca].signing_stem());
    crl.source = ca.crl;
    service.files.push_back(std::move(crl));
  }
  // The tools beside etcd (etcdctl, etcdutl): a new one restarts nothing.
  for (const auto& [from, name] : archive.members) {
    if (name == "etcd") continue;
    HostFile tool = program;
    tool.on_change = OnChange::kNothing;
    tool.path = etcd.folders.Program(name);
    tool.from = absl::StrCat(archive.unpacked, "/", name);
    service.files.push_back(std::move(tool));
  }
  service.folders = {{etcd.folders.data, 0700, member.owner, member.gives_data_away, etcd.place}};
  if (!etcd.folders.wal.empty())
    service.folders.push_back({etcd.folders.wal, 0700, member.owner, /*any_owner=*/false, etcd.place});
  service.user = member.user;
  service.unit_text = member.unit;
  service.start_timeout = member.start_timeout;
  service.replace = etcd.replace;
  service.arguments = member.arguments;
  service.environment = member.environment;
  service.answers = {member.answers};
  return service;
}

// An etcd of one member on this machine, which is started as any service.
std::vector<StepId> LowerOneMember(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                                   const EtcdServices& services, HostSteps* hosts) {
  Graph& graph = lowering.graph;
  std::vector<StepId> proofs;
  for (size_t i = 0; i < etcd.members.size(); ++i) {
    const EtcdMember& member = etcd.members[i];
    const Service& service = services.services[i];
    const Host& host = lowering.cluster.hosts[member.host];
    const LeafCertificate& cert = lowering.cluster.certificates[member.cert];
    const ServiceFiles files = LowerServiceFiles(lowering, service, hosts->GateOf(member.host));
    StepId started = LowerServiceStep(lowering, service, files);
    graph.AddToGroup(etcd.name, started);
    if (host.manager == ServiceManager::kNone) {  // files only: nothing runs that could be asked
      proofs.push_back(started);
      continue;
    }

    std::string id = PredictedMemberId(member.peer_urls, etcd.token);
    std::string certificate = etcd.folders.Config(absl::StrCat(cert.kind->spec_name, ".pem"));
    MemberRecord entry;
    entry.name = member.name;
    entry.id = id;
    entry.client_urls = member.client_urls;
    entry.peer_urls = member.peer_urls;
    entry.probe = member.probe;
    entry.server_cert = certificate;
    // Where root keeps what is installed, it is asked with what is in DIR.
    const bool by_agent = host.remote();
    VerifyRecord record;
    record.cluster.name = NameInRecord(etcd);
    record.cluster.cluster_id = PredictedClusterId({id});
    record.manager = ManagerName(host.manager);
    record.root = host.root;
    record.cluster.cacert = etcd.folders.Config("ca.pem");
    record.cluster.cert = certificate;
    record.cluster.key = etcd.folders.Config(absl::StrCat(cert.kind->spec_name, "-key.pem"));
    record.cluster.etcdctl = etcd.folders.Program("etcdctl");
    if (by_agent) {
      entry.server_cert = pki.leaves[member.cert].shown_path;
      entry.host = host.name;
      entry.remote = true;
      entry.manager = std::exchange(record.manager, "elsewhere");
      entry.root = std::exchange(record.root, "");
      entry.data = etcd.folders.data;
      entry.wal = etcd.folders.Log();
      record.cluster.cacert = pki.cas[cert.kind->ca].trusted_path;
      record.cluster.cert = entry.server_cert;
      record.cluster.key = paths::Key(cert.name);
      record.cluster.etcdctl = absl::StrCat(etcd.archives[member.archive].unpacked, "/etcdctl");
    }
    record.cluster.members = {std::move(entry)};
    record.service = service.name;
    record.refuse = lowering.cluster.refuse;
    record.report = paths::EtcdReport(etcd.name);
    record.timeout = kVerifyTimeoutSeconds;
    std::vector<StepId> inputs = files.of_contents;
    inputs.push_back(started);
    // Whether it runs is asked of its agent; but where the verdict says that something is wrong, it is looked
    // at again.
    const std::string verdict = absl::StrCat("verify/", etcd.name);
    if (by_agent)
      graph.AddWatch(
          {started, Watch::Kind::kVerdict, 0, "", graph.shards()[lowering.shared].name, verdict, ""});
    StepId verify =
        graph.AddStep(StepKind::kVerify, lowering.shared, verdict, ToText(record), inputs, {}, etcd.place);
    graph.AddWait(verify, absl::StrCat(member.probe, " is healthy, ", kVerifyTimeoutSeconds, " s at most"));
    graph.AddToGroup(etcd.name, verify);
    graph.AddToGroup("verify", verify);
    proofs.push_back(verify);
  }
  return proofs;
}

}  // namespace

std::string NameInRecord(const Etcd& etcd) { return etcd.name == "etcd" ? "" : etcd.name; }

StepId EtcdArchives::Of(const Etcd& etcd, size_t index) {
  const Archive& archive = etcd.archives[index];
  for (const auto& [other, step] : steps_) {
    if (IsSameArchive(*other, archive)) return step;
  }
  steps_.emplace_back(&archive, LowerArchive(lowering_, ArchiveName(lowering_, etcd, index), archive));
  return steps_.back().second;
}

std::vector<EtcdServices> LowerEtcdSources(const Lowering& lowering, const PkiSteps& pki,
                                           EtcdArchives* archives) {
  std::vector<EtcdServices> result;
  for (const Etcd& etcd : lowering.cluster.etcds) {
    std::vector<StepId> unpacked;
    for (size_t i = 0; i < etcd.archives.size(); ++i) unpacked.push_back(archives->Of(etcd, i));
    result.emplace_back();
    for (const EtcdMember& member : etcd.members) {
      Service service = EtcdServiceOf(lowering, etcd, pki, member, unpacked[member.archive]);
      if (etcd.clustered) {
        AddClusterFiles(lowering, etcd, pki, member, &service);
        LowerUnitTexts(lowering, &service);
      }
      result.back().services.push_back(std::move(service));
    }
  }
  return result;
}

std::vector<std::optional<StepId>> LowerEtcdSurveys(const Lowering& lowering, const PkiSteps& pki,
                                                    const std::vector<EtcdServices>& services,
                                                    HostSteps* hosts) {
  const std::vector<Etcd>& etcds = lowering.cluster.etcds;
  std::vector<std::optional<StepId>> surveys;
  for (size_t i = 0; i < etcds.size(); ++i) {
    surveys.push_back(etcds[i].clustered
                          ? LowerEtcdSurvey(lowering, etcds[i], pki, services[i].services, hosts)
                          : std::nullopt);
  }
  return surveys;
}

std::vector<std::vector<StepId>> LowerEtcds(const Lowering& lowering, const PkiSteps& pki,
                                            const std::vector<EtcdServices>& services,
                                            const std::vector<std::optional<StepId>>& surveys,
                                            HostSteps* hosts) {
  const std::vector<Etcd>& etcds = lowering.cluster.etcds;
  std::vector<std::vector<StepId>> proofs;
  for (size_t i = 0; i < etcds.size(); ++i) {
    proofs.push_back(etcds[i].clustered
                         ? LowerEtcdCluster(lowering, etcds[i], pki, services[i].services, surveys[i], hosts)
                         : LowerOneMember(lowering, etcds[i], pki, services[i], hosts));
  }
  return proofs;
}

}  // namespace kplan
