#ifndef KPLAN_HOST_INSTALL_FILE_H_
#define KPLAN_HOST_INSTALL_FILE_H_

// What the steps that put files of the working folder on a host have in common (install, install-pair).

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/host/host_owner.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// Where a file goes on a host, and how it has to be there.
struct InstallTarget {
  std::string root, path;
  HostPath split;  // of path
  mode_t mode = 0;
  std::optional<HostOwner> owner;

  std::string shown() const { return PathFromHere(root, path); }
};

// OWNER: the record's, or empty (host_owner.h). InvalidArgument for a bad path, NotFound for an unknown
// owner.
absl::StatusOr<InstallTarget> MakeInstallTarget(const std::string& root, const std::string& path, mode_t mode,
                                                const std::string& owner);

// A file of the working folder, open for reading: a regular file and no link. Every error names it.
struct InstallSource {
  std::string name;
  UniqueFd fd;
  off_t size = 0;

  static absl::StatusOr<InstallSource> Open(const std::string& name);

  // All of it, in memory that is wiped. OutOfRange when there are more than MAX_BYTES.
  absl::StatusOr<Secret> ReadAll(size_t max_bytes) const;
};

// Fills BLOCK from OFFSET of the open file on, but for the end of the file; gives the number of bytes read.
absl::StatusOr<size_t> ReadBlock(int fd, off_t offset, std::string* block);

// An empty temporary file for NAME in the open folder FOLDER, with TARGET's owner and mode, to be filled and
// committed.
absl::StatusOr<PendingFile> StageFile(int folder, absl::string_view name, const InstallTarget& target);

// FailedPrecondition when what is at the target's name is neither nothing nor a file: kplan neither follows
// links there nor replaces folders and devices.
absl::Status MayReplace(const HostFileState& state);

// STATUS with "WHERE: " in front of its message.
absl::Status InFront(absl::string_view where, const absl::Status& status);

}  // namespace kplan

#endif  // KPLAN_HOST_INSTALL_FILE_H_
