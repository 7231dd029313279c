#ifndef KPLAN_ARCHIVE_DOWNLOAD_H_
#define KPLAN_ARCHIVE_DOWNLOAD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "src/pki/passphrase_source.h"

namespace kplan {

// Where a file can be had, and what that takes.
struct DownloadSource {
  std::vector<std::string>
      urls;           // of the same file: asked in this order until one gives it (mirror_choice.h)
  std::string ca;     // PEM file: who vouches for the servers; empty: whom this machine trusts
  std::string netrc;  // file with names and passwords by host (netrc.h); empty: none
  // A bearer token (RFC 6750), for the host of the first URL.
  PassphraseSource token;
};

// Whether kplan downloads from URL: https, a host, no user name or password (which curl's arguments would
// show to everyone on the machine), printable ASCII. InvalidArgument with the reason.
absl::Status CheckDownloadUrl(const std::string& url);

// Whether SOURCE is one, as far as it can be said without reading a secret: its URLs, and that no file with a
// secret is open to others.
absl::Status CheckDownloadSource(const DownloadSource& source);

// Downloads one of SOURCE's URLs to PATH, which must not be there: the content gets that name only when its
// SHA-256 is SHA256. Until then it is in .NAME.part beside it, locked, which a kill leaves and the next try
// continues, also from another server. curl(1) does the transfer, with a progress bar when standard error is
// a terminal; of the caller's environment it sees the proxy and the CA variables. A server that sends nothing
// for SILENCE is given up. Errors name the URLs, what curl said of each, and what to do; never a secret.
absl::Status Download(const DownloadSource& source, const std::string& path, const std::string& sha256,
                      absl::Duration silence = absl::Minutes(1));

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_DOWNLOAD_H_
