#ifndef KPLAN_HOST_CONTENT_DIGEST_H_
#define KPLAN_HOST_CONTENT_DIGEST_H_

#include <string>

#include "absl/status/statusor.h"

namespace kplan {

// Lower-case hex SHA-256 of the content of the file PATH; of one that holds a private key (PEM) over what is
// public in it (pki/pem_public.h): no digest may be derived from a private key's bytes. Errors are ReadFile's
// (base/files.h).
absl::StatusOr<std::string> ContentDigest(const std::string& path);

}  // namespace kplan

#endif  // KPLAN_HOST_CONTENT_DIGEST_H_
