#include "src/remote/ssh_command.h"

#include <algorithm>
#include <cassert>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/text.h"
#include "src/remote/sudo_command.h"

namespace kplan {
namespace {

bool IsWord(absl::string_view text) {
  constexpr size_t kLongest = 255;
  return OnlyAlnumAnd(text, "._-") && text[0] != '-' && text.size() <= kLongest;
}

bool IsIpv6(absl::string_view text) {
  constexpr size_t kLongest = 45;
  return std::count(text.begin(), text.end(), ':') >= 2 && text.size() <= kLongest &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isxdigit(c) || c == ':' || c == '.'; });
}

void AddOptions(std::vector<std::string>* argv) {
  for (const char* option : {
           "BatchMode=yes",
           "StrictHostKeyChecking=yes",
           "UpdateHostKeys=no",
           "ClearAllForwardings=yes",
           "ForwardAgent=no",
           "ForwardX11=no",
           "PermitLocalCommand=no",
           "RequestTTY=no",
           "EscapeChar=none",
           "ConnectTimeout=10",
           "ServerAliveInterval=5",
           "ServerAliveCountMax=3",
           "LogLevel=ERROR",
       }) {
    argv->push_back("-o");
    argv->push_back(option);
  }
}

// Where TARGET is, at the end of a command line.
void AddTarget(const SshTarget& target, std::vector<std::string>* argv) {
  if (!target.user.empty()) argv->insert(argv->end(), {"-l", target.user});
  if (target.port != 0) argv->insert(argv->end(), {"-p", absl::StrCat(target.port)});
  argv->insert(argv->end(), {"--", target.host});
}

// What a session has in common with any other use of a connection that is there: none of the user's config is
// looked at again, and if the connection is gone, no other one is made.
std::vector<std::string> OverConnection(const std::string& socket) {
  return {"ssh", "-F", "/dev/null", "-S", socket, "-o", "ControlMaster=no", "-o", "ProxyCommand=false"};
}

}  // namespace

absl::Status CheckTarget(const SshTarget& target) {
  auto refuse = [](absl::string_view what, absl::string_view text) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(text), " cannot be ", what,
                     " for ssh: only letters, digits, \".\", \"_\" and \"-\", and not \"-\" first"));
  };
  if (!IsWord(target.host) && !IsIpv6(target.host)) return refuse("a host", target.host);
  if (!target.user.empty() && !IsWord(target.user)) return refuse("a user", target.user);
  if (target.port < 0 || target.port > 65535)
    return absl::InvalidArgumentError(absl::StrCat("there is no port ", target.port));
  return absl::OkStatus();
}

std::string ControlSocket(const SshTarget& target) {
  return Sha256Hex(absl::StrCat(target.user, "\n", target.host, "\n", target.port)).substr(0, 16);
}

std::vector<std::string> MasterCommand(const SshTarget& target, const std::string& socket) {
  std::vector<std::string> argv = {"ssh", "-M", "-N", "-f", "-S", socket, "-o", "ControlPersist=60"};
  AddOptions(&argv);
  AddTarget(target, &argv);
  return argv;
}

std::vector<std::string> SessionCommand(const std::string& socket, const std::string& command) {
  std::vector<std::string> argv = OverConnection(socket);
  AddOptions(&argv);
  // The name is never looked up.
  argv.insert(argv.end(), {"--", "kplan", command});
  return argv;
}

std::vector<std::string> ExitCommand(const std::string& socket) {
  std::vector<std::string> argv = OverConnection(socket);
  argv.insert(argv.end(), {"-O", "exit", "--", "kplan"});
  return argv;
}

std::vector<std::string> ConfigCommand(const SshTarget& target) {
  std::vector<std::string> argv = {"ssh", "-G"};
  AddTarget(target, &argv);
  return argv;
}

std::string RemoteShell(absl::string_view script, bool become) {
  assert(script.find_first_of("'!\\\n") == absl::string_view::npos);
  // What sudo, sh and what it starts say is read: in English, whatever the host's language is.
  if (become) return absl::StrCat("env LC_ALL=C ", kSudoShell, " '", UnderSudo(script), "'");
  return absl::StrCat("env LC_ALL=C sh -c '", script, "'");
}

}  // namespace kplan
