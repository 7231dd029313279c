#ifndef KPLAN_ETCD_ALARM_H_
#define KPLAN_ETCD_ALARM_H_

// The alarms that a member has raised, as its status has them among its errors (etcd v3.4,
// etcdserver/api/v3rpc/maintenance.go): "memberID:9372538179322589801 alarm:NOSPACE ". Every member tells of
// all of them. `etcdctl alarm list` says the same, but is only for root where auth is enabled.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

struct EtcdAlarm {
  std::string name;       // "NOSPACE", "CORRUPT"
  std::string member_id;  // who raised it
};

// Nothing when ERROR, of a status, is no alarm ("etcdserver: no leader").
std::optional<EtcdAlarm> ParseAlarm(absl::string_view error);

// Those among ERRORS.
std::vector<EtcdAlarm> AlarmsAmong(const std::vector<std::string>& errors);

// What one of that NAME means, and what to do about it.
std::string AlarmAdvice(absl::string_view name);

}  // namespace kplan

#endif  // KPLAN_ETCD_ALARM_H_
