#include "src/base/source.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace kplan {
namespace {

// Counted from the beginning, character by character.
SourceFile::Position Counted(const std::string& text, uint32_t offset) {
  SourceFile::Position position;
  for (uint32_t i = 0; i < offset && i < text.size(); ++i) {
    if (text[i] == '\n' && i + 1 < text.size()) {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

TEST(SourceFile, CountsLinesAndCharacters) {
  std::mt19937 random(20260101);
  const std::string kParts[] = {"a", "\n", "\u00fc", "\u2028", "\U0001f600", " "};
  for (int round = 0; round < 50; ++round) {
    std::string text;
    const size_t kinds = round % 2 == 0 ? 6 : 1;  // with lines, or one long one
    for (int i = 0; i < 40 * round; ++i) text += kParts[random() % kinds];
    SourceFile source("c", text);
    for (uint32_t offset = 0; offset <= text.size(); ++offset) {
      const SourceFile::Position counted = Counted(text, offset), found = source.PositionOf(offset);
      ASSERT_EQ(found.line, counted.line) << offset << " of " << text;
      ASSERT_EQ(found.column, counted.column) << offset << " of " << text;
    }
  }
}

TEST(SourceFile, GivesALineWithoutItsEnd) {
  SourceFile source("c", "a\r\nb\n\nc");
  EXPECT_EQ(source.line_count(), 4);
  EXPECT_EQ(source.Line(1), "a");
  EXPECT_EQ(source.Line(2), "b");
  EXPECT_EQ(source.Line(3), "");
  EXPECT_EQ(source.Line(4), "c");
}

}  // namespace
}  // namespace kplan
