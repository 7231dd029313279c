#ifndef KPLAN_SYSTEMD_UNIT_JOURNAL_H_
#define KPLAN_SYSTEMD_UNIT_JOURNAL_H_

// What a unit said last, for error messages.

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// The messages of the run INVOCATION among ENTRIES, those of and about one unit as `journalctl --output=json`
// prints them (systemd.journal-fields(7)), one a line: those that say that they are its, and those beside
// them that do not say whose they are.
std::string MessagesOfRun(absl::string_view entries, absl::string_view invocation);

// The last messages of and about the unit NAME (FullUnitName); of one run of it when INVOCATION, its id, is
// not empty. Empty when there is no journal.
std::string JournalOf(absl::string_view name, absl::string_view invocation = "");

}  // namespace kplan

#endif  // KPLAN_SYSTEMD_UNIT_JOURNAL_H_
