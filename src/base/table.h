#ifndef KPLAN_BASE_TABLE_H_
#define KPLAN_BASE_TABLE_H_

// Columns of text, for people.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace kplan {

using TableRow = std::vector<std::string>;

// What is printed for CELL, whose width has been taken: it may have colours around it.
using CellDecorator = std::function<std::string(size_t row, size_t column, const std::string& cell)>;

// A line for each row, with a newline: INDENT blanks, and the cells. A column is as wide as its widest cell,
// and there are two blanks between columns. The last cell of a row is as wide as it is; rows may have fewer
// cells than others.
std::vector<std::string> TableLines(const std::vector<TableRow>& rows, size_t indent = 0,
                                    const CellDecorator& decorate = nullptr);

// The lines together.
std::string TableText(const std::vector<TableRow>& rows, size_t indent = 0,
                      const CellDecorator& decorate = nullptr);

}  // namespace kplan

#endif  // KPLAN_BASE_TABLE_H_
