#ifndef KPLAN_BASE_FILES_H_
#define KPLAN_BASE_FILES_H_

// Files, written whole. Every write in kplan goes through here: a temporary file in the same folder (O_EXCL,
// O_NOFOLLOW, the final mode from the first byte), fsync, rename, fsync of the folder. A kill, a full disk or
// a power cut at any point leaves the old file or the new one, and at most a temporary file that the next
// write to the same name removes.

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/fd.h"
#include "src/base/folders.h"

namespace kplan {

// A whole file, at most MAX_BYTES of it: OutOfRange above that, NotFound when there is none.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = size_t{1} << 30);

enum class Overwrite {
  kYes,
  kNo,  // AlreadyExists when the name is taken: how a CA key is created, so that no race can replace one.
};

// Writes CONTENT to PATH, whole (see above), making missing parent folders.
absl::Status WriteFile(const std::string& path, absl::string_view content, mode_t mode,
                       Overwrite overwrite = Overwrite::kYes);

// The same without the two fsyncs, for what costs one cheap pass when a power cut takes it: stamps, depfiles.
// It still is whole after a kill. After a power cut it may be missing, the old one, or empty: whoever reads
// it has to tell an empty one, and a file whose emptiness means something to somebody else (build.ninja) must
// not be written by it.
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
  void StartWriteback(off_t appended);

  UniqueFd folder_;
  UniqueFd fd_;
  std::string base_, temporary_;
  off_t written_ = 0, flushed_ = 0;  // bytes appended, and of these handed to the disk
};

}  // namespace kplan

#endif  // KPLAN_BASE_FILES_H_
