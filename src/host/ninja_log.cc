#include "src/host/ninja_log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

// Fewer lines are not worth a write.
constexpr size_t kFewLines = 50;

// The output of LINE: start, end, time, output, digest. Empty for what is no such line: ninja leaves it out,
// too.
absl::string_view OutputOf(absl::string_view line) {
  size_t begin = 0;
  for (int field = 0; field < 3; ++field) {
    begin = line.find('\t', begin);
    if (begin == absl::string_view::npos) return "";
    ++begin;
  }
  const size_t end = line.find('\t', begin);
  return end == absl::string_view::npos ? "" : line.substr(begin, end - begin);
}

// The first line of the versions of ninja 1.10 to 1.13, whose lines are alike.
bool IsKnown(absl::string_view header) {
  return header == "# ninja log v5" || header == "# ninja log v6" || header == "# ninja log v7";
}

}  // namespace

std::optional<std::string> ShortNinjaLog(absl::string_view text) {
  // What was torn is no line yet.
  const size_t end = text.rfind('\n');
  if (end == absl::string_view::npos) return std::nullopt;
  const std::vector<absl::string_view> lines = absl::StrSplit(text.substr(0, end), '\n');
  if (!IsKnown(lines[0]) || lines.size() <= kFewLines) return std::nullopt;
  absl::flat_hash_map<absl::string_view, size_t> last;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (absl::string_view output = OutputOf(lines[i]); !output.empty()) last[output] = i;
  }
  if (2 * lines.size() <= 3 * last.size()) return std::nullopt;
  std::string out = absl::StrCat(lines[0], "\n");
  for (size_t i = 1; i < lines.size(); ++i) {
    const absl::string_view output = OutputOf(lines[i]);
    if (!output.empty() && last[output] == i) absl::StrAppend(&out, lines[i], "\n");
  }
  return out;
}

absl::Status ShortenNinjaLog() {
  absl::StatusOr<std::string> text = ReadFile(paths::kNinjaLog);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  const std::optional<std::string> shorter = ShortNinjaLog(*text);
  if (!shorter.has_value()) return absl::OkStatus();
  UniqueFd fd(disk::Open(paths::kNinjaLog, O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", paths::kNinjaLog));
  if (absl::Status status = WriteAll(fd.get(), *shorter, paths::kNinjaLog); !status.ok()) return status;
  if (disk::Truncate(fd.get(), static_cast<off_t>(shorter->size())) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot truncate ", paths::kNinjaLog));
  return absl::OkStatus();
}

}  // namespace kplan
