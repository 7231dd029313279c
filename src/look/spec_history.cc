#include "src/look/spec_history.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/fields.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/base/private_folder.h"
#include "src/base/text.h"
#include "src/spec/yaml_tree.h"

namespace kplan {
namespace {

// The first line, its end included, is never longer: a path has at most 4,096 bytes (PATH_MAX), of which JSON
// makes up to six each.
constexpr size_t kMaxHeader = 32 * 1024;
constexpr size_t kMaxPath = 4096;
// No folder sees so many edits. A greater number is somebody else's file, and there would be none behind it.
constexpr int64_t kMaxNumber = 999'999'999'999;

struct Header {
  std::string path;
  int64_t at = 0;
  int64_t size = 0;       // of the text behind it
  size_t text_begin = 0;  // in the file

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("at", self.at);
    fields.Always("path", self.path);
    fields.Always("size", self.size);
  }
};

// What fits a terminal and open(2).
bool IsGoodPath(absl::string_view path) {
  if (path.empty() || path.size() > kMaxPath || FindInvalidUtf8(path) != absl::string_view::npos)
    return false;
  for (; !path.empty(); path.remove_prefix(1)) {
    if (DisruptiveLength(path) != 0) return false;
  }
  return true;
}

// CONTENT is the file's beginning, FILE_SIZE all of it.
std::optional<Header> ParseHeader(absl::string_view content, size_t file_size) {
  size_t end = content.substr(0, kMaxHeader).find('\n');
  if (end == absl::string_view::npos) return std::nullopt;
  absl::StatusOr<Header> header = FromText<Header>(content.substr(0, end));
  if (!header.ok()) return std::nullopt;
  header->text_begin = end + 1;
  const bool whole =
      header->size >= 0 && static_cast<uint64_t>(header->size) == file_size - header->text_begin;
  if (!whole || !IsGoodPath(header->path)) return std::nullopt;
  return *std::move(header);
}

std::string HeaderText(const std::string& path, size_t size, int64_t at) {
  Header header;
  header.path = path;
  header.at = at;
  header.size = static_cast<int64_t>(size);
  return ToText(header) + "\n";
}

// The numbers of the files in .kplan/specs, greatest first; whatever else is there is not ours.
absl::StatusOr<std::vector<int64_t>> Numbers() {
  std::vector<int64_t> numbers;
  absl::StatusOr<std::vector<std::string>> names = ListFolder(paths::kSpecs);
  if (absl::IsNotFound(names.status())) return numbers;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    int64_t number = 0;
    bool ours = absl::ascii_isdigit(static_cast<unsigned char>(name[0])) && absl::SimpleAtoi(name, &number) &&
                number <= kMaxNumber && absl::StrCat(number) == name;
    if (ours) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end(), std::greater<int64_t>());
  return numbers;
}

// The size of a version's file; nothing when it is none (a link, a folder, a pipe), or too large to be one.
std::optional<size_t> SizeOf(const std::string& file) {
  struct stat info;
  if (lstat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  size_t size = static_cast<size_t>(info.st_size);
  if (size > YamlTree::kMaxBytes + kMaxHeader) return std::nullopt;
  return size;
}

// Nothing when there is no such file, or none of ours.
absl::StatusOr<std::optional<SpecVersion>> ReadVersion(int64_t number) {
  std::string file = paths::SavedSpec(number);
  if (!SizeOf(file).has_value()) return std::nullopt;
  absl::StatusOr<std::string> content = ReadFile(file, YamlTree::kMaxBytes + kMaxHeader);
  if (absl::IsNotFound(content.status()) || absl::IsOutOfRange(content.status())) return std::nullopt;
  if (!content.ok()) return content.status();
  std::optional<Header> header = ParseHeader(*content, content->size());
  if (!header.has_value() || content->size() - header->text_begin > YamlTree::kMaxBytes) return std::nullopt;
  SpecVersion version;
  version.path = std::move(header->path);
  version.at = header->at;
  content->erase(0, header->text_begin);
  version.text = *std::move(content);
  return std::optional<SpecVersion>(std::move(version));
}

absl::StatusOr<bool> IsNewest(int64_t number, const std::string& path, const std::string& text) {
  std::optional<size_t> size = SizeOf(paths::SavedSpec(number));
  // Most edits change the length; then nothing is read.
  if (!size.has_value() || *size < text.size() || *size > text.size() + kMaxHeader) return false;
  absl::StatusOr<std::optional<SpecVersion>> version = ReadVersion(number);
  if (!version.ok()) return version.status();
  return version->has_value() && (*version)->path == path && (*version)->text == text;
}

// A folder of that name is somebody else's and stays.
absl::Status Remove(int64_t number) {
  std::string file = paths::SavedSpec(number);
  if (unlink(file.c_str()) == 0 || errno == ENOENT || errno == EISDIR || errno == EPERM)
    return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot remove ", file));
}

}  // namespace

absl::StatusOr<SpecHistory> SpecHistory::Load() {
  SpecHistory history;
  absl::StatusOr<std::vector<int64_t>> numbers = Numbers();
  if (!numbers.ok()) return numbers.status();
  for (int64_t number : *numbers) {
    if (history.versions_.size() == kKept) break;
    absl::StatusOr<std::optional<SpecVersion>> version = ReadVersion(number);
    if (!version.ok()) return version.status();
    if (version->has_value()) history.versions_.push_back(**std::move(version));
  }
  return history;
}

absl::Status SpecHistory::Remember(const std::string& path, const std::string& text, int64_t now_ms) {
  if (!IsGoodPath(path))
    return absl::InvalidArgumentError(absl::StrCat(Quote(path), " is no path of a file"));
  if (text.size() > YamlTree::kMaxBytes) return absl::InvalidArgumentError(absl::StrCat(path, ": too large"));
  // What cannot be listed or read is not to be written over.
  absl::StatusOr<std::vector<int64_t>> listed = Numbers();
  if (!listed.ok()) return listed.status();
  std::vector<int64_t> numbers = *std::move(listed);
  if (!numbers.empty()) {
    absl::StatusOr<bool> same = IsNewest(numbers[0], path, text);
    if (!same.ok()) return same.status();
    if (*same) return absl::OkStatus();
  }
  if (!numbers.empty() && numbers[0] == kMaxNumber) {
    // Nothing fits behind it.
    for (int64_t number : numbers) {
      if (absl::Status status = Remove(number); !status.ok()) return status;
    }
    numbers.clear();
  }
  int64_t number = numbers.empty() ? 1 : numbers[0] + 1;
  std::string content = absl::StrCat(HeaderText(path, text.size(), now_ms), text);
  if (absl::Status status = WriteFile(paths::SavedSpec(number), content, kPrivateFile); !status.ok())
    return status;
  // Not before the new one is there.
  for (size_t i = kKept - 1; i < numbers.size(); ++i) {
    if (absl::Status status = Remove(numbers[i]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace kplan
