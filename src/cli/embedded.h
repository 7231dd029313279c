#ifndef KPLAN_CLI_EMBEDDED_H_
#define KPLAN_CLI_EMBEDDED_H_

#include "absl/strings/string_view.h"

namespace kplan {

// The text of a file of this repository that the build put into the binary: "docs/commands.md". The list is
// in BUILD.bazel; a path that is not in it is a fault of the program's, which then aborts.
absl::string_view Embedded(absl::string_view path);

}  // namespace kplan

#endif  // KPLAN_CLI_EMBEDDED_H_
