#ifndef KPLAN_SYSTEMD_UNIT_FILES_H_
#define KPLAN_SYSTEMD_UNIT_FILES_H_

// Which files systemd would read for a unit now (systemd.unit(5), "Unit File Load Path"), beside those that
// it has read. Its own NeedDaemonReload compares the times of the files that it has read, and looks for
// others only in folders that it saw at its last reload: a unit of /lib that now has one of the same name in
// /etc, and a first drop-in, are none to it (systemd 252, core/unit.c, unit_need_daemon_reload).
//
// NAME is the full one of a unit: "etcd.service". ROOT: "/".

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kplan {

// The folders of the system manager, relative to the root, the strongest first.
absl::Span<const char* const> UnitLoadPath();

// The names of the folders that drop-ins of NAME are in, the strongest first: "a-b.service.d",
// "a-.service.d", "service.d".
std::vector<std::string> DropInFolders(absl::string_view name);

// Whether systemd reads a file called FILE in such a folder.
bool IsDropIn(absl::string_view file);

// Whether the file that counts for NAME is another one than FRAGMENT, which systemd has read ("": none). Told
// of a file alone: what a link leads to has many names.
bool HasOtherFragment(const std::string& root, absl::string_view name, const std::string& fragment);

// Whether the drop-ins that the administrator has for NAME are others than those that systemd has READ, by
// their paths. What packages and generators bring is not looked at: it comes with a daemon-reload of its own.
bool HasOtherDropIns(const std::string& root, absl::string_view name, const std::vector<std::string>& read);

// FailedPrecondition, with the command that takes it back, when NAME is masked: there is a link to /dev/null
// in /etc or, for until the next boot, in /run, whatever else is there. Somebody wants that it does not run.
absl::Status CheckNotMasked(const std::string& root, absl::string_view name);

// The same of the unit whose file is, or will be, at PATH; OK for what is no place of a unit of
// /etc/systemd/system.
absl::Status CheckPlaceNotMasked(const std::string& root, absl::string_view path);

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_FILES_H_
