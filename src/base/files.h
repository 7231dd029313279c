#ifndef KPLAN_BASE_FILES_H_
#define KPLAN_BASE_FILES_H_

// Files, written whole. Every write in kplan goes through here: a temporary file in the same folder (O_EXCL,
// O_NOFOLLOW, the final mode from the first byte), fsync, rename, fsync of the folder. A kill, a full disk or
// a power cut at any point leaves the old file or the new one, and at most a temporary file that the next
// write to the same name removes.

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// A file descriptor that closes itself.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// "MESSAGE: strerror", with the canonical code that fits ERROR (NotFound for ENOENT, and so on).
absl::Status ErrnoStatus(int error, absl::string_view message);

// flock(2) of FD with HOW (LOCK_EX or LOCK_SH), however long that takes. PATH is for the error.
absl::Status AwaitLock(int fd, int how, absl::string_view path);

// A whole file, at most MAX_BYTES of it: OutOfRange above that, NotFound when there is none.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = size_t{1} << 30);

// Makes FOLDER and its missing parents (0777 less the umask).
absl::Status MakeFolders(const std::string& folder);

// The folder part of PATH, "." when there is none.
std::string FolderOf(absl::string_view path);

enum class Overwrite {
  kYes,
  kNo,  // AlreadyExists when the name is taken: how a CA key is created, so that no race can replace one.
};

// Writes CONTENT to PATH, whole (see above), making missing parent folders.
absl::Status WriteFile(const std::string& path, absl::string_view content, mode_t mode,
                       Overwrite overwrite = Overwrite::kYes);

// The same without the two fsyncs, for what costs one cheap pass when a power cut takes it: stamps, depfiles.
// It still is whole after a kill.
absl::Status WriteScratchFile(const std::string& path, absl::string_view content, mode_t mode);

// Several files, durable together: all are written, then synced at once, then renamed. For thousands of small
// files that is the difference between one flush of the disk and thousands.
struct FileContent {
  std::string path;
  absl::string_view content;
};
absl::Status WriteFiles(const std::vector<FileContent>& files, mode_t mode);

// The same, unless PATH already is a regular file with that content. True when it wrote.
absl::StatusOr<bool> WriteFileIfChanged(const std::string& path, absl::string_view content, mode_t mode);

// Opens a temporary file for PATH in the folder FOLDER_FD, in the way the top of this file says. *NAME is its
// name there. Commit() renames it. For content that is too large to hold in memory.
class PendingFile {
 public:
  // BASE is a single path component: the final name inside the folder.
  static absl::StatusOr<PendingFile> Create(int folder_fd, absl::string_view base, mode_t mode);
  PendingFile(PendingFile&&) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;
  ~PendingFile();  // removes the temporary file unless it was committed

  int fd() const { return fd_.get(); }
  absl::Status Append(absl::string_view bytes);
  absl::Status Commit(Overwrite overwrite = Overwrite::kYes);
  absl::Status CommitUnsynced(Overwrite overwrite = Overwrite::kYes);  // the rename alone

 private:
  PendingFile() = default;
  void StartWriteback(ssize_t appended);

  UniqueFd folder_;
  UniqueFd fd_;
  std::string base_, temporary_;
  off_t written_ = 0, flushed_ = 0;  // bytes appended, and of these handed to the disk
};

// A folder below a root that somebody else may be able to write to: every component is opened with
// O_NOFOLLOW, so that no symbolic link leads anywhere (openat2 RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH in
// effect). PATH is absolute as seen inside ROOT ("/etc/etcd"); ROOT itself is trusted and is made when
// missing. Missing folders are made with mode 0755. A symbolic link directly below ROOT is followed only when
// ROOT is "/" (merged /usr: /bin, /lib, and /var/run).
absl::StatusOr<UniqueFd> OpenFolderBelow(const std::string& root, absl::string_view path, bool create);

}  // namespace kplan

#endif  // KPLAN_BASE_FILES_H_
