#include "src/remote/sudo_command.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace kplan {

std::string UnderSudo(absl::string_view script) {
  return absl::StrCat(
      "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; ", "echo ",
      kSudoShellWord, " $(id -u 2>/dev/null); ", script);
}

std::vector<std::string> RootShellCommand(absl::string_view script, bool is_root) {
  if (is_root) return {"sh", "-c", std::string(script)};
  std::vector<std::string> argv = absl::StrSplit(kSudoShell, ' ');
  argv.push_back(UnderSudo(script));
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
