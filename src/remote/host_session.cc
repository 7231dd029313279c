#include "src/remote/host_session.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "src/base/clock.h"
#include "src/remote/agent_protocol.h"
#include "src/remote/ssh_connection.h"
#include "src/remote/ssh_errors.h"
#include "src/remote/sudo_command.h"
#include "src/remote/sudo_refusal.h"

extern char** environ;

namespace kplan {
namespace {

constexpr int kSshFailed = 255;
// sshd lets only so many sessions share a connection (MaxSessions: 10, on hardened hosts fewer): the others
// wait for their turn.
constexpr absl::Duration kBusy = absl::Minutes(2);
constexpr absl::Duration kBusyPause = absl::Milliseconds(50);

// Who runs the script: for messages.
std::string ShellOf(const RemoteHost& host) { return host.here() ? "sudo" : "the login shell there"; }

std::vector<std::string> OurEnvironment() {
  std::vector<std::string> environment;
  for (char** each = environ; *each != nullptr; ++each) environment.push_back(*each);
  return environment;
}

absl::StatusOr<Conversation> StartQuestions(const RemoteHost& host, Clock* clock) {
  const Patience patience(kGreetingBounds, clock);
  if (host.here()) {
    return Conversation::Start({"sh", "-c", SudoQuestions()},
                               RootShellOptions(OurEnvironment(), /*is_root=*/false), patience);
  }
  RemoteHost as_login = host;
  as_login.become = false;
  absl::StatusOr<SshConnection> connection = SshConnection::Open(as_login);
  if (!connection.ok()) return connection.status();
  return connection->Start(SudoQuestions(), patience);
}

// The error of HOST's sudo, which has ended as SHELL says, without starting one or (STARTS_NOTHING) with one
// of no use. Where nothing more can be asked, that has to do.
absl::Status SudoRefused(const RemoteHost& host, SudoSaid shell, bool starts_nothing, Clock* clock) {
  constexpr size_t kMost = 16 << 10;
  std::string printed;
  absl::StatusOr<Conversation> conversation = StartQuestions(host, clock);
  while (conversation.ok() && printed.size() < kMost) {
    absl::StatusOr<std::string> line = conversation->ReadLine(kMost);
    if (!line.ok()) break;
    absl::StrAppend(&printed, *line, "\n");
  }
  SudoAnswers answers = ReadSudoAnswers(std::move(shell), printed);
  answers.starts_nothing = starts_nothing;
  return SudoError(host, answers);
}

enum class Outcome { kGreeted, kBusy, kGone };

// Reads up to the greeting. BY_SUDO: the script runs under one (sudo_command.h).
absl::StatusOr<Outcome> ReadGreeting(const RemoteHost& host, bool by_sudo, Clock* clock,
                                     Conversation* conversation, std::string* greeting) {
  constexpr size_t kMostNoise = 64 << 10;
  bool let_in = !by_sudo;
  for (size_t noise = 0; noise < kMostNoise;) {
    absl::StatusOr<std::string> line = conversation->ReadLine(kMostNoise);
    if (absl::IsOutOfRange(line.status())) break;
    if (absl::IsDeadlineExceeded(line.status())) {
      return absl::DeadlineExceededError(absl::StrCat(
          "host ", host.name, ": ", ShellOf(host), " does not come to kplan: ", line.status().message(),
          "; try `", host.here() ? "sudo -n true" : absl::StrCat("ssh ", host.ssh.shown()), "` by hand"));
    }
    if (!line.ok()) {
      const int exit_code = conversation->Finish(absl::Seconds(5));
      if (host.here() || exit_code != kSshFailed) {
        return let_in
                   ? SessionError(host, exit_code, conversation->errors())
                   : SudoRefused(host, {exit_code, conversation->errors()}, /*starts_nothing=*/false, clock);
      }
      const bool busy = absl::StrContains(conversation->errors(), "open refused by peer");
      return busy ? Outcome::kBusy : Outcome::kGone;
    }
    absl::string_view rest = *line;
    if (!let_in && absl::ConsumePrefix(&rest, kSudoShellWord)) {
      let_in = true;
      if (absl::StripAsciiWhitespace(rest).empty()) {
        const int exit_code = conversation->Finish(absl::Seconds(5));
        return SudoRefused(host, {exit_code, conversation->errors()}, /*starts_nothing=*/true, clock);
      }
    }
    if (absl::ConsumePrefix(&rest, kAgentWord)) {
      *greeting = std::string(rest);
      return Outcome::kGreeted;
    }
    noise += line->size() + 1;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("host ", host.name, ": ", ShellOf(host), " prints without end"));
}

absl::StatusOr<HostSession> StartHere(const RemoteHost& host, absl::string_view script, Clock* clock) {
  if (absl::Status status = SshConnection::MakeFolder(); !status.ok()) return status;
  const bool is_root = geteuid() == 0;
  absl::StatusOr<Conversation> conversation =
      Conversation::Start(RootShellCommand(script, is_root), RootShellOptions(OurEnvironment(), is_root),
                          Patience(kGreetingBounds, clock));
  if (absl::IsNotFound(conversation.status())) return NoSudo(host);
  if (!conversation.ok()) return conversation.status();
  std::string greeting;
  absl::StatusOr<Outcome> outcome = ReadGreeting(host, !is_root, clock, &*conversation, &greeting);
  if (!outcome.ok()) return outcome.status();
  return HostSession{*std::move(conversation), std::move(greeting)};
}

}  // namespace

absl::StatusOr<HostSession> HostSession::Start(const RemoteHost& host, absl::string_view script,
                                               Clock* clock) {
  if (host.here()) return StartHere(host, script, clock);
  const absl::Time deadline = clock->Now() + kBusy;
  bool gone = false;
  for (;;) {
    absl::StatusOr<SshConnection> connection = SshConnection::Open(host);
    if (!connection.ok()) return connection.status();
    absl::StatusOr<Conversation> conversation = connection->Start(script, Patience(kGreetingBounds, clock));
    if (!conversation.ok()) return conversation.status();
    std::string greeting;
    absl::StatusOr<Outcome> outcome = ReadGreeting(host, host.become, clock, &*conversation, &greeting);
    if (!outcome.ok()) return outcome.status();
    if (*outcome == Outcome::kGreeted) return HostSession{*std::move(conversation), std::move(greeting)};
    if (*outcome == Outcome::kGone) {
      // The connection may have ended between the look at its socket and its use; once is bad luck.
      if (gone) return ConnectionBroke(host, "as soon as it was made");
      gone = true;
      continue;
    }
    if (clock->Now() >= deadline) {
      return absl::UnavailableError(absl::StrCat("host ", host.name, ": sshd there let no session begin for ",
                                                 absl::FormatDuration(kBusy),
                                                 "; is MaxSessions in its configuration too small?"));
    }
    // Nobody tells when one of the others, of this or another kplan, has ended.
    clock->SleepFor(kBusyPause);
  }
}

absl::Status ConnectionBroke(const RemoteHost& host, absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("host ", host.name, ": ",
                                             host.here() ? "sudo ended " : "the connection broke ", what,
                                             "; nothing is half done there, run ninja again"));
}

}  // namespace kplan
