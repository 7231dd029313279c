#include "src/remote/sudo_command.h"

#include "absl/strings/match.h"

namespace kplan {

std::vector<std::string> RootShellCommand(absl::string_view script, bool is_root) {
  std::vector<std::string> argv;
  if (!is_root) argv = {"sudo", "-n", "--"};
  argv.insert(argv.end(), {"sh", "-c", std::string(script)});
  return argv;
}

SpawnOptions RootShellOptions(const std::vector<std::string>& environment, bool is_root) {
  SpawnOptions options;
  // sudo clears it for what it runs. PAM may want some of it (SSH_AUTH_SOCK).
  if (!is_root) {
    for (const std::string& variable : environment) {
      if (absl::StartsWith(variable, "PATH=") || absl::StartsWith(variable, "LC_") ||
          absl::StartsWith(variable, "LANGUAGE=")) {
        continue;
      }
      options.environment.push_back(variable);
    }
  }
  options.environment.push_back("LC_ALL=C");
  return options;
}

}  // namespace kplan
