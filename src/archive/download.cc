#include "src/archive/download.h"

#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/archive/credential.h"
#include "src/archive/curl.h"
#include "src/archive/mirror_choice.h"
#include "src/archive/partial_file.h"
#include "src/archive/proxy_environment.h"
#include "src/base/url.h"
#include "src/pki/secret_file.h"

namespace kplan {
namespace {

// HOST of a URL that CheckDownloadUrl takes.
std::string HostOf(const std::string& url) {
  const std::optional<UrlParts> parts = SplitUrl(url);
  return parts ? absl::AsciiStrToLower(parts->host) : "";
}

class Downloader {
 public:
  Downloader(const DownloadSource& source, const std::string& path, const std::string& sha256,
             absl::Duration silence, PartialFile* partial)
      : source_(source),
        path_(path),
        sha256_(sha256),
        silence_(silence),
        proxy_(ProxyEnvironment()),
        partial_(*partial) {}

  absl::Status Run() {
    // Complete, when a kill came between the last byte and the rename.
    if (partial_.Size() > 0 && Fits()) return partial_.Finish();
    absl::Status status = TryAll();
    if (status.ok()) return partial_.Finish();
    if (partial_.Size() == 0 || thrown_away_) partial_.Remove();
    return status;
  }

 private:
  // What a server did that did not give the file.
  struct Failure {
    Tried tried;
    std::string url, why;
  };

  absl::Status TryAll() {
    if (absl::Status status = CheckProxy(proxy_); !status.ok())
      return Cannot(source_.urls[0], status.message());
    for (size_t i = 0; i < source_.urls.size();) {
      const bool is_last = i + 1 == source_.urls.size();
      const bool resumed = partial_.Size() > 0;
      absl::StatusOr<Tried> tried = Try(source_.urls[i]);
      if (!tried.ok()) return tried.status();
      const Next next = AfterTry(*tried, resumed, is_last);
      if (next == Next::kDone) return absl::OkStatus();
      if (next == Next::kGiveUp) {
        thrown_away_ = *tried == Tried::kOther || *tried == Tried::kTooLarge;
        break;
      }
      if (next != Next::kNextMirror) {
        if (absl::Status emptied = partial_.Empty(); !emptied.ok()) return emptied;
      }
      if (next == Next::kSameFromStart) {
        failures_.pop_back();
      } else {
        ++i;
      }
    }
    return Failed();
  }

  absl::StatusOr<Tried> Try(const std::string& url) {
    absl::StatusOr<Credential> credential = CredentialFor(url);
    if (!credential.ok()) return Cannot(url, credential.status().message());
    Transfer transfer;
    transfer.url = url;
    transfer.to = partial_.name();
    transfer.ca = source_.ca;
    transfer.authorization = credential->authorization.view();
    transfer.proxy = proxy_;
    // Where there is another server, it is asked instead.
    transfer.tries_again = source_.urls.size() == 1;
    transfer.shows_progress = isatty(STDERR_FILENO) == 1;
    transfer.silence = silence_;
    absl::StatusOr<Transferred> done = RunCurl(transfer);
    if (absl::IsNotFound(done.status())) {
      return absl::FailedPreconditionError(absl::StrCat(
          "cannot download ", url, ": there is no curl here; install it (apt install curl), or ", ByHand()));
    }
    if (!done.ok()) return done.status();
    const Tried tried = WhatCurlDid(done->exit_code, done->http_status);
    if (tried == Tried::kRight) return CompareDigest(url);
    failures_.push_back({tried, url, absl::StrCat(done->said, Hint(*done, *credential))});
    return tried;
  }

  absl::StatusOr<Tried> CompareDigest(const std::string& url) {
    absl::StatusOr<std::string> digest = partial_.Sha256();
    if (!digest.ok()) return digest.status();
    if (*digest == sha256_) return Tried::kRight;
    failures_.push_back({Tried::kOther, url, absl::StrCat("what it gave has sha256 ", *digest)});
    return Tried::kOther;
  }

  // A token goes to one host, and no further one by a list of mirrors.
  absl::StatusOr<Credential> CredentialFor(const std::string& url) const {
    const std::string host = HostOf(url);
    if (!source_.netrc.empty()) return CredentialFromNetrc(source_.netrc, host);
    if (source_.token.given() && host == HostOf(source_.urls[0])) return CredentialFromToken(source_.token);
    return Credential();
  }

  // What can be done about it, beyond another try.
  std::string Hint(const Transferred& done, const Credential& credential) const {
    constexpr int kProxyWantsLogin = 407;
    if (done.http_status == kProxyWantsLogin)
      return "; the proxy wants a login: https_proxy=http://NAME:PASSWORD@HOST:PORT";
    if (WhatCurlDid(done.exit_code, done.http_status) == Tried::kNotAllowed) {
      if (!credential.authorization.view().empty())
        return absl::StrCat("; it does not accept ", credential.from);
      return credential.from.empty()
                 ? "; it wants a login, which archive.netrc, archive.token-file or archive.token-env names"
                 : absl::StrCat("; it wants a login, and was shown none from ", credential.from);
    }
    constexpr int kNobodyVouches = 60;
    if (done.exit_code == kNobodyVouches) {
      return source_.ca.empty() ? "; a CA of your own is named by archive.ca"
                                : absl::StrCat("; no certificate in ", source_.ca, " vouches for it");
    }
    const bool reached_nobody = done.exit_code == 6 || done.exit_code == 7 || done.exit_code == 28;
    const std::string proxy = reached_nobody ? ProxyHint(proxy_) : "";
    return proxy.empty() ? "" : absl::StrCat("; ", proxy);
  }

  absl::Status Failed() const {
    const bool single = failures_.size() == 1;
    std::string text = single
                           ? absl::StrCat("cannot download ", failures_[0].url, ": ", failures_[0].why, "; ")
                           : absl::StrCat("cannot download ", path_, ": no server gave it");
    if (!single) {
      for (const Failure& failure : failures_) absl::StrAppend(&text, "\n  ", failure.url, ": ", failure.why);
      absl::StrAppend(&text, "\n  ");
    }
    if (absl::c_all_of(failures_, [](const Failure& failure) { return failure.tried == Tried::kOther; })) {
      return absl::FailedPreconditionError(
          absl::StrCat(text, "expected ", sha256_,
                       "; it was thrown away. Is the digest that of another version or architecture?"));
    }
    return absl::UnavailableError(absl::StrCat(text, "run ninja again, or ", ByHand()));
  }

  absl::Status Cannot(const std::string& url, absl::string_view why) const {
    return absl::UnavailableError(
        absl::StrCat("cannot download ", url, ": ", why, "; run ninja again, or ", ByHand()));
  }

  std::string ByHand() const {
    return absl::StrCat("put the file at ", path_, " by hand (sha256 ", sha256_, ")");
  }

  bool Fits() const {
    absl::StatusOr<std::string> digest = partial_.Sha256();
    return digest.ok() && *digest == sha256_;
  }

  const DownloadSource& source_;
  const std::string &path_, &sha256_;
  const absl::Duration silence_;
  const StringPairs proxy_;
  const PartialFile& partial_;
  std::vector<Failure> failures_;
  bool thrown_away_ = false;
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
        "the URL has a user name in it, which every user of this machine could see while curl runs; write it "
        "into "
        "a netrc file and name that with archive.netrc");
  }
  if (parts->host_port.empty())
    return absl::InvalidArgumentError(absl::StrCat(shown, ": the URL has no host"));
  return absl::OkStatus();
}

absl::Status CheckDownloadSource(const DownloadSource& source) {
  if (source.urls.empty()) return absl::InvalidArgumentError("there is no URL to download from");
  for (const std::string& url : source.urls) {
    if (absl::Status status = CheckDownloadUrl(url); !status.ok()) return status;
  }
  if (!source.netrc.empty()) {
    if (absl::Status status = CheckSecretFile(source.netrc, kNetrcFile); !status.ok()) return status;
  }
  if (source.token.kind != PassphraseSource::Kind::kFile) return absl::OkStatus();
  return CheckSecretFile(source.token.name, kTokenFile);
}

absl::Status Download(const DownloadSource& source, const std::string& path, const std::string& sha256,
                      absl::Duration silence) {
  if (absl::Status status = CheckDownloadSource(source); !status.ok()) return status;
  absl::StatusOr<PartialFile> partial = PartialFile::Open(path);
  if (!partial.ok()) return partial.status();
  return Downloader(source, path, sha256, silence, &*partial).Run();
}

}  // namespace kplan
