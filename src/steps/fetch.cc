// fetch: {"kind":"fetch","path":"archives/X.tar.gz","sha256":"<64 hex>","url":"https://..."}
// A file with that digest. One that is there is adopted without a look at the network; one with another
// digest is a person's, and never overwritten. Without "url" it has to be there; "given":true says that the
// path is the user's own (archive.path in cluster.yaml).

#include <errno.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/download.h"
#include "src/steps/host_file.h"
#include "src/steps/step.h"

namespace kplan {
namespace {

// True when PATH is a file with that digest, false when nothing is there, an error when something else is.
absl::StatusOr<bool> IsThere(const std::string& path, const std::string& sha256, bool given) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return false;
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is no regular file"));
  absl::StatusOr<std::string> digest = Sha256HexOfFile(path);
  if (!digest.ok()) return digest.status();
  if (*digest == sha256) return true;
  return absl::FailedPreconditionError(
      absl::StrCat(path, " has sha256 ", *digest, ", expected ", sha256,
                   given ? "; put the right file there, or correct archive.sha256 in cluster.yaml"
                         : "; remove it to download again"));
}

}  // namespace

absl::StatusOr<StepResult> FetchStep(const StepContext&, const Record& record) {
  std::string path = record.String("path");
  std::string sha256 = record.String("sha256");
  std::string url = record.StringOr("url", "");
  bool given = record.BoolOr("given", false);
  if (absl::Status status = record.status(); !status.ok()) return status;
  if (!IsSha256Hex(sha256))
    return absl::InvalidArgumentError(absl::StrCat("\"", sha256, "\" is no SHA-256 digest"));

  StepResult result;
  result.digest = sha256;
  result.files = {path};
  absl::StatusOr<bool> there = IsThere(path, sha256, given);
  if (!there.ok()) return there.status();
  if (*there) return result;
  if (given || url.empty()) {
    return absl::NotFoundError(absl::StrCat(path, " is not there; put the file with sha256 ", sha256,
                                            " there",
                                            given ? ", or correct archive.path in cluster.yaml" : ""));
  }
  absl::Status status = Download(url, path, sha256);
  if (absl::IsAlreadyExists(status)) {
    // Somebody put a file there meanwhile: theirs counts, when it is the right one.
    there = IsThere(path, sha256, given);
    if (!there.ok()) return there.status();
    if (*there) return result;
  }
  if (!status.ok()) return ExplainHostError(status, absl::StrCat("fetch ", path));
  result.reason = "missing";
  return result;
}

}  // namespace kplan
