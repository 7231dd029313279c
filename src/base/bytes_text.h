#ifndef KPLAN_BASE_BYTES_TEXT_H_
#define KPLAN_BASE_BYTES_TEXT_H_

#include <cstdint>
#include <string>

namespace kplan {

// BYTES for a person: "24 MB".
std::string BytesText(int64_t bytes);

}  // namespace kplan

#endif  // KPLAN_BASE_BYTES_TEXT_H_
