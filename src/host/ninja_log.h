#ifndef KPLAN_HOST_NINJA_LOG_H_
#define KPLAN_HOST_NINJA_LOG_H_

// Ninja's log of what it ran (its BuildLog): a line a run of an edge, of which the last one of an
// output counts.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

// The log TEXT with one line an output; nothing where that is not worth it, or it is of no version that we
// know.
//
// Ninja does the same by itself once there are more than 100 lines, and three times as many as outputs. But
// it does so as it starts, before any `gen` could tell it that another ninja is at work: two that do it at
// once remove the log, and one that does it under another one's hands takes away what that one goes on to
// write. So it is done here, at half of that, and ninja never finds a reason: between two looks of ours it
// writes a line an output, and one or two for `gen`.
std::optional<std::string> ShortNinjaLog(absl::string_view text);

// Shortens the log of the current folder, in place: a ninja that has it open appends to it all the same. Only
// for the `gen` of the ninja that has the lock. A kill leaves lines that say the same twice. NotFound is no
// error.
absl::Status ShortenNinjaLog();

}  // namespace kplan

#endif  // KPLAN_HOST_NINJA_LOG_H_
