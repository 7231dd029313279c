#include "src/remote/sudo_refusal.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/text.h"
#include "src/remote/ssh_errors.h"

namespace kplan {
namespace {

// How a line of SudoQuestions begins that is not sudo's.
constexpr absl::string_view kWord = "kplan-sudo ";
constexpr int kNotFound = 127;  // of the shell or of env(1)
constexpr size_t kLongestUser = 64;

bool Says(const SudoSaid& sudo, std::initializer_list<absl::string_view> any_of) {
  return std::any_of(any_of.begin(), any_of.end(),
                     [&](absl::string_view words) { return absl::StrContains(sudo.said, words); });
}

// An account that may run nothing: 1.9, and before that the same of a command.
bool SaysNoEntry(const SudoSaid& sudo) {
  return Says(sudo, {"may not run sudo", "not in the sudoers file", "not allowed to run sudo"});
}

absl::string_view Place(const RemoteHost& host) { return host.here() ? "on this machine" : "there"; }

// What else makes root of whoever works on HOST.
std::string OtherWay(const RemoteHost& host) {
  return host.here() ? "or run kplan and ninja as root"
                     : "or let `ssh:` log in as root and leave `become` out";
}

std::string Account(const RemoteHost& host, const SudoAnswers& answers) {
  if (!answers.user.empty()) return answers.user;
  return host.here() ? "your account" : "the account that logs in";
}

std::string User(const SudoAnswers& answers) { return answers.user.empty() ? "USER" : answers.user; }

// A line that root has to write; visudo refuses one that would lock everybody out.
std::string Write(const RemoteHost& host, const std::string& line) {
  return absl::StrCat("have root write `", line, "` with `visudo -f /etc/sudoers.d/kplan` ", Place(host));
}

// The last entry that fits counts, and the file is read last.
std::string WriteRule(const RemoteHost& host, const SudoAnswers& answers,
                      absl::string_view tags = "NOPASSWD:") {
  return Write(host, absl::StrCat(User(answers), " ALL=(root) ", tags, " ALL"));
}

absl::Status Refuse(const RemoteHost& host, absl::string_view what, absl::string_view remedy,
                    absl::string_view said) {
  const std::string lines = LastSaid(said);
  return absl::PermissionDeniedError(absl::StrCat("host ", host.name, ": ", what, "\n  ", remedy, ", ",
                                                  OtherWay(host), lines.empty() ? "" : "\n", lines));
}

}  // namespace

std::string SudoQuestions() {
  return absl::StrCat("LC_ALL=C; export LC_ALL; echo ", kWord, "user \"$(id -un)\"; ",  //
                      "sudo -n -l /bin/sh 2>&1 >/dev/null; echo ", kWord, "list $?; ",
                      "sudo -n -v 2>&1; echo ", kWord, "validate $?");
}

SudoAnswers ReadSudoAnswers(SudoSaid shell, absl::string_view printed) {
  SudoAnswers answers;
  answers.shell = std::move(shell);
  std::string said;
  for (absl::string_view line : absl::StrSplit(printed, '\n', absl::SkipEmpty())) {
    absl::string_view rest = line;
    if (!absl::ConsumePrefix(&rest, kWord)) {
      absl::StrAppend(&said, line, "\n");
      continue;
    }
    SudoSaid sudo;
    if (absl::ConsumePrefix(&rest, "user ")) {
      if (OnlyAlnumAnd(rest, "._-") && rest.size() <= kLongestUser) answers.user = std::string(rest);
    } else if (absl::ConsumePrefix(&rest, "list ") && absl::SimpleAtoi(rest, &sudo.exit_code)) {
      sudo.said = said;
      answers.list = std::move(sudo);
    } else if (absl::ConsumePrefix(&rest, "validate ") && absl::SimpleAtoi(rest, &sudo.exit_code)) {
      sudo.said = said;
      answers.validate = std::move(sudo);
    }
    said.clear();
  }
  return answers;
}

SudoRefusal WhySudoRefused(const SudoAnswers& answers) {
  const SudoSaid& shell = answers.shell;
  if (answers.starts_nothing) return SudoRefusal::kStartsNothing;
  if (shell.exit_code == kNotFound) return SudoRefusal::kAbsent;
  // It refuses everything in the same way then, and does so before it looks at anything else.
  if (Says(shell, {"must have a tty"})) return SudoRefusal::kTerminal;
  const bool listed = answers.list && answers.list->exit_code == 0;
  const bool valid = answers.validate && answers.validate->exit_code == 0;
  // sh may be run. Where the account need not prove who it is, something behind that has failed.
  if (listed && answers.validate) return valid ? SudoRefusal::kUnknown : SudoRefusal::kPassword;
  // It said without a password what may be run, and sh is not among it.
  if (answers.list && !listed && answers.list->said.empty()) return SudoRefusal::kOtherCommands;
  // All entries are without a password, and none was for sh.
  if (valid) return SudoRefusal::kOtherCommands;
  if (SaysNoEntry(shell) || (answers.validate && SaysNoEntry(*answers.validate)))
    return SudoRefusal::kNoEntry;
  if (Says(shell, {"not allowed to execute"})) return SudoRefusal::kOtherCommands;
  if (Says(shell, {"password is required", "terminal is required", "authentication is required"}))
    return SudoRefusal::kPassword;
  return SudoRefusal::kUnknown;
}

absl::Status NoSudo(const RemoteHost& host) {
  return absl::FailedPreconditionError(absl::StrCat("host ", host.name, ": there is no sudo ", Place(host),
                                                    "\n  install it, ", OtherWay(host)));
}

absl::Status SudoError(const RemoteHost& host, const SudoAnswers& answers) {
  const std::string account = Account(host, answers);
  const std::string& said = answers.shell.said;
  switch (WhySudoRefused(answers)) {
    case SudoRefusal::kAbsent: {
      const absl::Status error = NoSudo(host);
      const std::string lines = LastSaid(said);
      return absl::Status(error.code(), absl::StrCat(error.message(), lines.empty() ? "" : "\n", lines));
    }
    case SudoRefusal::kPassword:
      return Refuse(host,
                    absl::StrCat("sudo wants a password ", Place(host), ", and ",
                                 host.here() ? "kplan types none" : "nobody can type one"),
                    absl::StrCat(host.here() ? "run `sudo -v` before, in this terminal, or " : "",
                                 WriteRule(host, answers)),
                    said);
    case SudoRefusal::kTerminal:
      return Refuse(host,
                    absl::StrCat("sudo wants a terminal ", Place(host), " (requiretty), and there is none"),
                    absl::StrCat(host.here() ? "run ninja in a terminal, or " : "",
                                 Write(host, absl::StrCat("Defaults:", User(answers), " !requiretty"))),
                    said);
    case SudoRefusal::kNoEntry:
      return Refuse(host,
                    absl::StrCat("sudo does not let ", account, " run anything ", Place(host),
                                 ": no entry of sudoers(5) is for it"),
                    WriteRule(host, answers), said);
    case SudoRefusal::kOtherCommands:
      return Refuse(host,
                    absl::StrCat("sudo does not let ", account, " run sh as root ", Place(host),
                                 ": its entries of sudoers(5) are for something else"),
                    WriteRule(host, answers), said);
    case SudoRefusal::kStartsNothing:
      return Refuse(host,
                    absl::StrCat("sudo starts a shell ", Place(host), " that may start nothing (noexec)"),
                    WriteRule(host, answers, "NOPASSWD: EXEC:"), "");
    case SudoRefusal::kUnknown:
      break;
  }
  return Refuse(host,
                absl::StrCat("sudo ", Place(host), " ended with exit code ", answers.shell.exit_code,
                             " and started no shell"),
                absl::StrCat("try `sudo -n /bin/sh -c true` as ", account, " ", Place(host),
                             host.here() ? "" : " by ssh", ", without a terminal"),
                said);
}

}  // namespace kplan
