#include "src/base/private_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/folders.h"

namespace kplan {
namespace {

constexpr mode_t kOthers = 077;
constexpr int kMaxDepth = 64;  // of folders: far more than labels and paths on hosts have

// Does something to the file or folder FD, whose name is NAME, for messages.
using Visit = absl::FunctionRef<absl::Status(int fd, const struct stat& info, const std::string& name)>;

// A file or folder below the folder AT as it is, not what a link leads to; not ok() for anything else.
UniqueFd OpenEntry(int at, const std::string& name, struct stat* info) {
  UniqueFd fd(disk::OpenAt(at, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.ok() || fstat(fd.get(), info) != 0) return UniqueFd();
  // A second name of a file may be a first one elsewhere.
  const bool ours = S_ISDIR(info->st_mode) || (S_ISREG(info->st_mode) && info->st_nlink == 1);
  return ours ? std::move(fd) : UniqueFd();
}

absl::Status VisitBelow(const UniqueFd& folder, const std::string& name, int depth, Visit visit) {
  if (depth > kMaxDepth) return absl::OutOfRangeError(absl::StrCat(name, ": too many folders in each other"));
  absl::StatusOr<std::vector<std::string>> entries = ListFolder(folder, name);
  if (!entries.ok()) return entries.status();
  for (const std::string& entry : *entries) {
    const std::string path = absl::StrCat(name, "/", entry);
    struct stat info;
    const UniqueFd fd = OpenEntry(folder.get(), entry, &info);
    if (!fd.ok()) continue;
    if (absl::Status status = visit(fd.get(), info, path); !status.ok()) return status;
    if (!S_ISDIR(info.st_mode)) continue;
    if (absl::Status status = VisitBelow(fd, path, depth + 1, visit); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// FOLDER itself.
absl::StatusOr<UniqueFd> OpenTop(const std::string& folder, struct stat* info) {
  absl::StatusOr<UniqueFd> fd = OpenFolder(folder);
  if (fd.ok() && fstat(fd->get(), info) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", folder));
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
  const std::string parent = FolderOf(folder);
  absl::StatusOr<UniqueFd> at = OpenFolder(parent);
  if (!at.ok()) return at.status();
  const std::string name = folder.substr(folder.rfind('/') + 1);
  if (disk::MakeFolder(at->get(), name.c_str(), 0700) != 0) {
    if (errno == EEXIST) return OpenFolder(folder).status();
    return ErrnoStatus(errno, absl::StrCat("cannot make the folder ", folder));
  }
  if (disk::Sync(at->get()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot sync ", parent));
  return GiveToOwnerOf(parent, folder);
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
  if (absl::Status status = VisitBelow(*fd, folder, 0, Narrow); !status.ok()) return status;
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
  const UniqueFd fd = OpenEntry(AT_FDCWD, path, &info);
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
    UniqueFd next = OpenEntry(fd.get(), part, &info);
    if (!next.ok()) return absl::OkStatus();  // gone, or a link
    fd = std::move(next);
    if (absl::Status status = give(fd.get(), info, path); !status.ok()) return status;
  }
  return S_ISDIR(info.st_mode) ? VisitBelow(fd, path, 0, give) : absl::OkStatus();
}

}  // namespace kplan
