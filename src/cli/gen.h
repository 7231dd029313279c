#ifndef KPLAN_CLI_GEN_H_
#define KPLAN_CLI_GEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "src/ninja/ninja_file.h"

namespace kplan {

// `kplan gen -C FOLDER SPEC` for `apply`: FOLDER ("": the current one) is the current one afterwards. *NINJA:
// what build.ninja was written with. kExitDone, or the exit code of the command, the error being printed.
int GenerateIn(const std::string& folder, const std::string& spec, NinjaOptions* ninja);

// PATH as it is seen from FOLDER. Both are made real first: a ".." out of a folder behind a symbolic link
// would lead elsewhere.
absl::StatusOr<std::string> SeenFrom(const std::string& folder, const std::string& path);

}  // namespace kplan

#endif  // KPLAN_CLI_GEN_H_
