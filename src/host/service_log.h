#ifndef KPLAN_HOST_SERVICE_LOG_H_
#define KPLAN_HOST_SERVICE_LOG_H_

// What a service said last, for error messages.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

// ROOT/var/log/NAME.log: where a service without systemd logs.
std::string LogPath(absl::string_view root, absl::string_view name);

// Appends a line to that log (made when missing, 0640; no link followed) that tells the messages of the start
// to come from those before.
absl::Status BeginLogSection(const std::string& root, const std::string& name);

// What NAME logged since that line, of at most the last 64 KiB; empty when there is no log.
std::string LogOfThisStart(const std::string& root, const std::string& name);

// The unit that NAME speaks of: "etcd.service" for "etcd", "backup.timer" for itself.
std::string FullUnitName(absl::string_view name);

// The messages of the run INVOCATION among ENTRIES, those of and about one unit as `journalctl --output=json`
// prints them (systemd.journal-fields(7)), one a line: those that say that they are its, and those beside
// them that do not say whose they are.
std::string MessagesOfRun(absl::string_view entries, absl::string_view invocation);

// The last messages of and about the unit NAME (as above); of one run of it when INVOCATION, its id, is not
// empty. Empty when there is no journal.
std::string JournalOf(absl::string_view name, absl::string_view invocation = "");

// The last 10 lines of TEXT, each indented by four blanks and ending in a newline; before them the first
// FIRST ones (a program that does not like its flags says which in its first line, and then explains all of
// them). A line that says so when there are none.
std::string LastLines(absl::string_view text, size_t first = 0);

}  // namespace kplan

#endif  // KPLAN_HOST_SERVICE_LOG_H_
