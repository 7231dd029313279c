#ifndef KPLAN_ETCD_CRC32C_H_
#define KPLAN_ETCD_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace kplan {

// CRC-32 with Castagnoli's polynomial (RFC 3720 B.4; Go's crc32.Castagnoli) of the bytes that gave CRC (0: of
// none) followed by BYTES: Crc32c(Crc32c(0, a), b) is that of a and b together.
uint32_t Crc32c(uint32_t crc, absl::string_view bytes);

}  // namespace kplan

#endif  // KPLAN_ETCD_CRC32C_H_
