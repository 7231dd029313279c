#include "src/archive/partial_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/files.h"

namespace kplan {

PartialFile::PartialFile(const std::string& path)
    : path_(path),
      folder_(FolderOf(path)),
      name_(path.substr(path.rfind('/') + 1)),
      partial_name_(absl::StrCat(".", name_, ".part")),
      partial_(absl::StrCat(folder_, "/", partial_name_)) {}

absl::StatusOr<PartialFile> PartialFile::Open(const std::string& path) {
  PartialFile file(path);
  if (absl::Status status = MakeFolders(file.folder_); !status.ok()) return status;
  absl::StatusOr<UniqueFd> folder = OpenFolder(file.folder_);
  if (!folder.ok()) return folder.status();
  file.folder_fd_ = *std::move(folder);
  file.fd_ = UniqueFd(disk::OpenAt(file.folder_fd_.get(), file.partial_name_.c_str(),
                                   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file.fd_.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", file.partial_));
  if (disk::Lock(file.fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("cannot lock ", file.partial_));
    return absl::AbortedError(
        absl::StrCat(file.partial_, " is being downloaded by another process; wait for it"));
  }
  // Between the open and the lock, the process that had it may have finished or given up.
  struct stat mine, named;
  if (fstat(file.fd_.get(), &mine) != 0 ||
      fstatat(file.folder_fd_.get(), file.partial_name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
      mine.st_ino != named.st_ino) {
    return absl::AbortedError(absl::StrCat(path, " was just downloaded by another process; run ninja again"));
  }
  return file;
}

off_t PartialFile::Size() const {
  struct stat info;
  return fstat(fd_.get(), &info) == 0 ? info.st_size : 0;
}

absl::StatusOr<std::string> PartialFile::Sha256() const { return Sha256HexOfFile(partial_); }

absl::Status PartialFile::Empty() const {
  if (disk::Truncate(fd_.get(), 0) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot empty ", partial_));
}

void PartialFile::Remove() const { unlinkat(folder_fd_.get(), partial_name_.c_str(), 0); }

absl::Status PartialFile::Finish() const {
  if (disk::Sync(fd_.get()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot sync ", partial_));
  if (disk::Rename(folder_fd_.get(), partial_name_.c_str(), folder_fd_.get(), name_.c_str(),
                   RENAME_NOREPLACE) != 0) {
    absl::Status status = ErrnoStatus(errno, absl::StrCat("cannot put ", path_, " in place"));
    Remove();
    return status;
  }
  if (disk::Sync(folder_fd_.get()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot sync ", folder_));
  return absl::OkStatus();
}

}  // namespace kplan
