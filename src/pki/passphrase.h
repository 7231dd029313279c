#ifndef KPLAN_PKI_PASSPHRASE_H_
#define KPLAN_PKI_PASSPHRASE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/openssl_util.h"
#include "src/pki/passphrase_source.h"  // IWYU pragma: export

namespace kplan {

// The passphrase itself, 1 to 1024 bytes without NUL. Errors, which name the source and never quote it:
// NotFound when there is no such file or variable; FailedPrecondition when it is empty or too long, or the
// file is none for a secret (secret_file.h). InvalidArgument when there is none, or it is withheld.
absl::StatusOr<Secret> ReadPassphrase(const PassphraseSource& source);

// The same of another secret of one line: NAME is what errors call it ("token"), MAX its length.
absl::StatusOr<Secret> ReadSecretLine(const PassphraseSource& source, absl::string_view name, size_t max);

}  // namespace kplan

#endif  // KPLAN_PKI_PASSPHRASE_H_
