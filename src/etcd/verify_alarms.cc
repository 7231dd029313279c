#include "src/etcd/verify_alarms.h"

#include "absl/strings/str_cat.h"
#include "src/etcd/alarm.h"
#include "src/etcd/etcdctl.h"

namespace kplan {
namespace {

constexpr absl::Duration kAskTime = absl::Seconds(5);

}  // namespace

std::vector<Finding> AlarmFindings(const ClusterExpected& cluster, const std::vector<std::string>& errors) {
  std::vector<Finding> findings;
  for (const EtcdAlarm& alarm : AlarmsAmong(errors)) {
    Finding finding = {"alarm", "no alarm", absl::StrCat(alarm.name, " of member ", alarm.member_id),
                       AlarmAdvice(alarm.name)};
    for (const MemberExpected& member : cluster.members) {
      if (cluster.clustered && member.id == alarm.member_id) finding.member = member.name;
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

std::vector<Finding> AskForAlarms(const ClusterExpected& cluster, const MemberExpected& member) {
  absl::StatusOr<std::string> text =
      RunEtcdctl(cluster.etcdctl, {member.client.url}, {"endpoint", "status", "--write-out=json"}, kAskTime);
  if (!text.ok()) return {};
  absl::StatusOr<std::vector<EndpointStatus>> statuses = ParseEndpointStatus(*text);
  if (!statuses.ok() || statuses->empty()) return {};
  return AlarmFindings(cluster, statuses->front().errors);
}

}  // namespace kplan
