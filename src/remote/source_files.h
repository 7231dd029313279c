#ifndef KPLAN_REMOTE_SOURCE_FILES_H_
#define KPLAN_REMOTE_SOURCE_FILES_H_

#include <string>

#include "absl/status/statusor.h"
#include "src/remote/agent_protocol.h"

namespace kplan {

// The file PATH of the working folder, which goes to TARGET on a host: its size and digest as they are now.
// Errors name it.
absl::StatusOr<SentFile> LookAtSource(const std::string& path, const std::string& target);

}  // namespace kplan

#endif  // KPLAN_REMOTE_SOURCE_FILES_H_
