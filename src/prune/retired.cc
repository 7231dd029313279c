#include "src/prune/retired.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/fd.h"
#include "src/base/files.h"
#include "src/base/paths.h"

namespace kplan {

absl::StatusOr<std::vector<std::string>> RetiredKeys() {
  std::vector<std::string> keys;
  std::error_code error;
  for (std::filesystem::directory_iterator it(paths::kRetired, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    const bool file = it->symlink_status(ignored).type() == std::filesystem::file_type::regular;
    if (file && absl::EndsWith(it->path().filename().string(), "-key.pem"))
      keys.push_back(it->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return ErrnoStatus(error.value(), absl::StrCat("cannot read ", paths::kRetired));
  std::sort(keys.begin(), keys.end());
  return keys;
}

absl::Status RemoveRetiredKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (unlink(key.c_str()) != 0 && errno != ENOENT)
      return ErrnoStatus(errno, absl::StrCat("cannot remove ", key));
  }
  const UniqueFd folder(disk::Open(paths::kRetired, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok() || disk::Sync(folder.get()) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot sync ", paths::kRetired));
  return absl::OkStatus();
}

}  // namespace kplan
