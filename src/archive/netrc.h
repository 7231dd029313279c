#ifndef KPLAN_ARCHIVE_NETRC_H_
#define KPLAN_ARCHIVE_NETRC_H_

// Names and passwords by host, in the form that curl(1), ftp(1) and git read:
//
//   machine mirror.example.com login ops password "what only ops knows"
//   default login anonymous password ops@example.com
//
// Words with white space between; quoted ones as curl 7.84 has them, with \", \\, \n, \r and \t. A line whose
// first word begins with # is a comment; macros (macdef, up to an empty line) and accounts are passed over.

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/openssl_util.h"

namespace kplan {

struct Login {
  Secret name, password;  // of Basic (RFC 7617): no control characters, no ":" in the name
};

// The first entry for HOST, without a look at upper and lower case, or else `default`, wherever that stands;
// nothing when there is neither. InvalidArgument with the number of the line, and nothing that stands there,
// when TEXT is no such file or the entry has no name or no password.
absl::StatusOr<std::optional<Login>> FindLogin(absl::string_view text, absl::string_view host);

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_NETRC_H_
