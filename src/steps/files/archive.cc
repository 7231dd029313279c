// A file with a digest that is known. One that is there is adopted without a look at the network; one with
// another digest is a person's, and never overwritten.

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

// True when it is a file with that digest, false when nothing is there, an error when something else is.
absl::StatusOr<bool> IsThere(const ArchiveRecord& wish) {
  const std::string& path = wish.path;
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return false;
    return ErrnoStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is no regular file"));
  absl::StatusOr<std::string> digest = Sha256HexOfFile(path);
  if (!digest.ok()) return digest.status();
  if (*digest == wish.sha256) return true;
  return absl::FailedPreconditionError(
      absl::StrCat(path, " has sha256 ", *digest, ", expected ", wish.sha256,
                   wish.given ? "; put the right file there, or correct archive.sha256 in cluster.yaml"
                              : "; remove it to download again"));
}

// Whether it has to be downloaded; an error when that is needed and cannot be.
absl::StatusOr<bool> NeedsDownload(const ArchiveRecord& wish) {
  if (!IsSha256Hex(wish.sha256))
    return absl::InvalidArgumentError(absl::StrCat("\"", wish.sha256, "\" is no SHA-256 digest"));
  absl::StatusOr<bool> there = IsThere(wish);
  if (!there.ok()) return there.status();
  if (*there) return false;
  if (!wish.given && !wish.url.empty()) return true;
  return absl::NotFoundError(absl::StrCat(wish.path, " is not there; put the file with sha256 ", wish.sha256,
                                          " there",
                                          wish.given ? ", or correct archive.path in cluster.yaml" : ""));
}

DownloadSource SourceOf(const ArchiveRecord& wish) {
  DownloadSource source;
  source.urls = {wish.url};
  source.urls.insert(source.urls.end(), wish.mirrors.begin(), wish.mirrors.end());
  source.ca = wish.ca;
  source.netrc = wish.netrc;
  source.token = wish.token;
  return source;
}

absl::Status ExplainFetch(const ArchiveRecord& wish, const absl::Status& status) {
  return ExplainHostError(status, absl::StrCat("fetch ", wish.path));
}

}  // namespace

absl::StatusOr<StepResult> ArchiveStep(const StepContext&, const ArchiveRecord& wish) {
  StepResult result;
  result.digest = wish.sha256;
  result.files = {wish.path};
  absl::StatusOr<bool> needed = NeedsDownload(wish);
  if (!needed.ok()) return needed.status();
  if (!*needed) return result;
  absl::Status status = Download(SourceOf(wish), wish.path, wish.sha256);
  if (absl::IsAlreadyExists(status)) {
    // Somebody put a file there meanwhile: theirs counts, when it is the right one.
    absl::StatusOr<bool> there = IsThere(wish);
    if (!there.ok()) return there.status();
    if (*there) return result;
  }
  if (!status.ok()) return ExplainFetch(wish, status);
  result.reason = "missing";
  return result;
}

absl::StatusOr<Outlook> ArchiveLook(const LookContext&, const ArchiveRecord& wish) {
  Outlook outlook;
  outlook.digest = wish.sha256;
  absl::StatusOr<bool> needed = NeedsDownload(wish);
  if (!needed.ok()) return needed.status();
  if (!*needed) return outlook;
  if (absl::Status status = CheckDownloadSource(SourceOf(wish)); !status.ok())
    return ExplainFetch(wish, status);
  outlook.reasons.push_back({"missing", "missing"});
  outlook.changes_digest = true;
  ForeseenFile file;
  file.sha256 = wish.sha256;
  outlook.files.emplace_back(wish.path, std::move(file));
  outlook.note = absl::StrCat("from ", wish.url, wish.mirrors.empty() ? "" : ", or its mirrors");
  return outlook;
}

}  // namespace kplan
