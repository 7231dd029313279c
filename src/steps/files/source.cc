// source: {"kind":"source","path":"metrics/nginx.conf"}
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

struct Given {
  std::string path, digest;
};

absl::StatusOr<Given> LookAtGiven(const Record& record) {
  Given given;
  given.path = record.String("path");
  if (absl::Status status = record.status(); !status.ok()) return status;
  struct stat info;
  if (stat(given.path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return absl::NotFoundError(
          absl::StrCat(given.path, " is not there; put it there, or correct `from` in cluster.yaml"));
    }
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", given.path));
  }
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(given.path, " is no file"));
  absl::StatusOr<std::string> digest = ContentDigest(given.path);
  if (!digest.ok()) return digest.status();
  given.digest = *std::move(digest);
  return given;
}

}  // namespace

absl::StatusOr<StepResult> SourceStep(const StepContext&, const Record& record) {
  absl::StatusOr<Given> given = LookAtGiven(record);
  if (!given.ok()) return given.status();
  StepResult result;
  result.digest = given->digest;
  result.files = {given->path};
  return result;
}

// Never a reason to do anything: whether the digest is the stamp's says what runs after it.
absl::StatusOr<Outlook> SourceLook(const LookContext&, const Record& record) {
  absl::StatusOr<Given> given = LookAtGiven(record);
  if (!given.ok()) return given.status();
  Outlook outlook;
  outlook.digest = given->digest;
  return outlook;
}

}  // namespace kplan
