#ifndef KPLAN_ARCHIVE_DOWNLOAD_H_
#define KPLAN_ARCHIVE_DOWNLOAD_H_

#include <string>

#include "absl/status/status.h"

namespace kplan {

// Whether kplan downloads from URL: https, a host, no user name or password (which curl's arguments would
// show to everyone on the machine), printable ASCII. InvalidArgument with the reason.
absl::Status CheckDownloadUrl(const std::string& url);

// Downloads URL to PATH, which must not be there: the content gets that name only when its SHA-256 is SHA256.
// Until then it is in .NAME.part beside it, locked, which a kill leaves and the next try continues. curl(1)
// does the transfer, with a progress bar when standard error is a terminal; of the caller's environment it
// sees the proxy and the CA variables. Errors name the URL, what curl said, and what to do.
absl::Status Download(const std::string& url, const std::string& path, const std::string& sha256);

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_DOWNLOAD_H_
