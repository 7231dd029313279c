#include "src/base/private_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"

namespace kplan {
namespace {

constexpr mode_t kOthers = 077;
constexpr int kMaxDepth = 64;  // of folders: far more than labels and paths on hosts have

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

// Does something to the file or folder FD, whose name is NAME, for messages.
using Visit = absl::FunctionRef<absl::Status(int fd, const struct stat& info, const std::string& name)>;

// A file or folder below the folder AT as it is, not what a link leads to; not ok() for anything else.
UniqueFd OpenEntry(int at, const char* name, struct stat* info) {
  UniqueFd fd(openat(at, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok() || fstat(fd.get(), info) != 0) return UniqueFd();
  // A second name of a file may be a first one elsewhere.
  const bool ours = S_ISDIR(info->st_mode) || (S_ISREG(info->st_mode) && info->st_nlink == 1);
  return ours ? std::move(fd) : UniqueFd();
}

absl::Status VisitBelow(int folder_fd, const std::string& name, int depth, Visit visit) {
  const int copy = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
  std::unique_ptr<DIR, CloseFolder> folder(copy < 0 ? nullptr : fdopendir(copy));
  if (folder == nullptr) {
    const int error = errno;
    UniqueFd closed(copy);
    return ErrnoStatus(error, absl::StrCat("cannot list ", name));
  }
  if (depth > kMaxDepth) return absl::OutOfRangeError(absl::StrCat(name, ": too many folders in each other"));
  while (const struct dirent* entry = readdir(folder.get())) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    const std::string path = absl::StrCat(name, "/", entry->d_name);
    struct stat info;
    const UniqueFd fd = OpenEntry(folder_fd, entry->d_name, &info);
    if (!fd.ok()) continue;
    if (absl::Status status = visit(fd.get(), info, path); !status.ok()) return status;
    if (!S_ISDIR(info.st_mode)) continue;
    if (absl::Status status = VisitBelow(fd.get(), path, depth + 1, visit); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// FOLDER itself. A link is followed when who runs this, or root, made it.
absl::StatusOr<UniqueFd> OpenTop(const std::string& folder, struct stat* info) {
  int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  if (lstat(folder.c_str(), info) == 0 && info->st_uid != geteuid() && info->st_uid != 0) flags |= O_NOFOLLOW;
  UniqueFd fd(open(folder.c_str(), flags));
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open the folder ", folder));
  if (fstat(fd.get(), info) != 0) return ErrnoStatus(errno, absl::StrCat("cannot look at ", folder));
  return fd;
}

absl::Status Narrow(int fd, const struct stat& info, const std::string& name) {
  const mode_t mode = info.st_mode & 07777;
  if ((mode & kOthers) == 0 || (info.st_uid != geteuid() && geteuid() != 0)) return absl::OkStatus();
  if (fchmod(fd, mode & ~kOthers) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot close ", name, " to others"));
}

// TO: a file or folder of the new owner.
absl::Status Give(int fd, const struct stat& info, const struct stat& to, const std::string& name) {
  if (info.st_uid != geteuid()) return absl::OkStatus();
  if (fchown(fd, to.st_uid, to.st_gid) == 0) return absl::OkStatus();
  return ErrnoStatus(errno,
                     absl::StrCat("cannot give ", name, " to uid ", to.st_uid, ", whose folder it is in"));
}

}  // namespace

absl::Status MakePrivateFolder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) != 0) {
    if (errno == EEXIST) return absl::OkStatus();
    return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", folder));
  }
  return GiveToOwnerOf(FolderOf(folder), folder);
}

absl::StatusOr<bool> ClosePrivateFolder(const std::string& folder) {
  struct stat info;
  absl::StatusOr<UniqueFd> fd = OpenTop(folder, &info);
  if (absl::IsNotFound(fd.status())) return false;
  if (!fd.ok()) return fd.status();
  if ((info.st_mode & kOthers) == 0) return false;
  if (info.st_uid != geteuid() && geteuid() != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, " belongs to uid ", info.st_uid,
        ", and can be read by others, although there may be secrets in it; run this as its owner"));
  }
  // What is inside first: should this be killed, the next one finds the folder open, and goes on.
  if (absl::Status status = VisitBelow(fd->get(), folder, 0, Narrow); !status.ok()) return status;
  if (absl::Status status = Narrow(fd->get(), info, folder); !status.ok()) return status;
  return true;
}

absl::Status CheckPrivateFolder(const std::string& folder) {
  struct stat info;
  if (stat(folder.c_str(), &info) != 0 || access(folder.c_str(), R_OK | X_OK) == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(folder, " belongs to uid ", info.st_uid,
                   ", and is closed to others, for there may be secrets in it; run "
                   "this as its owner"));
}

absl::Status ClosePrivateFile(const std::string& path) {
  struct stat info;
  const UniqueFd fd = OpenEntry(AT_FDCWD, path.c_str(), &info);
  return fd.ok() ? Narrow(fd.get(), info, path) : absl::OkStatus();
}

absl::Status GiveToOwnerOf(const std::string& folder, const std::string& path) {
  if (geteuid() != 0) return absl::OkStatus();
  struct stat owner;
  absl::StatusOr<UniqueFd> at = OpenTop(folder, &owner);
  if (absl::IsNotFound(at.status())) return absl::OkStatus();
  if (!at.ok()) return at.status();
  if (owner.st_uid == 0) return absl::OkStatus();
  absl::string_view rest = path;
  if (folder != ".") rest.remove_prefix(folder.size());
  auto give = [&owner](int fd, const struct stat& info, const std::string& name) {
    return Give(fd, info, owner, name);
  };
  UniqueFd fd = *std::move(at);
  struct stat info = owner;
  while (!rest.empty()) {
    const size_t slash = rest.find('/');
    const std::string part(rest.substr(0, slash));
    rest.remove_prefix(slash == absl::string_view::npos ? rest.size() : slash + 1);
    if (part.empty()) continue;
    UniqueFd next = OpenEntry(fd.get(), part.c_str(), &info);
    if (!next.ok()) return absl::OkStatus();  // gone, or a link
    fd = std::move(next);
    if (absl::Status status = give(fd.get(), info, path); !status.ok()) return status;
  }
  return S_ISDIR(info.st_mode) ? VisitBelow(fd.get(), path, 0, give) : absl::OkStatus();
}

}  // namespace kplan
