#ifndef KPLAN_BASE_SECRET_CONTENT_H_
#define KPLAN_BASE_SECRET_CONTENT_H_

// What content is secret, and what is shown in its place. A file that not everybody on its host may read
// holds a secret: nobody who may not read the file itself reads it in kplan's output or in kplan's own files.
//
// A digest of a secret is no more shown than the secret: a short one can be guessed by it.

#include <sys/types.h>

#include "absl/strings/string_view.h"

namespace kplan {

// What stands for a secret, and for its digest, in all that is shown.
inline constexpr absl::string_view kSecretShown = "(secret)";

// Whether what is in a file of MODE (permission bits) is secret: others may not read it.
constexpr bool IsSecretMode(mode_t mode) { return (mode & 04) == 0; }

// The same of a mode as it is written: three or four octal digits. Secret, too, when it is no such mode:
// nobody knows then what was meant.
bool IsSecretMode(absl::string_view mode);

}  // namespace kplan

#endif  // KPLAN_BASE_SECRET_CONTENT_H_
