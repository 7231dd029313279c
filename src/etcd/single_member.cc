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

// UNIT: as in the question.
absl::StatusOr<EtcdData> FindData(const VerifyRecord& record, const DataPlace& place, bool versions,
                                  HostAccess* hosts, const std::string& unit = "") {
  const MemberRecord& member = record.cluster.members[0];
  const bool elsewhere = member.over_ssh();
  const EtcdDataQuestion question = {place.data, elsewhere ? member.root : record.root, versions, unit,
                                     place.wal};
  absl::StatusOr<Json> answer =
      elsewhere ? hosts->Ask(member.host, ToJson(question)) : EtcdDataJson(question);
  return answer.ok() ? ParseEtcdData(*answer) : answer.status();
}

}  // namespace

absl::Status CheckSingleMemberVersion(const VerifyRecord& record, const std::string& version,
                                      const DataPlace& place, HostAccess* hosts) {
  if (record.cluster.members.size() != 1) return absl::OkStatus();
  const MemberRecord& planned = record.cluster.members[0];
  std::vector<absl::StatusOr<EtcdData>> found = {FindData(record, place, /*versions=*/true, hosts)};
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
      absl::StrCat(PathFromHere(planned.over_ssh() ? planned.root : record.root, place.data), ": ", problem));
}

absl::Status CheckSingleMemberData(const VerifyRecord& record, const DataPlace& before,
                                   const DataPlace& place, HostAccess* hosts) {
  if (record.cluster.members.size() != 1 || (before.data == place.data && before.wal == place.wal))
    return absl::OkStatus();
  auto has_data = [&](const DataPlace& at) {
    absl::StatusOr<EtcdData> found = FindData(record, at, /*versions=*/false, hosts);
    return found.ok() && found->initialised;
  };
  if (!has_data(before) || has_data(place)) return absl::OkStatus();
  const MemberRecord& member = record.cluster.members[0];
  const std::string& root = member.over_ssh() ? member.root : record.root;
  const auto log_of = [&](const DataPlace& at) { return PathFromHere(root, LogOf(at.data, at.wal)); };
  const std::string from = PathFromHere(root, before.data), to = PathFromHere(root, place.data);
  if (from == to) return absl::FailedPreconditionError(HowToMoveLog(log_of(before), log_of(place)));
  const bool log_moves = before.wal != place.wal;
  return absl::FailedPreconditionError(absl::StrCat(
      "etcd's data is in ", from, ", and with data-dir ", to,
      " it would start without. Stop etcd, and move its data: mv ", from, " ", to,
      log_moves ? absl::StrCat(", and then its log to ", log_of(place)) : "", "; then run gen again"));
}

absl::Status CheckNoOtherEtcd(const VerifyRecord& record, const DataPlace& place, HostAccess* hosts) {
  if (record.cluster.members.size() != 1) return absl::OkStatus();
  const MemberRecord& member = record.cluster.members[0];
  if ((member.over_ssh() ? member.manager : record.manager) != "systemd") return absl::OkStatus();
  const absl::StatusOr<EtcdData> found = FindData(record, place, /*versions=*/false, hosts, record.service);
  if (!found.ok() || !found->unit.has_value()) return absl::OkStatus();
  // Of one member nobody foretells a cluster: whatever is in its folder is its own.
  const std::string why = WhyEtcdIsInTheWay(*found->unit, place.data, place.wal, /*cluster_id=*/"");
  return why.empty() ? absl::OkStatus() : absl::FailedPreconditionError(why);
}

}  // namespace kplan
