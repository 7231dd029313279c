#ifndef KPLAN_SYSTEMD_UNIT_READBACK_H_
#define KPLAN_SYSTEMD_UNIT_READBACK_H_

// Whether systemd has what a unit's text says: what was read from the file, or not read (a bad value that was
// ignored, an old text in memory, a drop-in of somebody's over it), is seen before anything is started with
// it.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

struct UnitDifference {
  std::string key;          // "ExecStart"
  std::string wanted, got;  // as systemctl shows them; empty: nothing
};

// What differs between TEXT, a service unit's, and SHOWN, what `systemctl show` (systemd 252) says of the
// unit: the commands, the environment, user and group, folders, description, type, where output goes, and
// what else of [Unit] and [Service] systemd keeps as it was written. Of commands also those that TEXT has
// none of. Keys with specifiers in them (%i) are left out. Where the unit has drop-ins, what those add is
// none of ours: what TEXT says has to be there. Empty when nothing differs.
std::vector<UnitDifference> CompareUnit(absl::string_view text, absl::string_view shown);

// Compares the unit NAME ("etcd.service"), which systemd has loaded, with its file PATH. FailedPrecondition
// names key, wanted and got.
absl::Status ReadBackUnit(const std::string& name, const std::string& path);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_READBACK_H_
