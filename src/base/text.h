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

// TEXT between double quotes for a message: control characters as \xNN, and a long text cut ("abc…").
std::string Quote(absl::string_view text);

// `did you mean "X"?` for the candidate nearest to WORD (Damerau-Levenshtein, at most a third of its length),
// or "".
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

}  // namespace kplan

#endif  // KPLAN_BASE_TEXT_H_
