#ifndef KPLAN_HOST_ARTIFACT_FILE_H_
#define KPLAN_HOST_ARTIFACT_FILE_H_

// What the PKI steps do with the files that are their artifacts, besides reading and writing them whole
// (base/files.h).

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/files.h"

namespace kplan {

// One attribute of a file that is not as it should be.
struct FileDifference {
  absl::string_view name;  // static: "mode", "owner"
  std::string text;        // "mode was 0644, is 0600"
  std::string from, to;    // "0644", "0600"; of an owner the numbers
};

// A private key's file is for its owner alone, who is either we or whoever the folder belongs to (a run with
// sudo in a person's folder must lock nobody out). Takes away every mode bit beyond 0600, so 0400 stays; as
// root also gives a stranger's file to the folder's owner. Returns what was wrong ("mode was 0644, is 0600"),
// or "". Error when it cannot be put right.
absl::StatusOr<std::string> ProtectKeyFile(const std::string& path);

// Public files are 0644. Returns "mode was 0600, is 0644", or "".
absl::StatusOr<std::string> PublishFile(const std::string& path);

// What these two would put right, by the same rules; nothing is changed. Errors as theirs, up to the change.
absl::StatusOr<std::vector<FileDifference>> KeyFileDifferences(const std::string& path);
absl::StatusOr<std::vector<FileDifference>> PublicFileDifferences(const std::string& path);

// Renames PATH to the first free of PATH.damaged, PATH.damaged-2, ..., whose name is returned: what cannot be
// read may still mean something to somebody.
absl::StatusOr<std::string> SetAside(const std::string& path);

// Holds the folder of PATH (made when missing) against other kplan processes for as long as the object lives:
// between looking at a key and writing it nobody else may write it.
class FolderLock {
 public:
  static absl::StatusOr<FolderLock> Acquire(const std::string& path);

 private:
  explicit FolderLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;  // flock() ends when it is closed, by a kill too
};

// "A; B", either of which may be empty.
std::string JoinReasons(const std::string& a, const std::string& b);

}  // namespace kplan

#endif  // KPLAN_HOST_ARTIFACT_FILE_H_
