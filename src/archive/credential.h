#ifndef KPLAN_ARCHIVE_CREDENTIAL_H_
#define KPLAN_ARCHIVE_CREDENTIAL_H_

// Who asks, for a server that wants to know.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/openssl_util.h"
#include "src/pki/passphrase_source.h"

namespace kplan {

// What errors call the files.
inline constexpr absl::string_view kNetrcFile = "the netrc file";
inline constexpr absl::string_view kTokenFile = "the token file";

struct Credential {
  Secret authorization;  // the value of that header: "Basic ..." (RFC 7617), "Bearer ..." (RFC 6750); empty:
                         // none
  std::string from;  // where it is from, for messages: "the token in $TOKEN"; also when there is none there
};

// What NETRC, a file, has for HOST. FailedPrecondition, naming the file and nothing that is in it, when it is
// open to others, too large, or no such file.
absl::StatusOr<Credential> CredentialFromNetrc(const std::string& netrc, absl::string_view host);

// The token in SOURCE. FailedPrecondition when it has other characters than a token can.
absl::StatusOr<Credential> CredentialFromToken(const PassphraseSource& source);

}  // namespace kplan

#endif  // KPLAN_ARCHIVE_CREDENTIAL_H_
