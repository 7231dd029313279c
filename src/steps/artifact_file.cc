#include "src/steps/artifact_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace kplan {
namespace {

constexpr mode_t kPermissions = 07777;

// Opens PATH, follows a link (an operator may keep a key elsewhere), and says what it is. O_PATH would do
// without read permission but takes no fchmod.
absl::StatusOr<UniqueFd> OpenRegular(const std::string& path, struct stat* info) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  if (fstat(fd.get(), info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  if (!S_ISREG(info->st_mode))
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  return fd;
}

absl::StatusOr<std::string> SetMode(const UniqueFd& fd, const std::string& path, mode_t was, mode_t is) {
  if (was == is) return "";
  if (fchmod(fd.get(), is) != 0) {
    return ErrnoStatus(errno, absl::StrFormat("%s: cannot change the mode from %04o to %04o", path, was, is));
  }
  if (fsync(fd.get()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot sync ", path));
  return absl::StrFormat("mode was %04o, is %04o", was, is);
}

}  // namespace

absl::StatusOr<std::string> ProtectKeyFile(const std::string& path) {
  struct stat info;
  absl::StatusOr<UniqueFd> fd = OpenRegular(path, &info);
  if (!fd.ok()) return fd.status();
  std::string owner;
  if (info.st_uid != geteuid()) {
    struct stat folder;
    if (stat(FolderOf(path).c_str(), &folder) != 0) {
      return ErrnoStatus(errno, absl::StrCat("cannot stat ", FolderOf(path)));
    }
    if (info.st_uid != folder.st_uid) {
      if (fchown(fd->get(), folder.st_uid, folder.st_gid) != 0) {
        return ErrnoStatus(
            errno, absl::StrCat(path, " belongs to uid ", info.st_uid, ", who can read it, not to uid ",
                                folder.st_uid, " as its folder does; chown it"));
      }
      owner = absl::StrCat("owner was uid ", info.st_uid, ", is ", folder.st_uid);
    }
  }
  const mode_t was = info.st_mode & kPermissions;
  absl::StatusOr<std::string> mode = SetMode(*fd, path, was, was & 0600);
  if (!mode.ok()) return mode.status();
  return JoinReasons(owner, *mode);
}

absl::StatusOr<std::string> PublishFile(const std::string& path) {
  struct stat info;
  absl::StatusOr<UniqueFd> fd = OpenRegular(path, &info);
  if (!fd.ok()) return fd.status();
  return SetMode(*fd, path, info.st_mode & kPermissions, 0644);
}

absl::StatusOr<std::string> SetAside(const std::string& path) {
  for (int n = 1; n < 1000; ++n) {
    std::string name = absl::StrCat(path, ".damaged", n == 1 ? "" : absl::StrCat("-", n));
    if (renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) return name;
    if (errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("cannot rename ", path, " to ", name));
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("there are 999 damaged copies of ", path, " already; look into it"));
}

absl::StatusOr<FolderLock> FolderLock::Acquire(const std::string& path) {
  std::string folder = FolderOf(path);
  if (absl::Status status = MakeFolders(folder); !status.ok()) return status;
  UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", folder));
  while (flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return ErrnoStatus(errno, absl::StrCat("cannot lock the folder ", folder));
  }
  return FolderLock(std::move(fd));
}

std::string JoinReasons(const std::string& a, const std::string& b) {
  return absl::StrCat(a, a.empty() || b.empty() ? "" : "; ", b);
}

}  // namespace kplan
