#ifndef KPLAN_CLI_TERMINAL_H_
#define KPLAN_CLI_TERMINAL_H_

// The way of everything that kplan prints. Much of it was said by others: hosts, etcds, logs, files that
// somebody put there. None of it may move a cursor, set a title, hide or forge a line, so whatever a terminal
// could act on is escaped here, once more where it was before.
//
// Also where no terminal is: what ninja, less and a log are given comes to one in the end.

#include <string>

#include "absl/strings/string_view.h"

namespace kplan {

// TEXT, for people, as it is printed: as ShownLines() (base/text.h); with STYLED kplan's own colours stay
// (ESC [ numbers m, ECMA-48 8.3.117). Who colours what others said escapes that before.
std::string TerminalText(absl::string_view text, bool styled);

// Print TEXT on stdout and stderr. False, and errno, when it cannot be written.
bool PrintText(absl::string_view text);
bool PrintError(absl::string_view text);

// Prints JSON, which stays the same JSON (base/record.h), on stdout.
bool PrintJson(absl::string_view json);

// Empties the terminal that stdout is.
bool ClearTerminal();

// Writes what is printed already. False, and errno, when it cannot be written.
bool FlushOutput();

// The errno with which something could first not be written to stdout; 0: everything was. A reader that has
// read enough and gone (`| head`) is no error: EPIPE does not count. main() looks at it once a command is
// done, so that no command need look itself.
int OutputError();

// Whether what is written to the file descriptor FD may have colours: a terminal, and no NO_COLOR
// (https://no-color.org).
bool UseColor(int fd);

}  // namespace kplan

#endif  // KPLAN_CLI_TERMINAL_H_
