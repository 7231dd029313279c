#include "src/etcd/alarm.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"

namespace kplan {

std::optional<EtcdAlarm> ParseAlarm(absl::string_view error) {
  EtcdAlarm alarm;
  for (absl::string_view part : absl::StrSplit(error, ' ', absl::SkipEmpty())) {
    uint64_t number = 0;
    if (absl::ConsumePrefix(&part, "alarm:")) {
      alarm.name = Shown(part);
    } else if (absl::ConsumePrefix(&part, "memberID:") && absl::SimpleAtoi(part, &number)) {
      alarm.member_id = absl::StrCat(absl::Hex(number));
    }
  }
  return alarm.name.empty() ? std::nullopt : std::make_optional(alarm);
}

std::vector<EtcdAlarm> AlarmsAmong(const std::vector<std::string>& errors) {
  std::vector<EtcdAlarm> alarms;
  for (const std::string& error : errors) {
    if (std::optional<EtcdAlarm> alarm = ParseAlarm(error); alarm.has_value()) alarms.push_back(*alarm);
  }
  return alarms;
}

std::string AlarmAdvice(absl::string_view name) {
  if (name == "NOSPACE") {
    return "no write is taken while it stands: its database has reached quota-backend-bytes. `kplan defrag "
           "--compact` removes the history, gives the room back and takes the alarm away; or raise the "
           "quota, "
           "and let `kplan defrag` take it away";
  }
  if (name == "CORRUPT") {
    // What is removed first, and still has data, is not started by etcd; and an empty folder of a member that
    // the cluster lists is what the survey has the commands for (survey_decision.cc, JudgeEmpty).
    return "its data differs from the others', and the cluster serves nobody while it stands. Stop etcd "
           "there, and move its data folder away before the member is replaced; then run ninja, which prints "
           "the commands that replace it. When it serves, `etcdctl alarm disarm`";
  }
  return "etcd's documentation of that alarm; then `etcdctl alarm disarm`";
}

}  // namespace kplan
