#ifndef KPLAN_REMOTE_SUDO_COMMAND_H_
#define KPLAN_REMOTE_SUDO_COMMAND_H_

// How a script runs as root on this machine: by sudo(8), which is never to ask, or without it where kplan is
// root itself.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/spawn.h"

namespace kplan {

// Runs SCRIPT by sh. IS_ROOT: whoever runs this is root.
std::vector<std::string> RootShellCommand(absl::string_view script, bool is_root);

// How that is started, from ENVIRONMENT ("NAME=value" pairs). In the session of our terminal, because what
// `sudo -v` has asked for counts there and nowhere else; what sudo says is in English, because it is read by
// ssh_errors.h.
SpawnOptions RootShellOptions(const std::vector<std::string>& environment, bool is_root);

}  // namespace kplan

#endif  // KPLAN_REMOTE_SUDO_COMMAND_H_
