// etcd as a service: which of its inputs need a restart (etcd 3.4-3.6: trust and binary; the leaf certificate
// and key are read again at every handshake), and how a member is proved to serve.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/etcd_ids.h"
#include "src/lower/lower_internal.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

using paths::on_host::kBinaries;
using paths::on_host::kEtcdConfig;

// What there is of an architecture's archive is called "etcd" where there is one, else "etcd-arm64".
std::string ArchiveName(const Lowering& lowering, size_t archive) {
  const Etcd& etcd = lowering.cluster.etcd;
  if (etcd.archives.size() == 1) return "etcd";
  for (const EtcdMember& member : etcd.members) {
    if (member.archive == static_cast<int>(archive))
      return absl::StrCat("etcd-", lowering.cluster.hosts[member.host].arch);
  }
  return "etcd";
}

}  // namespace

std::string HostAndPort(absl::string_view url) { return std::string(url.substr(url.find("://") + 3)); }

Service EtcdServiceOf(const Lowering& lowering, const PkiSteps& pki, const EtcdMember& member,
                      StepId unpack) {
  const Etcd& etcd = lowering.cluster.etcd;
  const Archive& archive = etcd.archives[member.archive];
  const LeafCertificate& cert = lowering.cluster.certificates[member.cert];
  const PkiSteps::Leaf& leaf = pki.leaves[member.cert];
  Service service;
  service.name = "etcd";
  service.host = member.host;
  HostFile program;
  program.executable = true;
  program.source = unpack;
  program.path = absl::StrCat(kBinaries, "/etcd");
  program.from = absl::StrCat(archive.unpacked, "/etcd");
  HostFile trust;
  trust.path = absl::StrCat(kEtcdConfig, "/ca.pem");
  // The CA that signed, and not those above it: these may have signed others, who must not get in.
  trust.from = paths::Certificate(lowering.cluster.cas[cert.kind->ca].name);
  trust.source = pki.cas[cert.kind->ca].cert;
  service.restart_files = {program, trust};
  HostPair pair;
  pair.certificate_path = absl::StrCat(kEtcdConfig, "/", cert.kind->spec_name, ".pem");
  pair.certificate_from = leaf.shown_path;
  pair.certificate_source = leaf.shown;
  pair.key_path = absl::StrCat(kEtcdConfig, "/", cert.kind->spec_name, "-key.pem");
  pair.key_from = paths::Key(cert.name);
  pair.key_source = leaf.key;
  pair.key_owner = member.owner;
  service.reread_pairs = {pair};
  if (const PkiSteps::Ca& ca = pki.cas[cert.kind->ca]; ca.has_crl) {
    HostFile crl;
    crl.path = absl::StrCat(kEtcdConfig, "/", paths::on_host::kCrlName);
    crl.from = paths::CrlDer(lowering.cluster.cas[cert.kind->ca].name);
    crl.source = ca.crl;
    service.reread_files.push_back(std::move(crl));
  }
  // The tools beside etcd (etcdctl, etcdutl): a new one restarts nothing.
  for (const auto& [from, name] : archive.members) {
    if (name == "etcd") continue;
    HostFile tool = program;
    tool.path = absl::StrCat(kBinaries, "/", name);
    tool.from = absl::StrCat(archive.unpacked, "/", name);
    service.reread_files.push_back(std::move(tool));
  }
  service.data_folder = paths::on_host::kEtcdData;
  service.data_owner = member.owner;
  service.unit_text = member.unit;
  service.arguments = member.arguments;
  service.environment = member.environment;
  service.answers = {HostAndPort(member.probe)};
  return service;
}

void LowerEtcd(const Lowering& lowering, const PkiSteps& pki) {
  const Etcd& etcd = lowering.cluster.etcd;
  Graph& graph = lowering.graph;
  std::vector<StepId> unpacked;
  for (size_t i = 0; i < etcd.archives.size(); ++i)
    unpacked.push_back(LowerArchive(lowering, ArchiveName(lowering, i), etcd.archives[i]));
  if (etcd.clustered) {
    LowerEtcdCluster(lowering, pki, unpacked);
    return;
  }
  for (const EtcdMember& member : etcd.members) {
    const Host& host = lowering.cluster.hosts[member.host];
    const LeafCertificate& cert = lowering.cluster.certificates[member.cert];
    Service service = EtcdServiceOf(lowering, pki, member, unpacked[member.archive]);
    ServiceSteps steps = LowerService(lowering, service);
    graph.AddToGroup("etcd", steps.service);
    if (host.manager == ServiceManager::kNone) continue;  // files only: nothing runs that could be asked

    std::string id = PredictedMemberId(member.peer_urls, etcd.token);
    std::string certificate = absl::StrCat(kEtcdConfig, "/", cert.kind->spec_name, ".pem");
    RecordWriter entry;
    entry.AddJson("client-urls", JsonList(member.client_urls)).Add("id", id).Add("name", member.name);
    entry.AddJson("peer-urls", JsonList(member.peer_urls))
        .Add("probe", member.probe)
        .Add("server-cert", certificate);
    RecordWriter record;
    record.Add("cacert", absl::StrCat(kEtcdConfig, "/ca.pem")).Add("cert", certificate);
    record.Add("cluster-id", PredictedClusterId({id})).Add("etcdctl", absl::StrCat(kBinaries, "/etcdctl"));
    record.Add("key", absl::StrCat(kEtcdConfig, "/", cert.kind->spec_name, "-key.pem"))
        .Add("kind", "verify-etcd");
    record.Add("manager", ManagerName(host.manager));
    record.AddJson("members", absl::StrCat("[", std::move(entry).Finish(), "]"));
    record.Add("refuse", etcd.refuse).Add("report", paths::kVerifyEtcdReport).Add("root", host.root);
    record.Add("service", service.name).Add("timeout", kVerifyTimeoutSeconds);
    std::vector<StepId> inputs = steps.files;
    inputs.push_back(steps.service);
    StepId verify = graph.AddStep(StepKind::kVerifyEtcd, lowering.shared, "verify/etcd",
                                  std::move(record).Finish(), inputs);
    graph.AddWait(verify, absl::StrCat(member.probe, " is healthy, ", kVerifyTimeoutSeconds, " s at most"));
    graph.AddToGroup("etcd", verify);
    graph.AddToGroup("verify", verify);
  }
}

}  // namespace kplan
