#include "src/base/table.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "src/base/text.h"

namespace kplan {
namespace {

constexpr size_t kGap = 2;

}  // namespace

std::vector<std::string> TableLines(const std::vector<TableRow>& given, size_t indent,
                                    const CellDecorator& decorate) {
  // Nobody's name is two lines, or moves what is beside it.
  std::vector<TableRow> rows = given;
  for (TableRow& row : rows) {
    for (std::string& cell : row) cell = Shown(cell);
  }
  std::vector<size_t> widths;
  for (const TableRow& row : rows) {
    if (row.size() > widths.size()) widths.resize(row.size());
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::vector<std::string> lines;
  lines.reserve(rows.size());
  for (size_t n = 0; n < rows.size(); ++n) {
    const TableRow& row = rows[n];
    std::string& line = lines.emplace_back(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      line += decorate ? decorate(n, i, row[i]) : row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + kGap, ' ');
    }
    line += "\n";
  }
  return lines;
}

std::string TableText(const std::vector<TableRow>& rows, size_t indent, const CellDecorator& decorate) {
  return absl::StrJoin(TableLines(rows, indent, decorate), "");
}

}  // namespace kplan
