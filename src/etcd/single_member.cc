#include "src/etcd/single_member.h"

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/etcd_data.h"
#include "src/etcd/version_step.h"
#include "src/host/host_file.h"
#include "src/step/questions.h"

namespace kplan {

namespace {

absl::StatusOr<EtcdData> FindData(const VerifyRecord& record, const std::string& data, HostAccess* hosts) {
  const MemberRecord& member = record.cluster.members[0];
  if (!member.over_ssh()) return ReadEtcdData(record.root, data, /*versions=*/true);
  const EtcdDataQuestion question = {member.data, member.root, /*versions=*/true};
  absl::StatusOr<Json> answer = hosts->Ask(member.host, ToJson(question));
  return answer.ok() ? ParseEtcdData(*answer) : answer.status();
}

}  // namespace

absl::Status CheckSingleMemberVersion(const VerifyRecord& record, const std::string& version,
                                      const std::string& data, HostAccess* hosts) {
  if (record.cluster.members.size() != 1) return absl::OkStatus();
  const MemberRecord& planned = record.cluster.members[0];
  std::vector<absl::StatusOr<EtcdData>> found = {FindData(record, data, hosts)};
  if (!found[0].ok() || !found[0]->initialised) return absl::OkStatus();
  PlannedCluster cluster;
  cluster.version = version;
  // Whatever cluster the data is of: etcd goes on with it.
  cluster.cluster_id = found[0]->cluster_id;
  cluster.etcdctl = {
      PathFromHere(record.root, record.cluster.etcdctl), PathFromHere(record.root, record.cluster.cacert),
      PathFromHere(record.root, record.cluster.cert), PathFromHere(record.root, record.cluster.key)};
  PlannedMember member;
  member.name = planned.name;
  member.probe = planned.probe;
  cluster.members.push_back(std::move(member));
  const std::string problem = VersionProblem(cluster, found, AskLiveCluster(cluster));
  if (problem.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(PathFromHere(planned.over_ssh() ? planned.root : record.root, data), ": ", problem));
}

}  // namespace kplan
