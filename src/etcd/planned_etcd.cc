#include "src/etcd/planned_etcd.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/record.h"
#include "src/base/text.h"
#include "src/etcd/rollout_etcd.h"
#include "src/host/host_file.h"
#include "src/step/etcd_records.h"
#include "src/step/file_records.h"
#include "src/step/service_records.h"
#include "src/systemd/environment_file.h"

namespace kplan {
namespace {

constexpr char kRollout[] = "rollout/";
constexpr char kVerify[] = "verify/";
constexpr char kNoEtcd[] = "the plan has no etcd that kplan runs (service-manager: none?)";
constexpr char kTrustFlag[] = "--trusted-ca-file=";
constexpr char kDefaultToken[] = "etcd-cluster";  // of etcd's flag initial-cluster-token
constexpr char kTokenVariable[] = "ETCD_INITIAL_CLUSTER_TOKEN=";

// The record of LABEL in SHARD; nothing when there is none.
template <typename R>
absl::StatusOr<std::optional<R>> FindRecord(const std::string& shard, const std::string& label) {
  absl::StatusOr<std::string> text = ReadFile(paths::Shard(shard));
  if (!text.ok()) return text.status();
  const absl::string_view found = FindRecordText(*text, label);
  if (found.empty()) return std::optional<R>();
  absl::StatusOr<R> record = FromText<R>(found);
  if (!record.ok()) return record.status();
  return std::optional<R>(*std::move(record));
}

// The shard of what hosts share.
absl::StatusOr<std::string> ReadShared() {
  absl::StatusOr<std::string> text = ReadFile(paths::Shard(paths::kSharedShard));
  if (!absl::IsNotFound(text.status())) return text;
  return absl::FailedPreconditionError("there is no plan in this folder; run `kplan gen` first, or use -C");
}

template <typename R>
absl::StatusOr<std::optional<R>> FindShared(const std::string& label) {
  return FindRecord<R>(paths::kSharedShard, label);
}

// The name of the host of this machine that has the service NAME below ROOT, and the service. AGENT: the
// host's name where an agent works on it; "": whoever runs kplan does.
absl::StatusOr<std::pair<std::string, ServiceRecord>> FindLocalService(const std::string& name,
                                                                       const std::string& root,
                                                                       const std::string& agent) {
  std::vector<std::string> hosts;
  std::error_code error;
  for (std::filesystem::directory_iterator it(paths::kShards, error), end; !error && it != end;
       it.increment(error)) {
    const std::string file = it->path().filename().string();
    if (absl::EndsWith(file, ".json")) hosts.emplace_back(absl::StripSuffix(file, ".json"));
  }
  if (error) return ErrnoStatus(error.value(), paths::kShards);
  std::sort(hosts.begin(), hosts.end());
  for (const std::string& host : hosts) {
    absl::StatusOr<std::optional<ServiceRecord>> service =
        FindRecord<ServiceRecord>(host, absl::StrCat("service/", host, "/", name));
    if (!service.ok()) return service.status();
    if (service->has_value() && (*service)->root == root && (*service)->host == agent) {
      (*service)->host.clear();  // as a member's is
      return std::make_pair(host, **service);
    }
  }
  return absl::FailedPreconditionError("the plan has no service of etcd; run `kplan gen` again");
}

// The one member on this machine as a cluster, by the record of its verification: paths in that are inside
// its root, or below DIR where an agent works there.
absl::StatusOr<RestorePlan> ReadOneMember(const VerifyRecord& verify, HostAccess* hosts) {
  const std::vector<MemberRecord>& members = verify.cluster.members;
  const bool by_agent = !members.empty() && members[0].over_ssh();
  absl::StatusOr<std::pair<std::string, ServiceRecord>> service = FindLocalService(
      verify.service, by_agent ? members[0].root : verify.root, by_agent ? members[0].host : "");
  if (!service.ok()) return service.status();
  ClusterFields fields = verify.cluster;
  for (std::string* path : {&fields.cacert, &fields.cert, &fields.etcdctl, &fields.key})
    *path = PathFromHere(verify.root, *path);
  for (MemberRecord& member : fields.members) {
    if (by_agent) break;  // it has them
    member.host = service->first;
    member.remote = false;
    member.root = verify.root;
    member.data.clear();
    member.wal.clear();
    for (const auto& [text, path] : service->second.argv) {
      if (text == "--data-dir=") member.data = path;
      if (text == "--wal-dir=") member.wal = path;
    }
  }
  absl::StatusOr<PlannedCluster> cluster = ReadPlannedCluster(fields, verify.version, hosts);
  if (!cluster.ok()) return cluster.status();
  RestorePlan plan;
  plan.cluster = *std::move(cluster);
  plan.timeout = absl::Seconds(service->second.timeout);
  plan.services.push_back(std::move(service->second));
  return plan;
}

// The name in labels of the etcd that WANTED means.
absl::StatusOr<std::string> ChooseEtcd(const std::string& wanted) {
  absl::StatusOr<std::string> shard = ReadShared();
  if (!shard.ok()) return shard.status();
  std::vector<std::string> names;
  for (const char* what : {kRollout, kVerify}) {
    for (std::string& name : FindLabels(*shard, what)) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
  }
  if (names.empty()) return absl::FailedPreconditionError(kNoEtcd);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    if (name == wanted || name == absl::StrCat("etcd-", wanted)) return name;
  }
  if (wanted.empty() && names.size() == 1) return names[0];
  return absl::FailedPreconditionError(absl::StrCat(
      wanted.empty() ? "there are several etcds in the plan: "
                     : absl::StrCat("the plan has no etcd ", Quote(wanted), "; there is "),
      JoinAnd(names),
      wanted.empty() ? "\n  next: say which one, for example --etcd=" : "\n  next: for example --etcd=",
      names[0]));
}

// All but the token and the folders.
absl::StatusOr<RestorePlan> ReadMembers(const std::string& wanted, HostAccess* hosts) {
  absl::StatusOr<std::string> etcd = ChooseEtcd(wanted);
  if (!etcd.ok()) return etcd.status();
  absl::StatusOr<std::optional<RolloutRecord>> rollout =
      FindShared<RolloutRecord>(absl::StrCat(kRollout, *etcd));
  if (!rollout.ok()) return rollout.status();
  if (rollout->has_value()) {
    absl::StatusOr<RolloutPlan> read = ReadRolloutPlan(**rollout, hosts);
    if (!read.ok()) return read.status();
    RestorePlan plan;
    plan.cluster = std::move(read->cluster);
    plan.services = std::move(read->services);
    plan.timeout = read->timeout;
    return plan;
  }
  absl::StatusOr<std::optional<VerifyRecord>> verify = FindShared<VerifyRecord>(absl::StrCat(kVerify, *etcd));
  if (!verify.ok()) return verify.status();
  if (!verify->has_value()) return absl::FailedPreconditionError(kNoEtcd);
  return ReadOneMember(**verify, hosts);
}

// Where SERVICE, an etcd, has its certificates, and what it heeds at its first start.
std::string ConfigFolderOf(const ServiceRecord& service) {
  for (const auto& [text, path] : service.argv) {
    if (text == kTrustFlag) return path.substr(0, path.rfind('/'));
  }
  return paths::on_host::EtcdConfig(service.name);
}

// The initial-cluster-token of MEMBER: a flag of its service, or a line of the file that the plan renders for
// it.
absl::StatusOr<std::string> TokenOf(const PlannedMember& member, const ServiceRecord& service) {
  for (const auto& [text, path] : service.argv) {
    absl::string_view flag = text;
    if (absl::ConsumePrefix(&flag, "--initial-cluster-token=")) return std::string(flag);
  }
  const std::string path = absl::StrCat(ConfigFolderOf(service), "/", paths::on_host::kBootstrapName);
  absl::StatusOr<std::optional<RenderRecord>> render =
      FindRecord<RenderRecord>(member.host, absl::StrCat("render/", member.host, path));
  if (!render.ok()) return render.status();
  if (!render->has_value()) return kDefaultToken;
  absl::StatusOr<std::vector<std::string>> variables = ParseEnvironmentFile((*render)->content);
  if (!variables.ok()) return variables.status();
  for (absl::string_view variable : *variables) {
    if (absl::ConsumePrefix(&variable, kTokenVariable)) return std::string(variable);
  }
  return kDefaultToken;
}

}  // namespace

absl::StatusOr<PlannedCluster> ReadClusterRecords(const std::string& wanted, HostAccess* hosts) {
  absl::StatusOr<RestorePlan> plan = ReadMembers(wanted, hosts);
  return plan.ok() ? absl::StatusOr<PlannedCluster>(std::move(plan->cluster)) : plan.status();
}

absl::StatusOr<RestorePlan> ReadRestoreRecords(const std::string& wanted, HostAccess* hosts) {
  absl::StatusOr<RestorePlan> plan = ReadMembers(wanted, hosts);
  if (!plan.ok()) return plan.status();
  for (size_t i = 0; i < plan->cluster.members.size(); ++i) {
    const PlannedMember& member = plan->cluster.members[i];
    absl::StatusOr<std::string> token = TokenOf(member, plan->services[i]);
    if (!token.ok()) return token.status();
    plan->token = *token;
    RestorePlan::Folder folder;
    absl::StatusOr<std::optional<DirRecord>> dir =
        FindRecord<DirRecord>(member.host, absl::StrCat("dir/", member.host, member.data));
    if (!dir.ok()) return dir.status();
    if (dir->has_value()) {
      folder.mode = (*dir)->mode;
      folder.owner = (*dir)->owner;
    }
    plan->folders.push_back(std::move(folder));
  }
  if (absl::Status status = CheckPlannedIds(*plan); !status.ok()) return status;
  return plan;
}

absl::Status ForgetEtcdStamps(const PlannedCluster& cluster) {
  for (const char* what : {kRollout, kVerify}) {
    const std::string stamp = paths::Stamp(absl::StrCat(what, cluster.members[0].unit));
    if (unlink(stamp.c_str()) != 0) {
      if (errno == ENOENT) continue;
      return ErrnoStatus(errno, absl::StrCat("cannot remove ", stamp));
    }
    // A power cut must not bring it back: what it says is of other data.
    absl::StatusOr<UniqueFd> folder = OpenFolder(FolderOf(stamp));
    if (!folder.ok()) return folder.status();
    if (disk::Sync(folder->get()) != 0)
      return ErrnoStatus(errno, absl::StrCat("cannot sync the folder of ", stamp));
  }
  return absl::OkStatus();
}

}  // namespace kplan
