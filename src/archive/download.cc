#include "src/archive/download.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "src/base/digest.h"
#include "src/base/disk.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/url.h"

namespace kplan {
namespace {

constexpr rlim_t kMaxBytes = rlim_t{1} << 30;

// What of the caller's environment a download needs: behind a proxy, or with a company's own CA.
constexpr const char* kPassedOn[] = {"https_proxy",   "HTTPS_PROXY",  "no_proxy",      "NO_PROXY",
                                     "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"};

// curl's exit codes that a person can do something about, for when its own words went to the terminal
// (curl(1)).
const char* MeaningOf(int exit_code) {
  switch (exit_code) {
    case 1:
      return "a redirect to something other than https";
    case 5:
      return "the proxy's name cannot be resolved";
    case 6:
      return "the host's name cannot be resolved";
    case 7:
      return "cannot connect";
    case 22:
      return "the server refused (404 or the like)";
    case 23:
      return "cannot write (is the disk full?)";
    case 28:
      return "too slow, or no answer";
    case 35:
    case 51:
    case 60:
    case 77:
      return "TLS failed";
    case 47:
      return "too many redirects";
    case 63:
    case 128 + SIGXFSZ:
      return "larger than 1 GiB";
    default:
      return "see curl(1)";
  }
}

// A server that does not say how long its answer is gets past --max-filesize (before curl 8.4), but not past
// this. The limit is only wanted in the child; nothing else runs in this process meanwhile.
class ScopedFileSizeLimit {
 public:
  explicit ScopedFileSizeLimit(rlim_t bytes) {
    valid_ = getrlimit(RLIMIT_FSIZE, &old_) == 0;
    struct rlimit limit = old_;
    if (valid_ && bytes < limit.rlim_cur) {
      limit.rlim_cur = bytes;
      setrlimit(RLIMIT_FSIZE, &limit);
    }
  }
  ~ScopedFileSizeLimit() {
    if (valid_) setrlimit(RLIMIT_FSIZE, &old_);
  }
  ScopedFileSizeLimit(const ScopedFileSizeLimit&) = delete;
  ScopedFileSizeLimit& operator=(const ScopedFileSizeLimit&) = delete;

 private:
  struct rlimit old_;
  bool valid_;
};

class Downloader {
 public:
  Downloader(const std::string& url, const std::string& path, const std::string& sha256)
      : url_(url), path_(path), sha256_(sha256), folder_(FolderOf(path)) {
    name_ = path.substr(path.rfind('/') + 1);
    partial_name_ = absl::StrCat(".", name_, ".part");
    partial_ = absl::StrCat(folder_, "/", partial_name_);
  }

  absl::Status Run() {
    if (absl::Status status = Open(); !status.ok()) return status;
    // Complete, when a kill came between the last byte and the rename.
    if (Size() > 0 && Fits()) return Finish();
    bool resumed = Size() > 0;
    absl::Status status = Transfer();
    if (status.ok() && Fits()) return Finish();
    // Whether the server cannot continue, or what was there belongs to something else: once more, from the
    // start. Not when the network failed: then what is there is worth keeping.
    if (resumed && (status.ok() || cannot_resume_)) {
      if (absl::Status emptied = Empty(); !emptied.ok()) return emptied;
      status = Transfer();
      if (status.ok() && Fits()) return Finish();
    }
    if (!status.ok()) {
      if (Size() == 0) unlinkat(folder_fd_.get(), partial_name_.c_str(), 0);
      return status;
    }
    absl::StatusOr<std::string> digest = Sha256HexOfFile(partial_);
    unlinkat(folder_fd_.get(), partial_name_.c_str(), 0);
    if (!digest.ok()) return digest.status();
    return absl::FailedPreconditionError(absl::StrCat("what ", url_, " gave has sha256 ", *digest,
                                                      ", expected ", sha256_,
                                                      "; it was thrown away. Is the digest that of another "
                                                      "version or architecture?"));
  }

 private:
  // The partial file, locked for as long as this is alive: two downloads into one file would be neither.
  absl::Status Open() {
    if (absl::Status status = MakeFolders(folder_); !status.ok()) return status;
    absl::StatusOr<UniqueFd> folder = OpenFolder(folder_);
    if (!folder.ok()) return folder.status();
    folder_fd_ = *std::move(folder);
    fd_ = UniqueFd(disk::OpenAt(folder_fd_.get(), partial_name_.c_str(),
                                O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd_.ok()) return ErrnoStatus(errno, absl::StrCat("cannot open ", partial_));
    if (disk::Lock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("cannot lock ", partial_));
      return absl::AbortedError(
          absl::StrCat(partial_, " is being downloaded by another process; wait for it"));
    }
    // Between the open and the lock, the process that had it may have finished or given up.
    struct stat mine, named;
    if (fstat(fd_.get(), &mine) != 0 ||
        fstatat(folder_fd_.get(), partial_name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        mine.st_ino != named.st_ino) {
      return absl::AbortedError(
          absl::StrCat(path_, " was just downloaded by another process; run ninja again"));
    }
    return absl::OkStatus();
  }

  off_t Size() const {
    struct stat info;
    return fstat(fd_.get(), &info) == 0 ? info.st_size : 0;
  }

  bool Fits() const {
    absl::StatusOr<std::string> digest = Sha256HexOfFile(partial_);
    return digest.ok() && *digest == sha256_;
  }

  absl::Status Empty() const {
    if (disk::Truncate(fd_.get(), 0) == 0) return absl::OkStatus();
    return ErrnoStatus(errno, absl::StrCat("cannot empty ", partial_));
  }

  absl::Status Transfer() {
    const bool on_terminal = isatty(STDERR_FILENO) == 1;
    std::vector<std::string> argv = {"curl",
                                     "-q",  // no ~/.curlrc; must be first
                                     "--proto",
                                     "=https",
                                     "--proto-redir",
                                     "=https",
                                     "--tlsv1.2",
                                     "--fail",  //
                                     "--location",
                                     "--max-redirs",
                                     "5",
                                     "--globoff",  // "[1-9]" is no range
                                     "--max-filesize",
                                     absl::StrCat(kMaxBytes),
                                     "--connect-timeout",
                                     "20",  //
                                     "--retry",
                                     "3",
                                     "--speed-limit",
                                     "1024",
                                     "--speed-time",
                                     "60",  // and no limit on the whole
                                     "--continue-at",
                                     "-",
                                     "--output",
                                     partial_};
    if (on_terminal) {
      argv.push_back("--progress-bar");
    } else {
      argv.insert(argv.end(), {"--silent", "--show-error"});
    }
    argv.insert(argv.end(), {"--", url_});

    RunOptions options;
    options.timeout = absl::InfiniteDuration();
    options.inherit_output = on_terminal;
    for (const char* name : kPassedOn) {
      if (const char* value = getenv(name)) options.environment.push_back(absl::StrCat(name, "=", value));
    }
    absl::StatusOr<RunResult> result = [&] {
      ScopedFileSizeLimit limit(kMaxBytes);
      return kplan::Run(argv, options);
    }();
    if (absl::IsNotFound(result.status())) {
      return absl::FailedPreconditionError(absl::StrCat(
          "cannot download ", url_, ": there is no curl here; install it (apt install curl), or ", ByHand()));
    }
    if (!result.ok()) return result.status();
    if (result->ok()) return absl::OkStatus();
    // 22 is also what 416 (nothing to continue) gives; 33 and 36: the server cannot, or not from there.
    cannot_resume_ = result->exit_code == 22 || result->exit_code == 33 || result->exit_code == 36;
    return absl::UnavailableError(absl::StrCat("cannot download ", url_, ": ", WhatCurlSaid(*result),
                                               "; run ninja again, or ", ByHand()));
  }

  static std::string WhatCurlSaid(const RunResult& result) {
    std::vector<std::string> said;
    for (absl::string_view line : absl::StrSplit(result.err, '\n', absl::SkipWhitespace())) {
      if (absl::StartsWith(line, "curl: ")) said.emplace_back(absl::StripAsciiWhitespace(line));
    }
    if (!said.empty()) return said.back();
    return absl::StrCat("curl: (", result.exit_code, ") ", MeaningOf(result.exit_code));
  }

  std::string ByHand() const {
    return absl::StrCat("put the file at ", path_, " by hand (sha256 ", sha256_, ")");
  }

  absl::Status Finish() {
    if (disk::Sync(fd_.get()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot sync ", partial_));
    if (disk::Rename(folder_fd_.get(), partial_name_.c_str(), folder_fd_.get(), name_.c_str(),
                     RENAME_NOREPLACE) != 0) {
      absl::Status status = ErrnoStatus(errno, absl::StrCat("cannot put ", path_, " in place"));
      unlinkat(folder_fd_.get(), partial_name_.c_str(), 0);
      return status;
    }
    if (disk::Sync(folder_fd_.get()) != 0) return ErrnoStatus(errno, absl::StrCat("cannot sync ", folder_));
    return absl::OkStatus();
  }

  std::string url_, path_, sha256_, folder_, name_, partial_name_, partial_;
  UniqueFd folder_fd_, fd_;
  bool cannot_resume_ = false;
};

}  // namespace

absl::Status CheckDownloadUrl(const std::string& url) {
  std::string shown = url.size() > 300 ? url.substr(0, 300) + "..." : url;
  for (char c : url) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError(
          "the URL has a space, a control character or one beyond ASCII; percent-encode it");
    }
  }
  const std::optional<UrlParts> parts = SplitUrl(url);
  if (!parts || !absl::EqualsIgnoreCase(parts->scheme, "https")) {
    return absl::InvalidArgumentError(
        absl::StrCat(shown,
                     ": kplan downloads over https only; use an https URL, or download the file yourself and "
                     "name it with archive.path"));
  }
  if (parts->user) {
    // Not shown: it may hold a password.
    return absl::InvalidArgumentError(
        "the URL has a user name in it, which every user of this machine could see while curl runs; download "
        "the file yourself and name it with archive.path");
  }
  if (parts->host_port.empty())
    return absl::InvalidArgumentError(absl::StrCat(shown, ": the URL has no host"));
  return absl::OkStatus();
}

absl::Status Download(const std::string& url, const std::string& path, const std::string& sha256) {
  if (absl::Status status = CheckDownloadUrl(url); !status.ok()) return status;
  return Downloader(url, path, sha256).Run();
}

}  // namespace kplan
