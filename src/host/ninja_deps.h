#ifndef KPLAN_HOST_NINJA_DEPS_H_
#define KPLAN_HOST_NINJA_DEPS_H_

// Ninja's log of what edges read besides their inputs (its DepsLog), of which kplan wants to know one thing:
// how old an output was when ninja noted that. One that is younger now (in a folder that was copied) ninja
// makes again.

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace kplan {

// The outputs of TEXT, the whole log, with their times of last change in nanoseconds since 1970; the last
// note of each counts. Versions 3 (of ninja 1.9 and before: whole seconds) and 4; of others nothing. A record
// that is torn or makes no sense ends it, as it does for ninja.
absl::flat_hash_map<std::string, int64_t> ReadNinjaDeps(absl::string_view text);

// That of the current folder; empty where there is none, or it cannot be read.
absl::flat_hash_map<std::string, int64_t> LoadNinjaDeps();

}  // namespace kplan

#endif  // KPLAN_HOST_NINJA_DEPS_H_
