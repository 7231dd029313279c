#ifndef KPLAN_REMOTE_SUDO_COMMAND_H_
#define KPLAN_REMOTE_SUDO_COMMAND_H_

// How a script runs as root: by sudo(8), which is never to ask, or, on this machine, without it where kplan
// is root itself.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/base/spawn.h"

namespace kplan {

// What a shell that sudo has started says first, behind it the user id that it has: nobody needs sudo's words
// to see that sudo let us. Without one the shell can start no program (noexec in sudoers(5)).
inline constexpr char kSudoShellWord[] = "kplan-shell";

// sudo and the shell that it starts, up to the script. By its path: secure_path of sudoers(5) need not have
// sh.
inline constexpr char kSudoShell[] = "sudo -n -- /bin/sh -c";

// SCRIPT behind that word, with a PATH that also has the usual folders, whatever secure_path says. For a
// single-quoted word of any login shell, as SCRIPT (ssh_command.h).
std::string UnderSudo(absl::string_view script);

// Runs SCRIPT by sh on this machine. IS_ROOT: whoever runs this is root.
std::vector<std::string> RootShellCommand(absl::string_view script, bool is_root);

// How that is started, from ENVIRONMENT ("NAME=value" pairs). In the session of our terminal, because what
// `sudo -v` has asked for counts there and nowhere else; what sudo says is in English, because it is read by
// sudo_refusal.h.
SpawnOptions RootShellOptions(const std::vector<std::string>& environment, bool is_root);

}  // namespace kplan

#endif  // KPLAN_REMOTE_SUDO_COMMAND_H_
