// An etcd of several members, or of one that is elsewhere. Its members are looked at together before anything
// is changed (survey/etcd), started and restarted together (rollout/etcd), one at a time once there is
// something to lose, and proved together (verify/etcd). Only what lies on a host is that host's:
//
//   host/H send/H user/H/NAME    as for any service (hosts.cc); send/H comes after the survey
//   file/ unit/ dir/             as on this machine

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/base/paths.h"
#include "src/base/url.h"
#include "src/etcd/facts/etcd_ids.h"
#include "src/lower/lower_internal.h"
#include "src/step/etcd_records.h"

namespace kplan {
namespace {

// The programs of this kplan's own architecture are those that it can run.
#if defined(__aarch64__)
constexpr absl::string_view kThisArch = "arm64";
#else
constexpr absl::string_view kThisArch = "amd64";
#endif

// "https://10.0.0.11:2379" as "10.0.0.11:2379".
std::string HostAndPort(absl::string_view url) {
  const std::optional<UrlParts> parts = SplitUrl(url);
  return std::string(parts.has_value() ? parts->host_port : "");
}

// The URLs of flags like --listen-client-urls of MEMBER, sorted, each once.
std::vector<std::string> ListensOf(const EtcdMember& member) {
  std::set<std::string> urls;
  for (size_t i = 0; i < member.arguments.size(); ++i) {
    absl::string_view flag = member.arguments[i].first;
    if (!absl::StartsWith(flag, "--listen-") || !absl::StrContains(flag, "-urls")) continue;
    const size_t equals = flag.find('=');
    const absl::string_view value = equals != absl::string_view::npos ? flag.substr(equals + 1)
                                    : i + 1 < member.arguments.size() ? member.arguments[i + 1].first
                                                                      : absl::string_view();
    for (absl::string_view url : absl::StrSplit(value, ',', absl::SkipEmpty())) urls.emplace(url);
  }
  return {urls.begin(), urls.end()};
}

struct Member {
  const EtcdMember& etcd;
  const Host& host;
  const Service& service;
  std::string id;  // as predicted
  ServiceFiles files;
};

class ClusterLowering {
 public:
  ClusterLowering(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                  const std::vector<Service>& services, HostSteps* hosts)
      : lowering_(lowering),
        graph_(lowering.graph),
        cluster_(lowering.cluster),
        etcd_(etcd),
        pki_(pki),
        hosts_(hosts) {
    for (size_t i = 0; i < etcd_.members.size(); ++i) {
      const EtcdMember& member = etcd_.members[i];
      members_.push_back({member,
                          cluster_.hosts[member.host],
                          services[i],
                          PredictedMemberId(member.peer_urls, etcd_.token),
                          {}});
      any_remote_ = any_remote_ || members_.back().host.remote();
    }
  }

  // Files only: nothing runs that could be asked or started.
  bool Runs() const { return members_[0].host.manager != ServiceManager::kNone; }

  // SURVEY: that of LowerSurvey, where anything runs.
  std::vector<StepId> Lower(std::optional<StepId> survey) {
    std::vector<StepId> started;
    for (Member& member : members_) {
      member.files = LowerServiceFiles(lowering_, member.service, hosts_->GateOf(member.etcd.host));
      if (survey.has_value()) continue;
      started.push_back(LowerServiceStep(lowering_, member.service, member.files));
      graph_.AddToGroup(etcd_.name, started.back());
    }
    if (!survey.has_value()) return started;
    return {LowerVerify(LowerRollout(*survey))};
  }

  StepId LowerSurvey() {
    std::vector<StepId> inputs;
    for (const Member& member : members_) {
      if (member.host.remote()) inputs.push_back(hosts_->IdentityOf(member.etcd.host));
    }
    for (const Member& member : members_) {
      for (StepId source : SourcesOf(member.service)) {
        if (std::find(inputs.begin(), inputs.end(), source) == inputs.end()) inputs.push_back(source);
      }
    }
    SurveyRecord record;
    record.cluster = ClusterOf(/*with_state=*/true, /*with_service=*/false);
    record.version = etcd_.version;
    for (size_t i = 0; i < members_.size(); ++i) AddGround(members_[i], &record.cluster.members[i]);
    StepId step = graph_.AddStep(StepKind::kSurvey, lowering_.shared, Label("survey"), ToText(record), inputs,
                                 ClientSteps(), etcd_.place);
    if (any_remote_) graph_.AddContact(step);
    for (const Member& member : members_) hosts_->Delay(member.etcd.host, step);
    return step;
  }

 private:
  // "survey/etcd"
  std::string Label(absl::string_view what) const { return absl::StrCat(what, "/", etcd_.name); }

  // Where who is on a member's machine asks it.
  std::string LocalUrl() const { return absl::StrCat("https://127.0.0.1:", etcd_.client_port); }

  // What the survey asks MEMBER's host for, as far as it is not what is usual.
  void AddGround(const Member& member, MemberRecord* record) const {
    const EtcdFolders& folders = etcd_.folders;
    if (folders.bin != paths::on_host::EtcdPrograms(etcd_.name)) record->bin = folders.bin;
    if (folders.config != paths::on_host::EtcdConfig(etcd_.name)) record->config = folders.config;
    std::vector<std::string> listens = ListensOf(member.etcd), usual = record->UsualListens();
    const auto is_usual = [&](const std::string& url) {
      return url == LocalUrl() || absl::c_linear_search(usual, url);
    };
    const bool all =
        absl::c_all_of(usual, [&](const auto& url) { return absl::c_linear_search(listens, url); });
    if (!all || !absl::c_all_of(listens, is_usual)) record->listens = std::move(listens);
  }

  StepId LowerRollout(StepId survey) {
    // A member that the survey finds stopped is started.
    std::vector<StepId> inputs = {survey}, after;
    for (const Member& member : members_) {
      inputs.insert(inputs.end(), member.files.inputs.begin(), member.files.inputs.end());
      after.insert(after.end(), member.files.others.begin(), member.files.others.end());
    }
    for (StepId step : ClientSteps()) after.push_back(step);
    RolloutRecord record;
    record.cluster = ClusterOf(/*with_state=*/true, /*with_service=*/true);
    record.max_unavailable = cluster_.max_unavailable;
    if (etcd_.snapshots_kept > 0)
      record.snapshot = RolloutRecord::Snapshot{paths::kSnapshots, etcd_.snapshots_kept};
    // One text makes the unit of each.
    record.timeout = members_[0].service.start_timeout;
    StepId step = graph_.AddStep(StepKind::kRollout, lowering_.shared, Label("rollout"), ToText(record),
                                 inputs, after, etcd_.place);
    graph_.AddWait(step, absl::StrCat("every member is healthy, ", record.timeout, " s each at most"));
    if (any_remote_) {
      graph_.AddContact(step);
      // Whether a member elsewhere runs is not asked each time; but where the verdict says that something is
      // wrong, they are looked at again.
      graph_.AddWatch(
          {step, Watch::Kind::kVerdict, 0, "", graph_.shards()[lowering_.shared].name, Label("verify"), ""});
    }
    for (const Member& member : members_) {
      if (!member.host.remote()) {
        graph_.AddWatch({step, Watch::Kind::kService, 0, ManagerName(member.host.manager), member.host.root,
                         member.service.name, ""});
      }
      graph_.AddToGroup(member.host.name, step);
      graph_.AddToGroup(absl::StrCat("service/", member.host.name, "/", member.service.name), step);
    }
    graph_.AddToGroup(etcd_.name, step);
    return step;
  }

  StepId LowerVerify(StepId rollout) {
    std::vector<StepId> inputs = ClientSteps();
    for (const Member& member : members_) {
      for (StepId file : member.files.of_contents) {
        // What is heeded once says nothing about what runs.
        if (!IsBootstrap(member, file)) inputs.push_back(file);
      }
    }
    inputs.push_back(rollout);
    const EtcdMember& first = etcd_.members[0];
    VerifyRecord record;
    record.cluster = ClusterOf(/*with_state=*/false, /*with_service=*/false);
    record.peer_cacert = CaOf(first.peer_cert);
    record.manager = "elsewhere";
    record.service = members_[0].service.name;
    record.refuse = cluster_.refuse;
    record.report = paths::EtcdReport(etcd_.name);
    record.timeout = kVerifyTimeoutSeconds;
    StepId step = graph_.AddStep(StepKind::kVerify, lowering_.shared, Label("verify"), ToText(record), inputs,
                                 {}, etcd_.place);
    graph_.AddWait(step, absl::StrCat("every member is healthy, ", kVerifyTimeoutSeconds, " s at most"));
    graph_.AddToGroup(etcd_.name, step);
    graph_.AddToGroup("verify", step);
    return step;
  }

  bool IsBootstrap(const Member& member, StepId file) const {
    return graph_.steps()[file].label ==
           absl::StrCat("file/", member.host.name, member.service.environment_file);
  }

  // What who trusts the CA that signed CERTIFICATE (an index) is given, relative to DIR.
  std::string CaOf(int certificate) const {
    return pki_.cas[cluster_.certificates[certificate].kind->ca].trusted_path;
  }

  // The certificate and key with which members are asked.
  std::vector<StepId> ClientSteps() const {
    const PkiSteps::Leaf& leaf = pki_.leaves[etcd_.client_cert];
    return {leaf.shown, leaf.key};
  }

  // The members, and how they are asked. WITH_STATE: also whether members without data found a cluster or
  // join one, which nobody who has data cares about.
  ClusterFields ClusterOf(bool with_state, bool with_service) const {
    std::vector<std::string> ids;
    for (const Member& member : members_) ids.push_back(member.id);
    ClusterFields cluster;
    cluster.name = NameInRecord(etcd_);
    cluster.cluster_id = PredictedClusterId(ids);
    // A verdict is about the end; before it members may show what the CA before signed.
    cluster.cacert = with_state ? pki_.cas[cluster_.certificates[etcd_.members[0].cert].kind->ca].asked_path
                                : CaOf(etcd_.members[0].cert);
    cluster.cert = pki_.leaves[etcd_.client_cert].shown_path;
    cluster.key = paths::Key(cluster_.certificates[etcd_.client_cert].name);
    cluster.etcdctl = Etcdctl();
    if (with_state) cluster.initial_cluster_state = etcd_.initial_state;
    if (with_state) cluster.replace = etcd_.replace;
    // Members on this machine are asked from here, whatever is said.
    if (any_remote_) cluster.ask_from = cluster_.ask_from;
    for (const Member& member : members_) cluster.members.push_back(RecordOf(member, with_service));
    return cluster;
  }

  // As unpacked for a member of this machine's architecture; empty when there is none.
  std::string Etcdctl() const {
    for (const Member& member : members_) {
      if (member.host.arch == kThisArch)
        return absl::StrCat(etcd_.archives[member.etcd.archive].unpacked, "/etcdctl");
    }
    return "";
  }

  MemberRecord RecordOf(const Member& member, bool with_service) const {
    const EtcdMember& etcd = member.etcd;
    MemberRecord record;
    record.name = etcd.name;
    record.id = member.id;
    record.client_urls = etcd.client_urls;
    record.peer_urls = etcd.peer_urls;
    record.probe = etcd.probe;
    record.server_cert = pki_.leaves[etcd.cert].shown_path;
    record.host = member.host.name;
    record.remote = member.host.remote();
    record.manager = ManagerName(member.host.manager);
    record.root = member.host.root;
    record.data = etcd_.folders.data;
    record.wal = etcd_.folders.Log();
    record.peer_probe = etcd.peer_probe;
    if (etcd.answers != HostAndPort(etcd.probe)) record.own_probe = etcd.answers;
    if (etcd.peer_answers != HostAndPort(etcd.peer_probe)) record.own_peer_probe = etcd.peer_answers;
    record.peer_cert = pki_.leaves[etcd.peer_cert].shown_path;
    record.peer_key = paths::Key(cluster_.certificates[etcd.peer_cert].name);
    if (with_service) record.service = ServiceRecordOf(lowering_, member.service, /*with_host=*/false);
    return record;
  }

  const Lowering& lowering_;
  Graph& graph_;
  const Cluster& cluster_;
  const Etcd& etcd_;
  const PkiSteps& pki_;
  HostSteps* const hosts_;
  std::vector<Member> members_;  // as Etcd::members
  bool any_remote_ = false;
};

}  // namespace

void AddClusterFiles(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                     const EtcdMember& member, Service* service) {
  const Cluster& cluster = lowering.cluster;
  const LeafCertificate& server = cluster.certificates[member.cert];
  const LeafCertificate& peer = cluster.certificates[member.peer_cert];
  if (peer.kind->ca != server.kind->ca) {
    HostFile trust;
    trust.path = etcd.folders.Config(paths::on_host::kPeerCaName);
    trust.from = pki.cas[peer.kind->ca].trusted_path;
    trust.source = pki.cas[peer.kind->ca].trusted;
    trust.on_change = OnChange::kRestart;
    trust.place = etcd.place;
    service->files.push_back(std::move(trust));
    if (const PkiSteps::Ca& ca = pki.cas[peer.kind->ca]; ca.has_crl) {
      HostFile crl;
      crl.path = etcd.folders.Config(paths::on_host::kPeerCrlName);
      crl.from = paths::CrlDer(cluster.cas[peer.kind->ca].signing_stem());
      crl.source = ca.crl;
      crl.place = etcd.place;
      service->files.push_back(std::move(crl));
    }
  }
  if (member.peer_cert != member.cert) {
    const PkiSteps::Leaf& leaf = pki.leaves[member.peer_cert];
    HostPair pair;
    pair.certificate_path = etcd.folders.Config(absl::StrCat(peer.kind->spec_name, ".pem"));
    pair.certificate_from = leaf.shown_path;
    pair.certificate_source = leaf.shown;
    pair.key_path = etcd.folders.Config(absl::StrCat(peer.kind->spec_name, "-key.pem"));
    pair.key_from = paths::Key(peer.name);
    pair.key_source = leaf.key;
    pair.key_owner = member.owner;
    pair.place = etcd.place;
    service->pairs.push_back(std::move(pair));
  }
  HostFile bootstrap;
  bootstrap.path = etcd.folders.Config(paths::on_host::kBootstrapName);
  bootstrap.from = paths::Rendered(cluster.hosts[member.host].name, bootstrap.path);
  bootstrap.source = LowerRender(lowering, member.host, bootstrap.path, member.bootstrap, etcd.place);
  service->environment_file = bootstrap.path;
  bootstrap.place = etcd.place;
  service->files.push_back(std::move(bootstrap));
}

std::optional<StepId> LowerEtcdSurvey(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                                      const std::vector<Service>& services, HostSteps* hosts) {
  ClusterLowering cluster(lowering, etcd, pki, services, hosts);
  return cluster.Runs() ? std::optional(cluster.LowerSurvey()) : std::nullopt;
}

std::vector<StepId> LowerEtcdCluster(const Lowering& lowering, const Etcd& etcd, const PkiSteps& pki,
                                     const std::vector<Service>& services, std::optional<StepId> survey,
                                     HostSteps* hosts) {
  return ClusterLowering(lowering, etcd, pki, services, hosts).Lower(survey);
}

}  // namespace kplan
