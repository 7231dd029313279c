#ifndef KPLAN_HOST_SERVICE_LOG_H_
#define KPLAN_HOST_SERVICE_LOG_H_

// The log of a service that systemd does not keep: ROOT/var/log/NAME.log.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

// Its path.
std::string LogPath(absl::string_view root, absl::string_view name);

// Appends a line to that log (made when missing, 0640; no link followed) that tells the messages of the start
// to come from those before.
absl::Status BeginLogSection(const std::string& root, const std::string& name);

// What NAME logged since that line, of at most the last 1 MiB; empty when there is no log.
std::string LogOfThisStart(const std::string& root, const std::string& name);

}  // namespace kplan

#endif  // KPLAN_HOST_SERVICE_LOG_H_
