#include "src/etcd/version_step.h"

#include "absl/strings/str_cat.h"
#include "src/etcd/facts/etcd_version.h"

namespace kplan {
namespace {

constexpr int kSafePatchOf35 = 26;  // etcd-io/etcd#19557, #20793

}  // namespace

std::string VersionProblem(const PlannedCluster& cluster, const LiveCluster& live) {
  EtcdVersion planned;
  if (!ParseEtcdVersion(cluster.version, &planned)) return "";
  // The member with the earliest version.
  const EndpointStatus* earliest = nullptr;
  EtcdVersion lowest;
  size_t known = 0;
  bool may_go_back = false;
  std::string name;
  for (size_t i = 0; i < live.answers.size(); ++i) {
    const absl::StatusOr<EndpointStatus>& status = live.answers[i].status;
    EtcdVersion version, target;
    if (!status.ok() || status->cluster_id != cluster.cluster_id ||
        !ParseEtcdVersion(status->version, &version) || version.major != planned.major) {
      continue;
    }
    ++known;
    may_go_back =
        may_go_back || (ParseEtcdVersion(status->downgrade_target, &target) && target.minor == planned.minor);
    if (earliest != nullptr &&
        (version.minor > lowest.minor || (version.minor == lowest.minor && version.patch >= lowest.patch))) {
      continue;
    }
    earliest = &*status;
    lowest = version;
    name = cluster.members[i].name;
  }
  if (earliest == nullptr) return "";
  const std::string change = absl::StrCat(name, " runs etcd ", earliest->version,
                                          ", and cluster.yaml has version ", cluster.version);
  if (planned.minor > lowest.minor + 1) {
    return absl::StrCat(change, ": etcd goes one minor version at a time. Write the newest 3.",
                        lowest.minor + 1, " first, and run gen and ninja; then go on from there");
  }
  if (lowest.minor == 5 && planned.minor == 6 && lowest.patch < kSafePatchOf35) {
    return absl::StrCat(change, ": before 3.6 all members have to run 3.5.", kSafePatchOf35,
                        " or later, or some may not start with it (etcd's \"Upgrade etcd from v3.5 to "
                        "v3.6\"). Write the newest 3.5 first, and run gen and ninja; then 3.6");
  }
  if (planned.minor < lowest.minor && known == cluster.members.size() && !may_go_back) {
    return absl::StrCat(
        change,
        ": etcd does not start with the data of a later minor version. Write version: ", earliest->version,
        ", or a later one",
        lowest.minor >= 6
            ? absl::StrCat("; or allow it first with `etcdctl downgrade enable 3.", planned.minor, "`")
            : "");
  }
  return "";
}

}  // namespace kplan
