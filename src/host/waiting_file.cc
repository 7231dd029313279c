#include "src/host/waiting_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/host/host_file.h"

namespace kplan {
namespace {

constexpr absl::string_view kEnding = ".kplan-next";

// Does CHANGE in the folder of PATH, and has that on the disk; in a folder that is not there there is nothing
// to change. CHANGE gets the folder, PATH's name in it and that of the file that waits, and returns 0 or -1,
// with errno.
template <typename Function>
absl::Status InFolderOf(const std::string& root, const std::string& path, absl::string_view doing,
                        Function change) {
  absl::StatusOr<HostPath> split = SplitHostPath(path);
  if (!split.ok()) return split.status();
  const std::string what = absl::StrCat(doing, " ", PathFromHere(root, WaitingPath(path)));
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, split->folder, /*create=*/false);
  if (absl::IsNotFound(folder.status())) return absl::OkStatus();
  if (!folder.ok()) return ExplainHostError(folder.status(), what);
  if (change(folder->get(), split->name, WaitingPath(split->name)) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return ExplainHostError(ErrnoStatus(errno, split->name), what);
  }
  if (disk::Sync(folder->get()) != 0)
    return ExplainHostError(ErrnoStatus(errno, "cannot sync its folder"), what);
  return absl::OkStatus();
}

}  // namespace

std::string WaitingPath(absl::string_view path) {
  const size_t name = path.rfind('/') + 1;  // 0 without one
  return absl::StrCat(path.substr(0, name), ".", path.substr(name), kEnding);
}

bool IsWaitingPath(absl::string_view path) {
  return absl::EndsWith(path, kEnding) && absl::StartsWith(path.substr(path.rfind('/') + 1), ".");
}

bool HasWaiting(const std::string& root, absl::string_view path) {
  struct stat info;
  return lstat(PathFromHere(root, WaitingPath(path)).c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

std::set<std::string> PathsWithWaiting(const std::string& root, const std::vector<std::string>& paths) {
  std::set<std::string> found;
  for (const std::string& path : paths) {
    if (HasWaiting(root, path)) found.insert(path);
  }
  return found;
}

absl::Status PutWaitingInPlace(const std::string& root, const std::string& path) {
  return InFolderOf(root, path, "cannot put in place",
                    [](int folder, const std::string& name, const std::string& waiting) {
                      return disk::Rename(folder, waiting.c_str(), folder, name.c_str());
                    });
}

absl::Status RemoveWaiting(const std::string& root, const std::string& path) {
  return InFolderOf(root, path, "cannot remove",
                    [](int folder, const std::string&, const std::string& waiting) {
                      return unlinkat(folder, waiting.c_str(), 0);
                    });
}

}  // namespace kplan
