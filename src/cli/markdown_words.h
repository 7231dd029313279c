#ifndef KPLAN_CLI_MARKDOWN_WORDS_H_
#define KPLAN_CLI_MARKDOWN_WORDS_H_

// Words as they are printed, and lines of them.

#include <string>
#include <vector>

#include "src/cli/markdown_tree.h"

namespace kplan {

struct PrintedWord {
  std::string text;
  size_t width = 0;  // the columns that it takes
};

enum class Emphasis {
  kNone,
  kBackticks,  // `code` keeps them
  kBold,       // `code` and **words** are, by an escape sequence
};

// The words of NODES and of all below them; ALL_BOLD where EMPHASIS can say so.
std::vector<PrintedWord> WordsOf(const MarkdownNodes& nodes, Emphasis emphasis, bool all_bold = false);

// NODES as a heading, in one line: bold where EMPHASIS can say so, and without backticks.
std::string HeadingOf(const MarkdownNodes& nodes, Emphasis emphasis);

// NODES without any markup, in one line.
std::string PlainWords(const MarkdownNodes& nodes);

// WORDS in lines of at most WIDTH columns, or of one word.
std::vector<PrintedWord> Wrap(const std::vector<PrintedWord>& words, size_t width);

}  // namespace kplan

#endif  // KPLAN_CLI_MARKDOWN_WORDS_H_
