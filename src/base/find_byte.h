#ifndef KPLAN_BASE_FIND_BYTE_H_
#define KPLAN_BASE_FIND_BYTE_H_

// A search for one of a few bytes, eight at a time: gen looks at every byte of all that it writes.

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace kplan {

inline constexpr uint64_t kEachByte = 0x0101010101010101, kEachHighBit = 0x8080808080808080;

// Whether one of the eight bytes of WORD is 0.
inline bool HasZeroByte(uint64_t word) { return ((word - kEachByte) & ~word & kEachHighBit) != 0; }
// Whether one of them is BYTE.
inline bool HasByte(uint64_t word, char byte) {
  return HasZeroByte(word ^ (kEachByte * static_cast<unsigned char>(byte)));
}
// Whether one of them is less than BYTE, which is at most 0x80.
inline bool HasByteBelow(uint64_t word, unsigned char byte) {
  return ((word - kEachByte * byte) & ~word & kEachHighBit) != 0;
}

// Where in TEXT the first byte at or behind BEGIN is for which IS_ONE(char); text.size() when there is none.
// ANY_OF_EIGHT(uint64_t): whether it may be so for one of eight.
template <typename AnyOfEight, typename IsOne>
size_t FindByte(absl::string_view text, size_t begin, AnyOfEight any_of_eight, IsOne is_one) {
  for (uint64_t word; begin + sizeof(word) <= text.size(); begin += sizeof(word)) {
    std::memcpy(&word, text.data() + begin, sizeof(word));
    if (any_of_eight(word)) break;
  }
  while (begin < text.size() && !is_one(text[begin])) ++begin;
  return begin;
}

}  // namespace kplan

#endif  // KPLAN_BASE_FIND_BYTE_H_
