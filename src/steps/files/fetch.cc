// fetch: {"kind":"fetch","path":"archives/X.tar.gz","sha256":"<64 hex>","url":"https://..."}
// A file with that digest. One that is there is adopted without a look at the network; one with another
// digest is a person's, and never overwritten. Without "url" it has to be there; "given":true says that the
// path is the user's own (archive.path in cluster.yaml).

#include <errno.h>
#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "src/archive/download.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

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

struct Wish {
  std::string path, sha256, url;
  bool given = false;

  absl::StatusOr<bool> IsThere() const { return kplan::IsThere(path, sha256, given); }
};

absl::StatusOr<Wish> ReadWish(const Record& record) {
  Wish wish;
  wish.path = record.String("path");
  wish.sha256 = record.String("sha256");
  wish.url = record.StringOr("url", "");
  wish.given = record.BoolOr("given", false);
  if (absl::Status status = record.status(); !status.ok()) return status;
  if (!IsSha256Hex(wish.sha256))
    return absl::InvalidArgumentError(absl::StrCat("\"", wish.sha256, "\" is no SHA-256 digest"));
  return wish;
}

// Whether WISH has to be downloaded; an error when that is needed and cannot be.
absl::StatusOr<bool> NeedsDownload(const Wish& wish) {
  absl::StatusOr<bool> there = wish.IsThere();
  if (!there.ok()) return there.status();
  if (*there) return false;
  if (!wish.given && !wish.url.empty()) return true;
  return absl::NotFoundError(absl::StrCat(wish.path, " is not there; put the file with sha256 ", wish.sha256,
                                          " there",
                                          wish.given ? ", or correct archive.path in cluster.yaml" : ""));
}

absl::Status ExplainFetch(const Wish& wish, const absl::Status& status) {
  return ExplainHostError(status, absl::StrCat("fetch ", wish.path));
}

}  // namespace

absl::StatusOr<StepResult> FetchStep(const StepContext&, const Record& record) {
  absl::StatusOr<Wish> wish = ReadWish(record);
  if (!wish.ok()) return wish.status();
  StepResult result;
  result.digest = wish->sha256;
  result.files = {wish->path};
  absl::StatusOr<bool> needed = NeedsDownload(*wish);
  if (!needed.ok()) return needed.status();
  if (!*needed) return result;
  absl::Status status = Download(wish->url, wish->path, wish->sha256);
  if (absl::IsAlreadyExists(status)) {
    // Somebody put a file there meanwhile: theirs counts, when it is the right one.
    absl::StatusOr<bool> there = wish->IsThere();
    if (!there.ok()) return there.status();
    if (*there) return result;
  }
  if (!status.ok()) return ExplainFetch(*wish, status);
  result.reason = "missing";
  return result;
}

absl::StatusOr<Outlook> FetchLook(const LookContext&, const Record& record) {
  absl::StatusOr<Wish> wish = ReadWish(record);
  if (!wish.ok()) return wish.status();
  Outlook outlook;
  outlook.digest = wish->sha256;
  absl::StatusOr<bool> needed = NeedsDownload(*wish);
  if (!needed.ok()) return needed.status();
  if (!*needed) return outlook;
  if (absl::Status status = CheckDownloadUrl(wish->url); !status.ok()) return ExplainFetch(*wish, status);
  outlook.reasons.push_back({"missing", "missing"});
  outlook.changes_digest = true;
  ForeseenFile file;
  file.sha256 = wish->sha256;
  outlook.files.emplace_back(wish->path, std::move(file));
  outlook.note = absl::StrCat("from ", wish->url);
  return outlook;
}

}  // namespace kplan
