#ifndef KPLAN_CLI_NINJA_RUN_H_
#define KPLAN_CLI_NINJA_RUN_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace kplan {

// Runs PROGRAM, which is ninja, with ARGUMENTS and waits for its end: its exit code, 128 + signal when one
// ended it. It has our terminal, input, output and environment, with ENVIRONMENT ("NAME=value" by name) put
// in. A signal that ends is passed on to it, and what it makes of that is waited for: it takes its steps with
// it. (Of Ctrl-C on a terminal it knows already.)
absl::StatusOr<int> RunNinja(const std::string& program, const std::vector<std::string>& arguments,
                             const std::vector<std::pair<std::string, std::string>>& environment);

}  // namespace kplan

#endif  // KPLAN_CLI_NINJA_RUN_H_
