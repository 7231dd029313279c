// A file that somebody put into the working folder and keeps there: what is made from it is made again when
// its content is another one. Nothing is written, and the content is in no record.

#include <errno.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/host/content_digest.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {
namespace {

// The file's digest.
absl::StatusOr<std::string> LookAtGiven(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return absl::NotFoundError(
          absl::StrCat(path, " is not there; put it there, or correct `from` in cluster.yaml"));
    }
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is no file"));
  return ContentDigest(path);
}

}  // namespace

absl::StatusOr<StepResult> SourceStep(const StepContext&, const SourceRecord& record) {
  absl::StatusOr<std::string> digest = LookAtGiven(record.path);
  if (!digest.ok()) return digest.status();
  StepResult result;
  result.digest = *std::move(digest);
  result.files = {record.path};
  return result;
}

// Never a reason to do anything: whether the digest is the stamp's says what runs after it.
absl::StatusOr<Outlook> SourceLook(const LookContext&, const SourceRecord& record) {
  absl::StatusOr<std::string> digest = LookAtGiven(record.path);
  if (!digest.ok()) return digest.status();
  Outlook outlook;
  outlook.digest = *std::move(digest);
  return outlook;
}

}  // namespace kplan
