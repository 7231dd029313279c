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

// The code point of CHARACTER, one character of well-formed UTF-8 of at most three bytes.
unsigned CodePointOf(absl::string_view character);

// TEXT between double quotes for a message: the bytes of disruptive characters, and what is no UTF-8, as
// \xNN, and a long text cut ("abc…").
std::string Quote(absl::string_view text);

// TEXT for a terminal, on one line: the bytes of disruptive characters, and what is no UTF-8, as \xNN.
// Nothing is cut.
std::string Shown(absl::string_view text);

// The same of a text of several lines: line ends and tabs stay.
std::string ShownLines(absl::string_view text);

// TEXT, a message, where every line behind the first is one of the message and of nobody else: those that do
// not begin with a blank begin with two. So nothing in it can look like another message.
std::string Continued(absl::string_view text);

// TEXT as Shown() has it, cut as by Quote().
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

// How many lines LastLines gives at the end.
inline constexpr size_t kLastLines = 10;

// What a person wants to see of TEXT, a log: its last 10 lines, and before them the first FIRST ones (a
// program that does not like its flags says which in its first line, and then explains all of them), and the
// last three that say why a program ended (SaysWhyItEnded), which a Go program follows up with a screen of
// frames. Each is made safe for a terminal, indented by four blanks and ends in a newline; "..." stands for
// what is left out. A line that says so when there are none.
std::string LastLines(absl::string_view text, size_t first = 0);

// Whether LINE is the one by which a program says that it cannot go on: "panic: ...", "fatal error: ...", or
// a message of the level "fatal" of the loggers that etcd and Kubernetes have and had (zap, logrus, klog,
// capnslog).
bool SaysWhyItEnded(absl::string_view line);

}  // namespace kplan

#endif  // KPLAN_BASE_TEXT_H_
