#include "src/etcd/crc32c.h"

#include <string.h>

#include <array>
#include <cstddef>

namespace kplan {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // bit-reversed

// kTables[k][b]: what the byte B does to the sum when K zero bytes follow it. Eight of them take eight bytes
// at a time.
using Tables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Tables MakeTables() {
  Tables tables = {};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? kPolynomial : 0);
    tables[0][byte] = sum;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      tables[k][byte] = tables[k - 1][byte] >> 8 ^ tables[0][tables[k - 1][byte] & 255];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

// Four bytes, the least significant first.
uint32_t LoadLittleEndian(const char* bytes) {
  unsigned char b[4];
  memcpy(b, bytes, sizeof(b));
  return b[0] | uint32_t{b[1]} << 8 | uint32_t{b[2]} << 16 | uint32_t{b[3]} << 24;
}

}  // namespace

uint32_t Crc32c(uint32_t crc, absl::string_view bytes) {
  uint32_t sum = ~crc;
  while (bytes.size() >= 8) {
    const uint32_t low = LoadLittleEndian(bytes.data()) ^ sum, high = LoadLittleEndian(bytes.data() + 4);
    sum = kTables[7][low & 255] ^ kTables[6][low >> 8 & 255] ^ kTables[5][low >> 16 & 255] ^
          kTables[4][low >> 24] ^ kTables[3][high & 255] ^ kTables[2][high >> 8 & 255] ^
          kTables[1][high >> 16 & 255] ^ kTables[0][high >> 24];
    bytes.remove_prefix(8);
  }
  for (char c : bytes) sum = sum >> 8 ^ kTables[0][(sum ^ static_cast<unsigned char>(c)) & 255];
  return ~sum;
}

}  // namespace kplan
