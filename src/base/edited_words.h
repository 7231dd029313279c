#ifndef KPLAN_BASE_EDITED_WORDS_H_
#define KPLAN_BASE_EDITED_WORDS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

// A text before and after an edit, for one line of a terminal (as Shown() of text.h has them).
struct EditedWords {
  std::string from, to;
};

// What of FROM and TO was edited, with some of what stands around it: at most MOST characters of each, as far
// as these can tell them apart; "…" stands for what is left out. A side that is short is whole, and several
// edits are all in sight as long as there is room: the first ones before the others. Where two that are not
// the same would look so, as of a hundred letters and one more, their lengths are told.
//
//   "--a=1 --b=2 ... --max-wals=5 ... --z=9" -> "…ount=100 --max-wals=5 --name…"
//
// A character is never taken apart, nor the marks that combine with it; an escape counts as one.
EditedWords ShowEditedWords(absl::string_view from, absl::string_view to, size_t most = 80);

// The words of TO that the edit has brought or changed, whole, in their order.
std::vector<std::string> WordsThatCame(absl::string_view from, absl::string_view to);

// LINE as ShowEditedWords() would have it if WORDS were what was edited: each is looked for behind the one
// before, the first from the byte BEHIND on. Where none is found it is what stands there.
std::string ShowWordsOf(absl::string_view line, const std::vector<std::string>& words, size_t behind = 0,
                        size_t most = 80);

}  // namespace kplan

#endif  // KPLAN_BASE_EDITED_WORDS_H_
