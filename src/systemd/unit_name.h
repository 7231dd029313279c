#ifndef KPLAN_SYSTEMD_UNIT_NAME_H_
#define KPLAN_SYSTEMD_UNIT_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// The unit that NAME speaks of: "etcd.service" for "etcd", "backup.timer" for itself.
std::string FullUnitName(absl::string_view name);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_NAME_H_
