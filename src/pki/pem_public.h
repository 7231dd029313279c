#ifndef KPLAN_PKI_PEM_PUBLIC_H_
#define KPLAN_PKI_PEM_PUBLIC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// What may be known of a PEM file with a private key: the DER of the key's SubjectPublicKeyInfo (RFC
// 5280 4.1), followed by the DER of each CERTIFICATE in the file, in order (a combined PEM). So for a file
// that holds only a key, the SHA-256 of this is the digest of its public key. InvalidArgument when there is
// no private key in it, more than one, an encrypted one, one that cannot be read, or one of a kind that kplan
// has no use for (private_key.h); no message repeats any of the text.
absl::StatusOr<std::string> PublicPartOfPem(absl::string_view pem);

}  // namespace kplan

#endif  // KPLAN_PKI_PEM_PUBLIC_H_
