#include "src/base/followed_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/folders.h"

namespace kplan {
namespace {

// What the kernel calls the open FOLDER.
absl::StatusOr<std::string> NameOf(int folder) {
  char name[PATH_MAX];
  const ssize_t size = readlink(absl::StrCat("/proc/self/fd/", folder).c_str(), name, sizeof(name));
  if (size < 0) return ErrnoStatus(errno, "cannot see where a folder is");
  return std::string(name, static_cast<size_t>(size));
}

// PATH, which is not "/", without links.
absl::StatusOr<std::string> Real(const std::string& path) {
  const std::string above = FolderOf(path), name = path.substr(path.rfind('/') + 1);
  absl::StatusOr<UniqueFd> parent = OpenFolderBelow("/", above, /*create=*/false);
  if (absl::IsNotFound(parent.status()) && above != "/") {
    absl::StatusOr<std::string> real = Real(above);
    return real.ok() ? absl::StrCat(*real, "/", name) : real;
  }
  if (!parent.ok()) return parent.status();
  absl::StatusOr<std::string> real = NameOf(parent->get());
  if (!real.ok()) return real;
  struct stat info;
  const bool link =
      disk::StatAt(parent->get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
  if (!link) return absl::StrCat(*real == "/" ? "" : *real, "/", name);
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow("/", path, /*create=*/false);
  return folder.ok() ? NameOf(folder->get()) : folder.status();
}

}  // namespace

absl::StatusOr<FollowedPath> FollowLinks(const std::string& root, const std::string& path) {
  FollowedPath followed = {path, ""};
  if (root != "/" || path == "/") return followed;
  absl::StatusOr<std::string> real = Real(path);
  if (!real.ok()) return real.status();
  if (*real != path) followed.links = absl::StrCat("through the link ", path, " -> ", *real);
  followed.path = *std::move(real);
  return followed;
}

}  // namespace kplan
