#include "src/cli/markdown_table.h"

#include <algorithm>

namespace kplan {
namespace {

using Cell = std::vector<PrintedWord>;
using Row = std::vector<Cell>;

std::vector<Row> RowsOf(const MarkdownNode& table, Emphasis emphasis) {
  std::vector<Row> rows;
  for (const MarkdownNode* part : ChildrenOf(table)) {
    for (const MarkdownNode* row : ChildrenOf(*part)) {
      rows.emplace_back();
      for (const MarkdownNode* cell : ChildrenOf(*row)) {
        rows.back().push_back(WordsOf(ChildrenOf(*cell), emphasis, part->type == LOWDOWN_TABLE_HEADER));
      }
      rows.back().resize(table.rndr_table.columns);
    }
  }
  return rows;
}

const MarkdownNode* FirstCell(const MarkdownNode& table) {
  const MarkdownNode* node = &table;
  while (node->type != LOWDOWN_TABLE_CELL) node = TAILQ_FIRST(&node->children);
  return node;
}

// Whether the first row says nothing after its first cell.
bool HasTitle(const std::vector<Row>& rows) {
  return !rows.empty() && rows[0].size() > 1 &&
         std::all_of(rows[0].begin() + 1, rows[0].end(), [](const Cell& cell) { return cell.empty(); });
}

// The columns as wide as their longest cells, or, where that is more than WIDTH, the widest made narrower,
// but no narrower than a word.
std::vector<size_t> ColumnWidths(const std::vector<Row>& rows, size_t columns, size_t width) {
  std::vector<size_t> widths(columns, 0), words(columns, 1);
  for (const Row& row : rows) {
    for (size_t i = 0; i < columns; ++i) {
      size_t cell = 0;
      for (const PrintedWord& word : row[i]) {
        cell += word.width + (cell > 0 ? 1 : 0);
        words[i] = std::max(words[i], word.width);
      }
      widths[i] = std::max(widths[i], cell);
    }
  }
  size_t total = columns > 0 ? 2 * (columns - 1) : 0;
  for (size_t column : widths) total += column;
  for (; total > width; --total) {
    size_t widest = columns;
    for (size_t i = 0; i < columns; ++i) {
      if (widths[i] > words[i] && (widest == columns || widths[i] > widths[widest])) widest = i;
    }
    if (widest == columns) break;
    --widths[widest];
  }
  return widths;
}

void AddRow(const Row& row, const std::vector<size_t>& widths, const std::string& margin,
            std::vector<std::string>* out) {
  std::vector<std::vector<PrintedWord>> cells;
  size_t height = 1;
  for (size_t i = 0; i < row.size(); ++i) {
    cells.push_back(Wrap(row[i], widths[i]));
    height = std::max(height, cells.back().size());
  }
  for (size_t y = 0; y < height; ++y) {
    std::string line = margin;
    size_t pending = 0;  // spaces that something has to follow
    for (size_t i = 0; i < cells.size(); ++i) {
      const PrintedWord piece = y < cells[i].size() ? cells[i][y] : PrintedWord();
      if (piece.width > 0) {
        line.append(pending, ' ').append(piece.text);
        pending = 0;
      }
      pending += widths[i] - std::min(widths[i], piece.width) + 2;
    }
    out->push_back(std::move(line));
  }
}

}  // namespace

std::vector<std::string> TableLines(const MarkdownNode& table, Emphasis emphasis, size_t width) {
  std::vector<Row> rows = RowsOf(table, emphasis);
  std::vector<std::string> out;
  std::string margin;
  if (HasTitle(rows)) {
    if (!rows[0][0].empty()) {
      out.push_back(HeadingOf({FirstCell(table)}, emphasis));
      margin = "  ";
    }
    rows.erase(rows.begin());
  }
  const std::vector<size_t> widths = ColumnWidths(rows, table.rndr_table.columns, width - margin.size());
  for (const Row& row : rows) AddRow(row, widths, margin, &out);
  return out;
}

}  // namespace kplan
