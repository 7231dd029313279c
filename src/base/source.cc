#include "src/base/source.h"

#include <algorithm>
#include <utility>

namespace kplan {

namespace {

// The second byte of a character or a later one.
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

SourceFile::SourceFile(std::string path, std::string text) : path_(std::move(path)), text_(std::move(text)) {
  line_starts_.push_back(0);
  uint32_t characters = 0;
  for (uint32_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n' && i + 1 < text_.size()) line_starts_.push_back(i + 1);
    if (i % kBlock == 0) characters_before_.push_back(characters);
    if (!IsContinuation(text_[i])) ++characters;
  }
}

uint32_t SourceFile::CharactersBefore(uint32_t offset) const {
  offset = std::min(offset, static_cast<uint32_t>(text_.size()));
  if (characters_before_.empty()) return 0;
  const uint32_t block = std::min(offset / kBlock, static_cast<uint32_t>(characters_before_.size()) - 1);
  uint32_t count = characters_before_[block];
  for (uint32_t i = block * kBlock; i < offset; ++i) count += IsContinuation(text_[i]) ? 0 : 1;
  return count;
}

SourceFile::Position SourceFile::PositionOf(uint32_t offset) const {
  auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  Position position;
  position.line = static_cast<int>(next - line_starts_.begin());
  position.column =
      1 + static_cast<int>(CharactersBefore(offset) - CharactersBefore(LineStart(position.line)));
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
