#ifndef KPLAN_SYSTEMD_MISSING_MOUNT_H_
#define KPLAN_SYSTEMD_MISSING_MOUNT_H_

// A disk that is to be mounted on the way to a folder, and is not. What is put there meanwhile lies on the
// disk below, and is out of sight once the other one is mounted.

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

// The mount point at or above PATH (absolute) that this machine is to have, and has not; "": none is missing.
// FSTAB: the text of /etc/fstab (fstab(5)). MOUNTINFO: that of /proc/self/mountinfo (proc(5)). HAS_UNIT:
// whether there is a unit of this name, "srv-etcd.mount" (systemd.mount(5)).
std::string MissingMount(absl::string_view fstab, absl::string_view mountinfo, absl::string_view path,
                         absl::FunctionRef<bool(const std::string& unit)> has_unit);

// The same of this machine: FailedPrecondition, with the remedy. What cannot be read says nothing. Of a ROOT
// other than "/" nothing is known.
absl::Status CheckMounted(absl::string_view root, absl::string_view path);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_MISSING_MOUNT_H_
