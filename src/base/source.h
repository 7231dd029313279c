#ifndef KPLAN_BASE_SOURCE_H_
#define KPLAN_BASE_SOURCE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace kplan {

// A half-open range of bytes in a source file. A default one is "nowhere": a value that nobody typed.
struct Range {
  uint32_t begin = 0;
  uint32_t end = 0;

  bool known() const { return end > begin; }
};

// A single value. Not set() when the file does not have it. When set, without control characters, and not
// empty but where a comment says so.
struct Text {
  std::string value;
  Range range;

  bool set() const { return range.known(); }
};

using TextPairs = std::vector<std::pair<Text, Text>>;  // a map's keys and values

// The text of a cluster.yaml, and where its lines begin.
class SourceFile {
 public:
  struct Position {
    int line = 1;    // from 1
    int column = 1;  // from 1, in characters (UTF-8 code points), as editors count
  };

  SourceFile(std::string path, std::string text);

  const std::string& path() const { return path_; }  // as the user typed it
  const std::string& text() const { return text_; }

  Position PositionOf(uint32_t offset) const;
  // The text of LINE (from 1) without its end.
  absl::string_view Line(int line) const;
  // The offset of the first byte of LINE (from 1).
  uint32_t LineStart(int line) const { return line_starts_[line - 1]; }
  int line_count() const { return static_cast<int>(line_starts_.size()); }

 private:
  // How many characters begin before OFFSET.
  uint32_t CharactersBefore(uint32_t offset) const;

  std::string path_, text_;
  std::vector<uint32_t> line_starts_;
  // The same for every kBlock-th offset: a line may be as long as the file, and have an error in every word.
  std::vector<uint32_t> characters_before_;
  static constexpr uint32_t kBlock = 256;
};

}  // namespace kplan

#endif  // KPLAN_BASE_SOURCE_H_
