#ifndef KPLAN_PKI_SECRET_FILE_H_
#define KPLAN_PKI_SECRET_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// The first MAX bytes of the file PATH, in which somebody keeps a secret; WHAT is what errors call it: "the
// passphrase file". Errors name the file and quote nothing of it: NotFound when there is none;
// FailedPrecondition when it is not a regular one (every step that needs it reads it again, which a pipe does
// not bear), or when others than owner and group can read or write it.
absl::StatusOr<Secret> ReadSecretFile(const std::string& path, absl::string_view what, size_t max);

// The same without a look at what is in it. OK when there is no such file, for whoever only looks.
absl::Status CheckSecretFile(const std::string& path, absl::string_view what);

}  // namespace kplan

#endif  // KPLAN_PKI_SECRET_FILE_H_
