#ifndef KPLAN_ARCHIVE_PARTIAL_FILE_H_
#define KPLAN_ARCHIVE_PARTIAL_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/base/fd.h"

namespace kplan {

// What has come of a file so far: .NAME.part beside the file, which a kill leaves and the next try continues.
// Locked for as long as this is alive: two downloads into one file would be neither.
class PartialFile {
 public:
  // For the file PATH, whose folders are made. Aborted when another process has it.
  static absl::StatusOr<PartialFile> Open(const std::string& path);

  const std::string& name() const { return partial_; }  // for whoever writes to it
  off_t Size() const;
  absl::StatusOr<std::string> Sha256() const;
  absl::Status Empty() const;
  void Remove() const;

  // It gets the name PATH; AlreadyExists when somebody has put a file there.
  absl::Status Finish() const;

 private:
  explicit PartialFile(const std::string& path);

  std::string path_, folder_, name_, partial_name_, partial_;
  UniqueFd folder_fd_, fd_;
};

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_PARTIAL_FILE_H_
