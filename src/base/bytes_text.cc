#include "src/base/bytes_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kplan {

std::string BytesText(int64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " bytes");
  double size = static_cast<double>(bytes) / 1000;
  const char* unit = "kB";
  for (const char* larger : {"MB", "GB"}) {
    if (size < 1000) break;
    size /= 1000;
    unit = larger;
  }
  return absl::StrFormat(size < 10 ? "%.1f %s" : "%.0f %s", size, unit);
}

}  // namespace kplan
