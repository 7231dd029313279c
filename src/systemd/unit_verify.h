#ifndef KPLAN_SYSTEMD_UNIT_VERIFY_H_
#define KPLAN_SYSTEMD_UNIT_VERIFY_H_

// What systemd thinks of a unit's text before it is anywhere where systemd reads units.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct UnitText {
  std::string name;  // "etcd.service", "backup@.timer"
  absl::string_view text;
};

// What `systemd-analyze verify` (systemd 252) prints about UNITS: none when nothing is wrong. It reads them
// in a folder of their own, under their names, beside each other and the host's units, and says what systemd
// itself only logs when it leaves out a line: unknown keys, values that it cannot read, programs that are not
// there. A template is read as an instance. What it says about other units is left out: a host may have some
// that systemd does not like.
absl::StatusOr<std::vector<std::string>> UnitComplaints(const std::vector<UnitText>& units);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_VERIFY_H_
