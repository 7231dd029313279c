#ifndef KPLAN_SYSTEMD_UNIT_RIGHTS_H_
#define KPLAN_SYSTEMD_UNIT_RIGHTS_H_

// Whether who runs this may have systemd start, stop and enable units, before it is tried. systemd itself
// lets root; everybody else it asks polkit about (org.freedesktop.systemd1.manage-units), whose rules are not
// known here. Where there is no polkit, the answer is no.

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace kplan {

// "" when USER (the effective id) may, or it cannot be known. POLKIT: there is one here. OURS: the systemctl
// that would be called is the one of this machine's systemd.
std::string WhyMayNotManageUnits(uid_t user, bool polkit, bool ours);

// The same of who runs this: PermissionDenied with that text.
absl::Status CheckMayManageUnits();

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_RIGHTS_H_
