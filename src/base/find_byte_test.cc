#include "src/base/find_byte.h"

#include <string>

#include "gtest/gtest.h"

namespace kplan {
namespace {

size_t Find(const std::string& text, size_t begin) {
  return FindByte(
      text, begin,
      [](uint64_t word) { return HasByte(word, ':') || HasByte(word, '\xff') || HasByteBelow(word, 0x20); },
      [](char c) { return c == ':' || c == '\xff' || static_cast<unsigned char>(c) < 0x20; });
}

// Every byte, alone, at every place of a text around which the words of eight end.
TEST(FindByte, EachByteAtEachPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool sought = c == ':' || c == '\xff' || byte < 0x20;
    for (size_t size = 0; size < 20; ++size) {
      for (size_t at = 0; at < size; ++at) {
        std::string text(size, 'x');
        text[at] = c;
        for (size_t begin = 0; begin <= size; ++begin)
          ASSERT_EQ(Find(text, begin), sought && begin <= at ? at : size)
              << byte << " at " << at << " of " << size;
      }
    }
  }
}

// A borrow from the byte below takes none for one that is sought.
TEST(FindByte, NeighboursOfThoseThatAreSought) {
  EXPECT_EQ(Find(";;;;;;;;;;;;", 0), 12u);
  EXPECT_EQ(Find("99999999999:", 0), 11u);
  EXPECT_EQ(Find("          ", 0), 10u);
  EXPECT_EQ(Find(std::string(12, '\xfe'), 0), 12u);
  EXPECT_EQ(Find(std::string(12, '\x80'), 0), 12u);
  EXPECT_FALSE(HasZeroByte(0x0102030405060708));
  EXPECT_TRUE(HasZeroByte(0x0102030005060708));
}

}  // namespace
}  // namespace kplan
