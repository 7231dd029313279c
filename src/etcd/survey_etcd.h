#ifndef KPLAN_ETCD_SURVEY_ETCD_H_
#define KPLAN_ETCD_SURVEY_ETCD_H_

// Whether the hosts of a cluster hold what the plan says, before anything on them is touched: whose data each
// member's folder has, and what the cluster itself says where it runs. A folder is probed, never remembered.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/etcd_data.h"
#include "src/step/host_access.h"

namespace kplan {

struct SurveyVerdict {
  // What forbids to go on, each a text of its own that says what was expected, what is there and what to do.
  // Empty: nothing does.
  std::vector<std::string> problems;
  // The same of what etcd's auth does not let its client do, and of what cannot be told for that reason; "":
  // nothing.
  std::string forbidden;
  // The members (by their place in the list) that cannot be judged before the cluster answers, which the
  // others, a quorum, can make it do: start those, then ask again before one of these is started.
  std::vector<size_t> ask_again;
  // Whether each member has data of the cluster, with which nothing is wrong so far.
  std::vector<bool> has_data;
  // The members that have data, and at whose address nobody listens: they have to be started.
  std::vector<size_t> stopped;
  // For a person: "3 members of cluster cdf8..: 3 have its data".
  std::string summary;

  bool MustAskAgain(size_t member) const;  // whether it is among ask_again
  // FailedPrecondition with all of both; OK when there is none.
  absl::Status status() const;
};

// The problems that the data folders alone show, whatever the cluster says: another cluster's data, another
// member's, the same folder twice, none that etcd made. FOUND is as below.
std::vector<std::string> FolderProblems(const PlannedCluster& cluster,
                                        const std::vector<absl::StatusOr<EtcdData>>& found);

// FOUND: what is in each member's data folder, or why that could not be seen. LIVE: what the members said.
// Both in the order of CLUSTER's members.
SurveyVerdict DecideOnSurvey(const PlannedCluster& cluster,
                             const std::vector<absl::StatusOr<EtcdData>>& found, const LiveCluster& live);

// Whether no member is at the other end of an ssh connection.
bool IsOnThisMachine(const PlannedCluster& cluster);

// How much is asked about a member's data folder.
enum class AskedOfData {
  kData,    // what a rollout goes by
  kSurvey,  // what its version needs, too, and whether the host will do (host_ground.h)
};

// What is in MEMBER's data folder, by the answer of its host. HOSTS: null, when that is this machine.
absl::StatusOr<EtcdData> AskEtcdData(HostAccess* hosts, const PlannedCluster& cluster,
                                     const PlannedMember& member, AskedOfData asked);

// Asks every member's host through HOSTS (null: only this machine can be asked), at the same time, and the
// live cluster, and decides. Changes nothing anywhere. The rollout asks again with it right before it starts
// a member without data. RIGHTS: whether the client's are asked for.
SurveyVerdict TakeEtcdSurvey(HostAccess* hosts, const PlannedCluster& cluster,
                             AskedOfData asked = AskedOfData::kSurvey, bool rights = true);

}  // namespace kplan

#endif  // KPLAN_ETCD_SURVEY_ETCD_H_
