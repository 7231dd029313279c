// An etcd of several members, or of one that is elsewhere. Its members are looked at together before anything
// is changed (survey/etcd), started and restarted together (rollout/etcd), one at a time once there is
// something to lose, and proved together (verify/etcd). Only what lies on a host is that host's:
//
//   host/H   which machine it is, for those that are reached by ssh: all that is there is made again when it
//            turns out to be another one
//   send/H   everything that H lacks, in one stream
//   file/ unit/ dir/    as on this machine

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/etcd_ids.h"
#include "src/lower/lower_internal.h"
#include "src/model/paths.h"

namespace kplan {
namespace {

using paths::on_host::kEtcdConfig;

// The programs of this kplan's own architecture are those that it can run.
#if defined(__aarch64__)
constexpr absl::string_view kThisArch = "arm64";
#else
constexpr absl::string_view kThisArch = "amd64";
#endif

constexpr char kVerdict[] = "verify/etcd";

// All that comes to lie on a member's host, and the step that renders its unit.
struct Member {
  const EtcdMember& etcd;
  const Host& host;
  Service service;
  StepId unit_source = 0;
  std::string id;       // as predicted
  StepId identity = 0;  // host/H; of hosts that are reached by ssh
  ServiceFiles files;
};

class ClusterLowering {
 public:
  ClusterLowering(const Lowering& lowering, const PkiSteps& pki, const std::vector<StepId>& unpacked)
      : lowering_(lowering),
        graph_(lowering.graph),
        cluster_(lowering.cluster),
        etcd_(lowering.cluster.etcd),
        pki_(pki),
        unpacked_(unpacked) {}

  void Lower() {
    for (const EtcdMember& member : etcd_.members) AddMember(member);
    for (Member& member : members_) {
      if (member.host.remote()) member.identity = LowerHost(member);
      any_remote_ = any_remote_ || member.host.remote();
    }
    // Files only: nothing runs that could be asked or started.
    const bool runs = members_[0].host.manager != ServiceManager::kNone;
    if (runs) survey_ = LowerSurvey();
    for (Member& member : members_) {
      HostGate gate;
      if (runs) gate.after.push_back(survey_);
      if (member.host.remote()) {
        gate.inputs.push_back(member.identity);
        gate.after.push_back(LowerSend(member, gate.after));
      }
      member.files = LowerServiceFiles(lowering_, member.service, gate, &member.unit_source);
      if (!runs) graph_.AddToGroup("etcd", LowerServiceStep(lowering_, member.service, member.files));
    }
    if (runs) LowerVerify(LowerRollout());
  }

 private:
  void AddMember(const EtcdMember& member) {
    const Host& host = cluster_.hosts[member.host];
    Service service = EtcdServiceOf(lowering_, pki_, member, unpacked_[member.archive]);
    const LeafCertificate& server = cluster_.certificates[member.cert];
    const LeafCertificate& peer = cluster_.certificates[member.peer_cert];
    if (peer.kind->ca != server.kind->ca) {
      HostFile trust;
      trust.path = absl::StrCat(kEtcdConfig, "/", paths::on_host::kPeerCaName);
      trust.from = paths::Certificate(cluster_.cas[peer.kind->ca].name);
      trust.source = pki_.cas[peer.kind->ca].cert;
      service.restart_files.push_back(std::move(trust));
      if (const PkiSteps::Ca& ca = pki_.cas[peer.kind->ca]; ca.has_crl) {
        HostFile crl;
        crl.path = absl::StrCat(kEtcdConfig, "/", paths::on_host::kPeerCrlName);
        crl.from = paths::CrlDer(cluster_.cas[peer.kind->ca].name);
        crl.source = ca.crl;
        service.reread_files.push_back(std::move(crl));
      }
    }
    if (member.peer_cert != member.cert) {
      const PkiSteps::Leaf& leaf = pki_.leaves[member.peer_cert];
      HostPair pair;
      pair.certificate_path = absl::StrCat(kEtcdConfig, "/", peer.kind->spec_name, ".pem");
      pair.certificate_from = leaf.shown_path;
      pair.certificate_source = leaf.shown;
      pair.key_path = absl::StrCat(kEtcdConfig, "/", peer.kind->spec_name, "-key.pem");
      pair.key_from = paths::Key(peer.name);
      pair.key_source = leaf.key;
      pair.key_owner = member.owner;
      service.reread_pairs.push_back(std::move(pair));
    }
    HostFile bootstrap;
    bootstrap.path = absl::StrCat(kEtcdConfig, "/", paths::on_host::kBootstrapName);
    bootstrap.from = paths::Rendered(host.name, bootstrap.path);
    bootstrap.source = LowerRender(lowering_, member.host, bootstrap.path, member.bootstrap);
    service.environment_file = bootstrap.path;
    service.reread_files.push_back(std::move(bootstrap));
    StepId unit = LowerRender(lowering_, member.host, paths::on_host::Unit(service.name), service.unit_text);
    members_.push_back(
        {member, host, std::move(service), unit, PredictedMemberId(member.peer_urls, etcd_.token), 0, {}});
  }

  StepId LowerHost(const Member& member) {
    const Host& host = member.host;
    RecordWriter record;
    record.Add("arch", host.arch);
    if (!host.become.empty()) record.Add("become", host.become);
    record.Add("cluster", cluster_.name).Add("kind", "host").Add("manager", ManagerName(host.manager));
    record.Add("name", host.name).Add("root", host.root).Add("ssh-host", host.ssh.host);
    record.Add("ssh-port", host.ssh.port).Add("ssh-user", host.ssh.user);
    StepId step = graph_.AddStep(StepKind::kHost, ShardOf(member), absl::StrCat("host/", host.name),
                                 std::move(record).Finish(), {});
    graph_.AddContact(step);
    graph_.AddToGroup(host.name, step);
    return step;
  }

  // What makes the files of MEMBER's host, each once.
  static std::vector<StepId> SourcesOf(const Member& member) {
    std::vector<StepId> sources;
    auto add = [&](StepId step) {
      if (std::find(sources.begin(), sources.end(), step) == sources.end()) sources.push_back(step);
    };
    for (const HostFile& file : member.service.restart_files) add(file.source);
    for (const HostPair& pair : member.service.reread_pairs) {
      add(pair.certificate_source);
      add(pair.key_source);
    }
    for (const HostFile& file : member.service.reread_files) add(file.source);
    add(member.unit_source);
    return sources;
  }

  StepId LowerSurvey() {
    std::vector<StepId> inputs;
    for (const Member& member : members_) {
      if (member.host.remote()) inputs.push_back(member.identity);
    }
    for (const Member& member : members_) {
      for (StepId source : SourcesOf(member)) {
        if (std::find(inputs.begin(), inputs.end(), source) == inputs.end()) inputs.push_back(source);
      }
    }
    RecordWriter record;
    AddClient(&record, /*with_state=*/true);
    record.Add("kind", "survey-etcd").AddJson("members", MembersJson(/*with_service=*/false));
    StepId step = graph_.AddStep(StepKind::kSurvey, lowering_.shared, "survey/etcd",
                                 std::move(record).Finish(), inputs, ClientSteps());
    if (any_remote_) graph_.AddContact(step);
    return step;
  }

  StepId LowerSend(const Member& member, const std::vector<StepId>& after) {
    std::vector<std::string> files;
    auto add = [&](const std::string& from, const std::string& path, bool secret) {
      RecordWriter file;
      file.Add("from", from).Add("path", path).Add("secret", secret);
      files.push_back(std::move(file).Finish());
    };
    const Service& service = member.service;
    for (const HostFile& file : service.restart_files) add(file.from, file.path, file.secret);
    for (const HostPair& pair : service.reread_pairs) {
      add(pair.certificate_from, pair.certificate_path, false);
      add(pair.key_from, pair.key_path, true);
    }
    for (const HostFile& file : service.reread_files) add(file.from, file.path, file.secret);
    const std::string unit = paths::on_host::Unit(service.name);
    add(paths::Rendered(member.host.name, unit), unit, false);
    RecordWriter record;
    record.AddJson("files", JsonListOf(files)).Add("host", member.host.name).Add("kind", "send");
    record.Add("root", member.host.root);
    std::vector<StepId> inputs = SourcesOf(member);
    inputs.push_back(member.identity);
    StepId step = graph_.AddStep(StepKind::kSend, ShardOf(member), absl::StrCat("send/", member.host.name),
                                 std::move(record).Finish(), inputs, after);
    graph_.AddContact(step);
    graph_.AddToGroup(member.host.name, step);
    return step;
  }

  StepId LowerRollout() {
    // A member that the survey finds stopped is started.
    std::vector<StepId> inputs = {survey_}, after;
    for (const Member& member : members_) {
      inputs.insert(inputs.end(), member.files.restart.begin(), member.files.restart.end());
      after.insert(after.end(), member.files.others.begin(), member.files.others.end());
    }
    for (StepId step : ClientSteps()) after.push_back(step);
    RecordWriter record;
    AddClient(&record, /*with_state=*/true);
    record.Add("kind", "rollout-etcd").Add("max-unavailable", etcd_.max_unavailable);
    record.AddJson("members", MembersJson(/*with_service=*/true)).Add("timeout", kStartTimeoutSeconds);
    StepId step = graph_.AddStep(StepKind::kRollout, lowering_.shared, "rollout/etcd",
                                 std::move(record).Finish(), inputs, after);
    graph_.AddWait(step, absl::StrCat("every member is healthy, ", kStartTimeoutSeconds, " s each at most"));
    if (any_remote_) {
      graph_.AddContact(step);
      // Whether a member elsewhere runs is not asked each time; but where the verdict says that something is
      // wrong, they are looked at again.
      graph_.AddWatch(
          {step, Watch::Kind::kVerdict, 0, "", graph_.shards()[lowering_.shared].name, kVerdict, ""});
    }
    for (const Member& member : members_) {
      if (!member.host.remote()) {
        graph_.AddWatch({step, Watch::Kind::kService, 0, ManagerName(member.host.manager), member.host.root,
                         member.service.name, ""});
      }
      graph_.AddToGroup(member.host.name, step);
      graph_.AddToGroup(absl::StrCat("service/", member.host.name, "/", member.service.name), step);
    }
    graph_.AddToGroup("etcd", step);
    return step;
  }

  void LowerVerify(StepId rollout) {
    std::vector<StepId> inputs = ClientSteps();
    for (const Member& member : members_) {
      for (StepId file : member.files.of_contents) {
        // What is heeded once says nothing about what runs.
        if (!IsBootstrap(member, file)) inputs.push_back(file);
      }
    }
    inputs.push_back(rollout);
    const EtcdMember& first = etcd_.members[0];
    RecordWriter record;
    AddClient(&record, /*with_state=*/false);
    record.Add("kind", "verify-etcd").Add("manager", "elsewhere");
    record.AddJson("members", MembersJson(/*with_service=*/false));
    record.Add("peer-cacert", CaOf(first.peer_cert)).Add("refuse", etcd_.refuse);
    record.Add("report", paths::kVerifyEtcdReport).Add("root", "").Add("service", members_[0].service.name);
    record.Add("timeout", kVerifyTimeoutSeconds);
    StepId step =
        graph_.AddStep(StepKind::kVerifyEtcd, lowering_.shared, kVerdict, std::move(record).Finish(), inputs);
    graph_.AddWait(step, absl::StrCat("every member is healthy, ", kVerifyTimeoutSeconds, " s at most"));
    graph_.AddToGroup("etcd", step);
    graph_.AddToGroup("verify", step);
  }

  bool IsBootstrap(const Member& member, StepId file) const {
    return graph_.steps()[file].label ==
           absl::StrCat("file/", member.host.name, member.service.environment_file);
  }

  uint32_t ShardOf(const Member& member) const { return lowering_.host_shard[member.etcd.host]; }

  // The certificate of the CA that signed CERTIFICATE (an index), relative to DIR.
  std::string CaOf(int certificate) const {
    return paths::Certificate(cluster_.cas[cluster_.certificates[certificate].kind->ca].name);
  }

  // The certificate and key with which members are asked.
  std::vector<StepId> ClientSteps() const {
    const PkiSteps::Leaf& leaf = pki_.leaves[etcd_.client_cert];
    return {leaf.shown, leaf.key};
  }

  // The keys of a record that say how members are asked: "cacert" to "key". WITH_STATE: also whether members
  // without data found a cluster or join one, which nobody who has data cares about.
  void AddClient(RecordWriter* record, bool with_state) const {
    std::vector<std::string> ids;
    for (const Member& member : members_) ids.push_back(member.id);
    record->Add("cacert", CaOf(etcd_.members[0].cert));
    record->Add("cert", pki_.leaves[etcd_.client_cert].shown_path);
    record->Add("cluster-id", PredictedClusterId(ids)).Add("etcdctl", Etcdctl());
    if (with_state) record->Add("initial-cluster-state", etcd_.initial_state);
    record->Add("key", paths::Key(cluster_.certificates[etcd_.client_cert].name));
  }

  // As unpacked for a member of this machine's architecture; empty when there is none.
  std::string Etcdctl() const {
    for (const Member& member : members_) {
      if (member.host.arch == kThisArch)
        return absl::StrCat(etcd_.archives[member.etcd.archive].unpacked, "/etcdctl");
    }
    return "";
  }

  std::string MembersJson(bool with_service) const {
    std::vector<std::string> members;
    for (const Member& member : members_) {
      const EtcdMember& etcd = member.etcd;
      RecordWriter entry;
      entry.AddJson("client-urls", JsonList(etcd.client_urls)).Add("data", member.service.data_folder);
      entry.Add("host", member.host.name).Add("id", member.id);
      entry.Add("manager", ManagerName(member.host.manager)).Add("name", etcd.name);
      entry.Add("peer-cert", pki_.leaves[etcd.peer_cert].shown_path);
      entry.Add("peer-key", paths::Key(cluster_.certificates[etcd.peer_cert].name));
      entry.Add("peer-probe", etcd.peer_probe);
      entry.AddJson("peer-urls", JsonList(etcd.peer_urls)).Add("probe", etcd.probe);
      entry.Add("remote", member.host.remote()).Add("root", member.host.root);
      entry.Add("server-cert", pki_.leaves[etcd.cert].shown_path);
      if (with_service)
        entry.AddJson("service", ServiceRecord(lowering_, member.service, /*with_host=*/false));
      members.push_back(std::move(entry).Finish());
    }
    return JsonListOf(members);
  }

  const Lowering& lowering_;
  Graph& graph_;
  const Cluster& cluster_;
  const Etcd& etcd_;
  const PkiSteps& pki_;
  const std::vector<StepId>& unpacked_;  // as Etcd::archives
  std::vector<Member> members_;          // as Etcd::members
  bool any_remote_ = false;
  StepId survey_ = 0;
};

}  // namespace

void LowerEtcdCluster(const Lowering& lowering, const PkiSteps& pki, const std::vector<StepId>& unpacked) {
  ClusterLowering(lowering, pki, unpacked).Lower();
}

}  // namespace kplan
