#include "src/base/record.h"

#include <string>

#include "gtest/gtest.h"

namespace kplan {
namespace {

// As RFC 8259, section 7 has it, a byte at a time.
std::string Escaped(unsigned char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
  }
  if (c >= 0x20) return std::string(1, static_cast<char>(c));
  constexpr char kHex[] = "0123456789abcdef";
  return std::string("\\u00") + kHex[c >> 4] + kHex[c & 15];
}

// The text is looked at eight bytes at a time: every byte is shown at every place of the first three words,
// alone and beside one that looks like it but for a bit.
TEST(Record, AJsonStringEscapesEachByteAtEachPlace) {
  for (int c = 0; c < 256; ++c) {
    for (size_t size = 1; size <= 20; ++size) {
      for (size_t at = 0; at < size; ++at) {
        std::string text(size, 'a'), expected = "\"";
        text[at] = static_cast<char>(c);
        if (at > 0) text[at - 1] = static_cast<char>(c ^ 1);
        for (unsigned char each : text) expected += Escaped(each);
        std::string out;
        AppendJsonString(text, &out);
        ASSERT_EQ(out, expected + '"') << "byte " << c << " at " << at << " of " << size;
      }
    }
  }
}

}  // namespace
}  // namespace kplan
