#ifndef KPLAN_SYSTEMD_UNIT_READS_H_
#define KPLAN_SYSTEMD_UNIT_READS_H_

// As whom systemd starts a service, and which files its command names: what that user has to get to.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

struct UnitReads {
  // As the unit has them; a user of systemd's own making (DynamicUser=) has a number of its own.
  std::string user, group;
  std::vector<std::string> groups;  // SupplementaryGroups=
  // The folders that systemd gives to the user before it starts the service: StateDirectory= and the like.
  // Absolute.
  std::vector<std::string> own_folders;
  // Absolute: the program, its arguments, and what comes behind a "=" in those. Those that have a specifier
  // or a variable in them are left out.
  std::vector<std::string> paths;
};

// What TEXT, a unit's with its drop-ins behind it, comes to. Without paths where modes hold nobody (root,
// with its capabilities) and where the service sees another tree of files than its host (RootDirectory=,
// TemporaryFileSystem=, BindPaths= and the like).
UnitReads ReadsOfUnit(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_READS_H_
