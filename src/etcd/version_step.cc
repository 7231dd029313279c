#include "src/etcd/version_step.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/etcd/facts/etcd_version.h"

namespace kplan {
namespace {

constexpr int kSafePatchOf35 = 26;  // etcd-io/etcd#19557, #20793
// The first that allows the way back (Documentation, "Downgrade etcd").
constexpr int kFirstWithDowngrade = 6;
constexpr int kFirstWithoutV2 = 6;

// What a member runs, or what its data is of.
struct Known {
  std::string what;  // "etcd-1 runs etcd 3.5.30", "the data of etcd-1 is of a cluster of etcd 3.5"
  std::string text;  // "3.5.30"
  EtcdVersion version;

  bool operator<(const Known& other) const {
    return std::tie(version.minor, version.patch) < std::tie(other.version.minor, other.version.patch);
  }
};

class VersionStep {
 public:
  VersionStep(const PlannedCluster& cluster, const EtcdVersion& planned) : cluster_(cluster), to_(planned) {}

  void AddData(const PlannedMember& member, const EtcdData& data) {
    EtcdVersion version;
    if (!data.initialised || data.cluster_id != cluster_.cluster_id) return;
    Allow(data.downgrade);
    if (!ParseEtcdVersion(data.version, &version) || version.major != to_.major) return;
    // Of the cluster's version the minor one alone counts.
    data_.push_back({absl::StrCat("the data of ", member.name, " is of a cluster of etcd 3.", version.minor),
                     absl::StrCat("3.", version.minor), version});
  }

  void AddAnswer(const PlannedMember& member, const EndpointStatus& status) {
    EtcdVersion version;
    if (status.cluster_id != cluster_.cluster_id || !ParseEtcdVersion(status.version, &version) ||
        version.major != to_.major) {
      return;
    }
    Allow(status.downgrade_target);
    running_.push_back({absl::StrCat(member.name, " runs etcd ", status.version), status.version, version});
  }

  void AddRefused(const PlannedMember& member) { refused_.push_back(member.name); }

  std::string Problem() const {
    for (const std::vector<Known>* known : {&running_, &data_}) {
      if (known->empty()) continue;
      const Known& earliest = *std::min_element(known->begin(), known->end());
      if (to_.minor > earliest.version.minor + 1) {
        return absl::StrCat(Change(earliest), ": etcd goes one minor version at a time. Write the newest 3.",
                            earliest.version.minor + 1,
                            " first, and run gen and ninja; then go on from there");
      }
    }
    if (!running_.empty() && to_.minor == kFirstWithoutV2) {
      const Known& earliest = *std::min_element(running_.begin(), running_.end());
      if (earliest.version.minor == kFirstWithoutV2 - 1 && earliest.version.patch < kSafePatchOf35) {
        return absl::StrCat(Change(earliest), ": before 3.6 all members have to run 3.5.", kSafePatchOf35,
                            " or later, or some may not start with it (etcd's \"Upgrade etcd from v3.5 to "
                            "v3.6\"). Write the newest 3.5 first, and run gen and ninja; then 3.6");
      }
    }
    if (std::string back = WayBack(); !back.empty()) return back;
    return refused_.empty() ? "" : LeftInTheLog();
  }

 private:
  std::string Change(const Known& known) const {
    return absl::StrCat(known.what, ", and cluster.yaml has version ", cluster_.version);
  }

  void Allow(const std::string& downgrade) {
    EtcdVersion version;
    may_go_back_ = may_go_back_ || (ParseEtcdVersion(downgrade, &version) && version.minor == to_.minor);
  }

  std::string WayBack() const {
    if (may_go_back_) return "";
    // What the members run tells the version of the cluster only where all of them are seen.
    std::vector<Known> of_cluster = data_;
    if (running_.size() == cluster_.members.size())
      of_cluster.push_back(*std::min_element(running_.begin(), running_.end()));
    if (of_cluster.empty()) return "";
    const Known& latest = *std::max_element(of_cluster.begin(), of_cluster.end());
    if (to_.minor >= latest.version.minor) return "";
    std::string advice = absl::StrCat("Write version: ", latest.text, ", or a later one");
    if (latest.text.rfind('.') == latest.text.find('.'))
      advice = absl::StrCat("Write the newest ", latest.text);
    if (latest.version.minor >= kFirstWithDowngrade && to_.minor == latest.version.minor - 1) {
      absl::StrAppend(&advice, "; or allow it first with `etcdctl downgrade enable 3.", to_.minor, "`");
    } else if (latest.version.minor >= kFirstWithDowngrade) {
      absl::StrAppend(&advice, "; no further back than 3.", latest.version.minor - 1, " can be allowed");
    }
    return absl::StrCat(Change(latest), ": etcd does not start with the data of a later minor version. ",
                        advice);
  }

  std::string LeftInTheLog() const {
    return absl::StrCat(
        "cluster.yaml has version ", cluster_.version, ", and the ",
        refused_.size() == 1 ? "log of " : "logs of ", JoinAnd(refused_),
        refused_.size() == 1 ? " has" : " have",
        " entries of the v2 API that etcd 3.6 refuses when it starts (3.4 writes one whenever it is asked "
        "for /health; etcd-io/etcd#20809). etcd 3.5 leaves them behind with its next snapshot of the log. "
        "Put "
        "the version back to the one before, have below etcd: flags: {snapshot-count: 2}, and run gen and "
        "ninja; then write ",
        cluster_.version, " again, take snapshot-count away, and run gen and ninja");
  }

  const PlannedCluster& cluster_;
  const EtcdVersion to_;
  std::vector<Known> running_, data_;
  std::vector<std::string> refused_;
  bool may_go_back_ = false;
};

// Whether the member that gave ANSWER runs what has no v2 API any more: it got over its log.
bool RunsWithoutV2(const MemberAnswer& answer) {
  EtcdVersion version;
  return answer.status.ok() && ParseEtcdVersion(answer.status->version, &version) &&
         version.minor >= kFirstWithoutV2;
}

}  // namespace

std::string VersionProblem(const PlannedCluster& cluster, const std::vector<absl::StatusOr<EtcdData>>& found,
                           const LiveCluster& live) {
  EtcdVersion planned;
  if (!ParseEtcdVersion(cluster.version, &planned)) return "";
  VersionStep step(cluster, planned);
  for (size_t i = 0; i < cluster.members.size(); ++i) {
    const PlannedMember& member = cluster.members[i];
    if (live.answers[i].status.ok()) step.AddAnswer(member, *live.answers[i].status);
    if (!found[i].ok()) continue;
    step.AddData(member, *found[i]);
    if (planned.minor >= kFirstWithoutV2 && found[i]->refused_by_36 > 0 && !RunsWithoutV2(live.answers[i]))
      step.AddRefused(member);
  }
  return step.Problem();
}

}  // namespace kplan
