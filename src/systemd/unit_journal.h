#ifndef KPLAN_SYSTEMD_UNIT_JOURNAL_H_
#define KPLAN_SYSTEMD_UNIT_JOURNAL_H_

// What a unit said last, for error messages.

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// Messages among ENTRIES, those of and about one unit as `journalctl --reverse --output=json` prints them
// (systemd.journal-fields(7)): one a line, the newest first, the last line perhaps cut off. The result has
// the oldest first. With INVOCATION, the id of a run, those of that run: those that say that they are its,
// and those beside them that do not say whose they are. Without, those of whole runs, the newest, until they
// are ten (kLastLines) at least.
std::string MessagesOfRun(absl::string_view entries, absl::string_view invocation);

// The last messages of and about the unit NAME (FullUnitName): at most 2000, of at most 1 MiB with what the
// journal says about them; of one run of it when INVOCATION, its id, is not empty. Empty when there is no
// journal.
std::string JournalOf(absl::string_view name, absl::string_view invocation = "");

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_JOURNAL_H_
