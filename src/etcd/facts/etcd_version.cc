#include "src/etcd/facts/etcd_version.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace kplan {

bool ParseEtcdVersion(absl::string_view text, EtcdVersion* version) {
  std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  int* numbers[] = {&version->major, &version->minor, &version->patch};
  if (parts.size() != 3) return false;
  for (int i = 0; i < 3; ++i) {
    bool plain =
        !parts[i].empty() && parts[i].size() <= 4 &&
        std::all_of(parts[i].begin(), parts[i].end(), [](char c) { return absl::ascii_isdigit(c); }) &&
        (parts[i].size() == 1 || parts[i][0] != '0');
    if (!plain || !absl::SimpleAtoi(parts[i], numbers[i])) return false;
  }
  return true;
}

}  // namespace kplan
