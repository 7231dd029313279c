#include "src/base/secret_content.h"

#include <algorithm>

namespace kplan {

bool IsSecretMode(absl::string_view mode) {
  const bool octal = (mode.size() == 3 || mode.size() == 4) &&
                     std::all_of(mode.begin(), mode.end(), [](char c) { return c >= '0' && c <= '7'; });
  return !octal || IsSecretMode(static_cast<mode_t>(mode.back() - '0'));
}

}  // namespace kplan
