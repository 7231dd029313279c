#include "src/remote/ssh_errors.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/remote/agent_protocol.h"

namespace kplan {
namespace {

// The rest of the first line of TEXT that has WORDS in it, behind them; empty when there is none.
std::string Behind(absl::string_view text, absl::string_view words) {
  size_t at = text.find(words);
  if (at == absl::string_view::npos) return "";
  text.remove_prefix(at + words.size());
  return Harmless(absl::StripSuffix(text.substr(0, text.find('\n')), "\r"));
}

// How the host is called in a known_hosts file (sshd(8)).
std::string KnownName(const SshConfig& config) {
  if (!config.host_key_alias.empty()) return config.host_key_alias;
  if (config.port.empty() || config.port == "22") return config.host;
  return absl::StrCat("[", config.host, "]:", config.port);
}

std::string KeyscanCommand(const SshConfig& config) {
  const bool usual = config.port.empty() || config.port == "22";
  return absl::StrCat("ssh-keyscan ", usual ? "" : absl::StrCat("-p ", config.port, " "), config.host);
}

absl::Status Refuse(const RemoteHost& host, absl::string_view what) {
  return absl::PermissionDeniedError(absl::StrCat("host ", host.name, ": ", what));
}

absl::Status Unreachable(const RemoteHost& host, absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("host ", host.name, ": ", what));
}

absl::Status UnknownKey(const RemoteHost& host, const SshConfig& config) {
  return Refuse(
      host,
      absl::StrCat("the key of ", host.ssh.shown(), " is not known here, so nothing was sent; ",
                   config.known_hosts, " has none for ", KnownName(config), "\n  print its keys with `",
                   KeyscanCommand(config),
                   "`, compare them with /etc/ssh/ssh_host_*_key.pub on the host itself, and add a line to ",
                   config.known_hosts));
}

absl::Status ChangedKey(const RemoteHost& host, const SshConfig& config, absl::string_view said) {
  // "Offending ED25519 key in /home/ops/.ssh/known_hosts:3"
  absl::string_view offending = said;
  offending.remove_prefix(std::min(said.find("Offending "), said.size()));
  const std::string place = Behind(offending, " key in ");
  return Refuse(
      host,
      absl::StrCat("the key of ", host.ssh.shown(), " is another one than ",
                   place.empty() ? config.known_hosts : place,
                   " has, so nothing was sent: it was installed anew, has given its address to another "
                   "machine, or somebody is in between\n  when you know why, and have compared the new key "
                   "with /etc/ssh/ssh_host_*_key.pub on the host itself, run `ssh-keygen -R \"",
                   KnownName(config), "\"` and add the new one"));
}

absl::Status RefusedLogin(const RemoteHost& host, const SshConfig& config, absl::string_view said) {
  const std::string user = host.ssh.user.empty() ? config.user : host.ssh.user;
  std::string methods = Behind(said, "Permission denied (");  // "publickey)."
  methods = methods.substr(0, methods.find(')'));
  return Refuse(host,
                absl::StrCat("it refused the login", user.empty() ? "" : absl::StrCat(" of ", user), " at ",
                             host.ssh.shown(), methods.empty() ? "" : absl::StrCat("; it takes ", methods),
                             "\n  kplan types no password: a key of yours has to be in "
                             "~/.ssh/authorized_keys there, and known to ssh here (IdentityFile, or "
                             "ssh-agent: `ssh-add -l`)",
                             absl::StrContains(said, "UNPROTECTED PRIVATE KEY")
                                 ? "\n  others may read your key's file, and so ssh does not use it"
                                 : ""));
}

}  // namespace

SshConfig SshConfig::Parse(absl::string_view output) {
  SshConfig config;
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    const std::string value = Harmless(pair.second);
    if (pair.first == "hostname") config.host = value;
    if (pair.first == "port") config.port = value;
    if (pair.first == "user") config.user = value;
    if (pair.first == "hostkeyalias") config.host_key_alias = value;
    if (pair.first == "userknownhostsfile") config.known_hosts = value.substr(0, value.find(' '));
  }
  if (config.known_hosts.empty()) config.known_hosts = "~/.ssh/known_hosts";
  return config;
}

std::string LastSaid(absl::string_view said) {
  constexpr size_t kMost = 6;
  std::vector<std::string> lines;
  const std::string harmless = Harmless(said);
  for (absl::string_view line : absl::StrSplit(harmless, '\n', absl::SkipWhitespace())) {
    lines.push_back(absl::StrCat("    ", absl::StripSuffix(line, "\r")));
  }
  if (lines.size() > kMost) lines.erase(lines.begin(), lines.end() - kMost);
  return absl::StrJoin(lines, "\n");
}

absl::Status ConnectionError(const RemoteHost& host, const SshConfig& config, absl::string_view said) {
  const std::string where = host.ssh.shown();
  auto has = [&](absl::string_view words) { return absl::StrContains(said, words); };
  if (has("HOST IDENTIFICATION HAS CHANGED") || has("REVOKED HOST KEY"))
    return ChangedKey(host, config, said);
  if (has("host key is known for") || has("Host key verification failed")) return UnknownKey(host, config);
  if (has("Permission denied (") || has("Too many authentication failures"))
    return RefusedLogin(host, config, said);
  if (has("Could not resolve hostname")) {
    return Unreachable(
        host, absl::StrCat("the name ", host.ssh.host,
                           " has no address; is `ssh` of it in cluster.yaml right?\n", LastSaid(said)));
  }
  if (has("Connection refused")) {
    return Unreachable(host, absl::StrCat("nobody listens at ", where, config.port.empty() ? "" : ", port ",
                                          config.port, "; does sshd run there?\n", LastSaid(said)));
  }
  if (has("No route to host") || has("Network is unreachable")) {
    return Unreachable(host,
                       absl::StrCat("there is no way to ", where, "; is the machine up?\n", LastSaid(said)));
  }
  if (has("timed out")) {
    return Unreachable(
        host,
        absl::StrCat(where, " did not answer; is the machine up, and is its port open?\n", LastSaid(said)));
  }
  if (has("no matching ")) {
    return Unreachable(
        host, absl::StrCat("ssh here and sshd at ", where, " have no algorithm in common\n", LastSaid(said)));
  }
  if (has("Bad configuration option") || has("bad configuration options") ||
      has("Bad owner or permissions")) {
    return absl::FailedPreconditionError(
        absl::StrCat("host ", host.name, ": ssh does not like its config\n", LastSaid(said)));
  }
  const std::string lines = LastSaid(said);
  return Unreachable(host, absl::StrCat("ssh cannot connect to ", where,
                                        lines.empty() ? ", and does not say why" : ":\n", lines));
}

absl::Status SessionError(const RemoteHost& host, int exit_code, absl::string_view said) {
  auto has = [&](absl::string_view words) { return absl::StrContains(said, words); };
  if (has("incoming-") && has("Permission denied")) {
    return absl::FailedPreconditionError(absl::StrCat("host ", host.name,
                                                      ": kplan was copied there and cannot be executed; is "
                                                      "its folder on a file system that is mounted noexec?\n",
                                                      LastSaid(said)));
  }
  if (has("No space left on device") || has("Disk quota exceeded")) {
    return absl::ResourceExhaustedError(
        absl::StrCat("host ", host.name, ": there is no room there\n", LastSaid(said)));
  }
  const std::string lines = LastSaid(said);
  return absl::UnavailableError(absl::StrCat(
      "host ", host.name, ": the shell ", host.here() ? "on this machine" : "there", " ended with exit code ",
      exit_code, " before kplan could work", lines.empty() ? "" : ":\n", lines));
}

}  // namespace kplan
