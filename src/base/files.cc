#include "src/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/base/disk.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif

namespace kplan {

namespace {

// Removes TEMPORARY when nobody is writing to it: what a kill left behind is not locked, what another process
// is filling is (see PendingFile::Create).
absl::Status RemoveLeftOver(int folder_fd, const std::string& temporary) {
  UniqueFd old(disk::OpenAt(folder_fd, temporary.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (old.ok() && disk::Lock(old.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return absl::AbortedError(absl::StrCat(temporary, " is being written by another process"));
  }
  // One that cannot be opened (a link, another user's) is not ours either: unlink decides.
  if (unlinkat(folder_fd, temporary.c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("cannot remove the left-over ", temporary));
  }
  return absl::OkStatus();
}

// For a new TEMPORARY that cannot be used because of ERROR.
absl::Status DropUnlocked(int folder_fd, const std::string& temporary, int error) {
  unlinkat(folder_fd, temporary.c_str(), 0);
  return ErrnoStatus(error, absl::StrCat("cannot lock the new ", temporary));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  UniqueFd fd(disk::Open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));  // a FIFO must not hang us
  if (!fd.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", path));
  struct stat info;
  if (disk::StatAt(fd.get(), "", &info, AT_EMPTY_PATH) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot stat ", path));
  if (S_ISDIR(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is a folder"));
  if (S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) > max_bytes) {
    return absl::OutOfRangeError(
        absl::StrCat(path, " has ", info.st_size, " bytes; at most ", max_bytes, " are read"));
  }
  std::string content;
  size_t filled = 0;
  const size_t size = static_cast<size_t>(info.st_size);
  content.resize(size);
  // Of a file that has as many bytes as its size says there are no more to ask for. What is in /proc has the
  // size 0.
  while (filled == 0 || filled != size || !S_ISREG(info.st_mode)) {
    if (filled == content.size()) content.resize(content.size() * 2 + 4096);
    const ssize_t n = disk::Read(fd.get(), &content[filled], content.size() - filled);
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("cannot read ", path));
    if (n == 0) break;
    filled += n;
    if (filled > max_bytes) {
      return absl::OutOfRangeError(absl::StrCat(path, " has more than ", max_bytes, " bytes"));
    }
  }
  content.resize(filled);
  return content;
}

absl::StatusOr<PendingFile> PendingFile::Create(int folder_fd, absl::string_view base, mode_t mode) {
  PendingFile file;
  file.folder_ = UniqueFd(fcntl(folder_fd, F_DUPFD_CLOEXEC, 0));
  if (!file.folder_.ok()) return ErrnoStatus(errno, "cannot duplicate a descriptor");
  file.base_ = std::string(base);
  // The name is fixed, so that what a kill left behind is cleaned up by the next try and never piles up.
  std::string temporary = absl::StrCat(".", base, ".kplan-tmp");
  // The lock says that it is in use; without it a second process would take a file that is being filled for a
  // left-over, and the first would rename the second's half-written file into place.
  for (int tries = 0; tries < 3 && !file.fd_.ok(); ++tries) {
    UniqueFd fd(disk::OpenAt(folder_fd, temporary.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd.ok() && errno != EEXIST) return ErrnoStatus(errno, absl::StrCat("cannot create ", temporary));
    if (!fd.ok()) {
      if (absl::Status status = RemoveLeftOver(folder_fd, temporary); !status.ok()) return status;
      continue;
    }
    struct stat info;
    if (disk::Lock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      // Another process has taken it for a left-over between the open and the lock, and looks at it.
      if (errno == EWOULDBLOCK) continue;
      return DropUnlocked(folder_fd, temporary, errno);
    }
    if (disk::StatAt(fd.get(), "", &info, AT_EMPTY_PATH) != 0)
      return DropUnlocked(folder_fd, temporary, errno);
    // Or has removed it already: then it has no name any more.
    if (info.st_nlink == 1) file.fd_ = std::move(fd);
  }
  if (!file.fd_.ok()) {
    return absl::AbortedError(absl::StrCat(temporary, " is being written by another process"));
  }
  file.temporary_ = std::move(temporary);
  // The umask may have taken bits away; it never adds any, so the file was at no time more open than MODE.
  if (fchmod(file.fd_.get(), mode) != 0) return ErrnoStatus(errno, "cannot set the mode of a new file");
  return file;
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : folder_(std::move(other.folder_)),
      fd_(std::move(other.fd_)),
      base_(std::move(other.base_)),
      temporary_(std::exchange(other.temporary_, std::string())),
      written_(other.written_),
      flushed_(other.flushed_) {}

PendingFile::~PendingFile() {
  if (!temporary_.empty()) unlinkat(folder_.get(), temporary_.c_str(), 0);
}

// The disk begins with a large file while the rest of it is still being made, so that the fsync at the end
// finds little left to wait for. Only a hint: where it is not understood, fsync does all of it.
void PendingFile::StartWriteback(off_t appended) {
  constexpr off_t kChunk = off_t{4} << 20;
  written_ += appended;
  if (written_ - flushed_ < kChunk) return;
  sync_file_range(fd_.get(), flushed_, written_ - flushed_, SYNC_FILE_RANGE_WRITE);
  flushed_ = written_;
}

absl::Status PendingFile::Append(absl::string_view bytes) {
  if (absl::Status status = WriteAll(fd_.get(), bytes, base_); !status.ok()) return status;
  StartWriteback(static_cast<off_t>(bytes.size()));
  return absl::OkStatus();
}

absl::Status PendingFile::CommitUnsynced(Overwrite overwrite) {
  unsigned flags = overwrite == Overwrite::kNo ? RENAME_NOREPLACE : 0;
  if (disk::Rename(folder_.get(), temporary_.c_str(), folder_.get(), base_.c_str(), flags) != 0) {
    return ErrnoStatus(errno, absl::StrCat("cannot put ", base_, " in place"));
  }
  temporary_.clear();
  return absl::OkStatus();
}

absl::Status PendingFile::Commit(Overwrite overwrite) {
  if (disk::Sync(fd_.get()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot sync ", base_));
  if (absl::Status status = CommitUnsynced(overwrite); !status.ok()) return status;
  if (disk::Sync(folder_.get()) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot sync the folder of ", base_));
  return absl::OkStatus();
}

namespace {

// A temporary file for PATH with CONTENT in it, in a folder that is made when missing.
absl::StatusOr<PendingFile> Stage(const std::string& path, absl::string_view content, mode_t mode,
                                  Durability durability) {
  const std::string folder = FolderOf(path);
  absl::StatusOr<UniqueFd> fd = OpenFolder(folder);
  if (absl::IsNotFound(fd.status())) {
    if (absl::Status status = MakeFolders(folder, durability); !status.ok()) return status;
    fd = OpenFolder(folder);
  }
  if (!fd.ok()) return fd.status();
  absl::StatusOr<PendingFile> file = PendingFile::Create(fd->get(), path.substr(path.rfind('/') + 1), mode);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(content); !status.ok()) return status;
  return file;
}

absl::Status Annotate(const absl::Status& status, const std::string& path) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::Status WriteFile(const std::string& path, absl::string_view content, mode_t mode, Overwrite overwrite) {
  absl::StatusOr<PendingFile> file = Stage(path, content, mode, Durability::kSynced);
  return Annotate(file.ok() ? file->Commit(overwrite) : file.status(), path);
}

absl::Status WriteScratchFile(const std::string& path, absl::string_view content, mode_t mode) {
  absl::StatusOr<PendingFile> file = Stage(path, content, mode, Durability::kUnsynced);
  return Annotate(file.ok() ? file->CommitUnsynced() : file.status(), path);
}

absl::Status WriteFiles(const std::vector<FileContent>& files, mode_t mode) {
  // A file descriptor is held per staged file: in batches, below the usual limit of 1,024.
  constexpr size_t kBatch = 256;
  // From here on one syncfs, which flushes what others have written too, is the cheaper way.
  constexpr size_t kFewFiles = 8;
  for (size_t begin = 0; begin < files.size(); begin += kBatch) {
    size_t end = std::min(files.size(), begin + kBatch);
    std::vector<PendingFile> staged;
    for (size_t i = begin; i < end; ++i) {
      absl::StatusOr<PendingFile> file = Stage(files[i].path, files[i].content, mode, Durability::kSynced);
      if (!file.ok()) return Annotate(file.status(), files[i].path);
      staged.push_back(*std::move(file));
    }
    if (staged.size() > kFewFiles && disk::SyncFileSystem(staged[0].fd()) != 0)
      return ErrnoStatus(errno, "cannot sync the disk");
    for (size_t i = begin; i < end; ++i) {
      PendingFile& file = staged[i - begin];
      // The last file of a batch syncs the folder for all of it; they share one, or it is synced with each.
      bool last = i + 1 == end || FolderOf(files[i].path) != FolderOf(files[i + 1].path);
      absl::Status status = staged.size() <= kFewFiles || last ? file.Commit() : file.CommitUnsynced();
      if (!status.ok()) return Annotate(status, files[i].path);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> WriteFileIfChanged(const std::string& path, absl::string_view content, mode_t mode) {
  struct stat info;
  if (disk::StatAt(AT_FDCWD, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
      static_cast<uint64_t>(info.st_size) == content.size()) {
    absl::StatusOr<std::string> old = ReadFile(path);
    if (old.ok() && *old == content) return false;
  }
  if (absl::Status status = WriteFile(path, content, mode); !status.ok()) return status;
  return true;
}

}  // namespace kplan
