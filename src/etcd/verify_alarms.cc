#include "src/etcd/verify_alarms.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/etcd/etcdctl.h"

namespace kplan {
namespace {

constexpr absl::Duration kAskTime = absl::Seconds(5);

std::string AdviceFor(absl::string_view alarm) {
  if (alarm == "NOSPACE") {
    return "no write is taken while it stands: its database has reached quota-backend-bytes. Make room "
           "(`etcdctl compact`, then `etcdctl defrag` for each member) or raise the quota, then `etcdctl "
           "alarm disarm`";
  }
  if (alarm == "CORRUPT") {
    return "its data differs from the others': remove that member, empty its data folder and add it again, "
           "then `etcdctl alarm disarm`";
  }
  return "etcd's documentation of that alarm; then `etcdctl alarm disarm`";
}

}  // namespace

std::vector<Finding> AlarmFindings(const ClusterExpected& cluster, const std::vector<std::string>& errors) {
  std::vector<Finding> findings;
  for (const std::string& error : errors) {
    std::string alarm, id;
    for (absl::string_view part : absl::StrSplit(error, ' ', absl::SkipEmpty())) {
      uint64_t number = 0;
      if (absl::ConsumePrefix(&part, "alarm:")) {
        alarm = std::string(part);
      } else if (absl::ConsumePrefix(&part, "memberID:") && absl::SimpleAtoi(part, &number)) {
        id = absl::StrCat(absl::Hex(number));
      }
    }
    if (alarm.empty()) continue;  // "etcdserver: no leader": not an alarm
    Finding finding = {"alarm", "no alarm", absl::StrCat(alarm, " of member ", id), AdviceFor(alarm)};
    for (const MemberExpected& member : cluster.members) {
      if (cluster.clustered && member.id == id) finding.member = member.name;
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
