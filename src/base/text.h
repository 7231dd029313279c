#ifndef KPLAN_BASE_TEXT_H_
#define KPLAN_BASE_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

// The offset of the first byte that is not well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at
// most U+10FFFF), npos when there is none.
size_t FindInvalidUtf8(absl::string_view text);

// The bytes of the control character that TEXT, well-formed UTF-8, begins with, 0 when it begins with another
// one: C0, DEL, C1 (U+0085 is a line end, U+009B begins a terminal's commands), U+2028 and U+2029.
size_t ControlLength(absl::string_view text);

// The same for what changes how the text around it is shown: control characters, and the embeddings,
// overrides and isolates of the writing direction (U+202A to U+202E, U+2066 to U+2069; CVE-2021-42574).
size_t DisruptiveLength(absl::string_view text);

// TEXT between double quotes for a message: the bytes of disruptive characters as \xNN, and a long text cut
// ("abc…").
std::string Quote(absl::string_view text);

// TEXT for a terminal, on one line: the bytes of disruptive characters, and what is no UTF-8, as \xNN.
// Nothing is cut.
std::string Shown(absl::string_view text);

// The same, cut as by Quote().
std::string Brief(absl::string_view text);

// The candidate nearest to WORD (Damerau-Levenshtein, at most a third of its length); "" when none is near.
absl::string_view Nearest(absl::string_view word, const std::vector<absl::string_view>& candidates);

// `did you mean "X"?` for that one, or "".
std::string DidYouMean(absl::string_view word, const std::vector<absl::string_view>& candidates);

// "a, b and c"
std::string JoinAnd(const std::vector<std::string>& words);

// "1 step", "2 steps"
std::string Count(size_t n, absl::string_view singular);

// True when every character is a letter, a digit or one of EXTRA, and there is at least one.
bool OnlyAlnumAnd(absl::string_view text, absl::string_view extra);

// True for a path that may stand in a command, a ninja target or a depfile without any escaping: ASCII
// letters, digits and / . _ - + @ = ~. Ninja has no escape for some characters (a "|" in an output), so the
// others are kept out at the door.
bool IsPlainPath(absl::string_view path);

// How many lines LastLines gives.
inline constexpr size_t kLastLines = 10;

// The last 10 lines of TEXT, each indented by four blanks and ending in a newline; before them the first
// FIRST ones (a program that does not like its flags says which in its first line, and then explains all of
// them). A line that says so when there are none.
std::string LastLines(absl::string_view text, size_t first = 0);

}  // namespace kplan

#endif  // KPLAN_BASE_TEXT_H_
