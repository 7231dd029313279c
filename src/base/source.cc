#include "src/base/source.h"

#include <algorithm>
#include <utility>

namespace kplan {

SourceFile::SourceFile(std::string path, std::string text) : path_(std::move(path)), text_(std::move(text)) {
  line_starts_.push_back(0);
  for (uint32_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n' && i + 1 < text_.size()) line_starts_.push_back(i + 1);
  }
}

SourceFile::Position SourceFile::PositionOf(uint32_t offset) const {
  auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  Position position;
  position.line = static_cast<int>(next - line_starts_.begin());
  for (uint32_t i = LineStart(position.line); i < offset && i < text_.size(); ++i) {
    bool continuation = (static_cast<unsigned char>(text_[i]) & 0xC0) == 0x80;
    if (!continuation) ++position.column;
  }
  return position;
}

absl::string_view SourceFile::Line(int line) const {
  uint32_t begin = LineStart(line);
  size_t end = text_.find('\n', begin);
  if (end == std::string::npos) end = text_.size();
  if (end > begin && text_[end - 1] == '\r') --end;
  return absl::string_view(text_).substr(begin, end - begin);
}

}  // namespace kplan
