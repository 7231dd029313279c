#ifndef KPLAN_PKI_PASSPHRASE_H_
#define KPLAN_PKI_PASSPHRASE_H_

#include "absl/status/statusor.h"
#include "src/pki/openssl_util.h"
#include "src/pki/passphrase_source.h"  // IWYU pragma: export

namespace kplan {

// The passphrase itself, 1 to 1024 bytes without NUL. Errors, which name the source and never quote it:
// NotFound when there is no such file or variable; FailedPrecondition when it is empty or too long, when the
// file is not a regular one (every step that needs it reads it again, which a pipe does not bear), or when
// others than owner and group can read or write it. InvalidArgument when there is none, or it is withheld.
absl::StatusOr<Secret> ReadPassphrase(const PassphraseSource& source);

}  // namespace kplan

#endif  // KPLAN_PKI_PASSPHRASE_H_
