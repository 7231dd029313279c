#include "src/host/ninja_deps.h"

#include <string.h>

#include <vector>

#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

constexpr size_t kMaxLog = size_t{256} << 20;
constexpr absl::string_view kHeader = "# ninjadeps\n";
constexpr uint32_t kDepsBit = 0x80000000;

// The log is of this machine, or of one that writes numbers alike: ninja itself reads no other.
uint32_t NumberAt(absl::string_view text, size_t at) {
  uint32_t number;
  memcpy(&number, text.data() + at, sizeof number);
  return number;
}

// The path of a record of one: zeros fill it up to four bytes, and a check of its number ends it.
absl::string_view PathOf(absl::string_view record) {
  record.remove_suffix(sizeof(uint32_t));
  return record.substr(0, record.find('\0'));
}

}  // namespace

absl::flat_hash_map<std::string, int64_t> ReadNinjaDeps(absl::string_view text) {
  absl::flat_hash_map<std::string, int64_t> times;
  if (!absl::ConsumePrefix(&text, kHeader) || text.size() < sizeof(uint32_t)) return times;
  const uint32_t version = NumberAt(text, 0);
  text.remove_prefix(sizeof(uint32_t));
  if (version != 3 && version != 4) return times;
  const size_t least = version == 4 ? 12 : 8;  // the output, and its time
  std::vector<absl::string_view> paths;
  while (text.size() >= sizeof(uint32_t)) {
    const uint32_t head = NumberAt(text, 0);
    const size_t size = head & ~kDepsBit;
    text.remove_prefix(sizeof(uint32_t));
    if (size > text.size() || size % 4 != 0) break;
    const absl::string_view record = text.substr(0, size);
    text.remove_prefix(size);
    if ((head & kDepsBit) == 0) {
      if (size < 2 * sizeof(uint32_t)) break;
      paths.push_back(PathOf(record));
      continue;
    }
    if (size < least || NumberAt(record, 0) >= paths.size()) break;
    const int64_t low = NumberAt(record, 4);
    times[std::string(paths[NumberAt(record, 0)])] =
        version == 4 ? low | int64_t{NumberAt(record, 8)} << 32 : low * 1'000'000'000;
  }
  return times;
}

absl::flat_hash_map<std::string, int64_t> LoadNinjaDeps() {
  absl::StatusOr<std::string> text = ReadFile(paths::kNinjaDeps, kMaxLog);
  if (!text.ok()) return {};
  return ReadNinjaDeps(*text);
}

}  // namespace kplan
