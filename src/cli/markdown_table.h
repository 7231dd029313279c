#ifndef KPLAN_CLI_MARKDOWN_TABLE_H_
#define KPLAN_CLI_MARKDOWN_TABLE_H_

// Tables of Markdown in columns. lowdown's own terminal writer does not break the lines of a cell, and docs/
// has tables that would be more than 300 columns wide.

#include <string>
#include <vector>

#include "src/cli/markdown_words.h"

namespace kplan {

// The lines of TABLE, of at most WIDTH columns unless its words need more. A heading of one cell over several
// columns is a title: what follows is indented. One without words is left out.
std::vector<std::string> TableLines(const MarkdownNode& table, Emphasis emphasis, size_t width);

}  // namespace kplan

#endif  // KPLAN_CLI_MARKDOWN_TABLE_H_
