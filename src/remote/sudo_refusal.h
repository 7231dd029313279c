#ifndef KPLAN_REMOTE_SUDO_REFUSAL_H_
#define KPLAN_REMOTE_SUDO_REFUSAL_H_

// Why sudo(8) started no shell that is of use. It has one exit code for all its reasons, and tells an account
// that it does not know the same as one that has to type a password (sudoers(5), sudo 1.9). So it is asked
// two more things afterwards, which need no password where the shell would not have needed one either, and
// what it does then decides; its words, which are English by LC_ALL=C, decide only where it does the same for
// two reasons.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/remote/remote_host.h"

namespace kplan {

enum class SudoRefusal {
  kAbsent,         // there is none, or none in that account's PATH
  kPassword,       // the account may run sh, once it has typed a password
  kTerminal,       // it does nothing without a terminal (requiretty)
  kNoEntry,        // no entry of sudoers is for the account
  kOtherCommands,  // there is one, and it is for other commands than sh, or for another user than root
  kStartsNothing,  // its shell was started, and may start no program (noexec)
  kUnknown,        // something else: its words have to do
};

// How a sudo ended, and what it said: stderr.
struct SudoSaid {
  int exit_code = 0;
  std::string said;
};

struct SudoAnswers {
  SudoSaid shell;               // of the sudo that was to start the shell
  bool starts_nothing = false;  // there was a shell, without a program: id(1) could not be run
  std::string
      user;  // the account that asked; empty: not known, or a name that cannot stand in sudoers as it is
  std::optional<SudoSaid> list;      // sudo -n -l /bin/sh: may the account run that
  std::optional<SudoSaid> validate;  // sudo -n -v: may it run anything, and without a password
};

// Asks the two things, for sh, not as root. What is printed is for ReadSudoAnswers.
std::string SudoQuestions();

// SHELL, and what SudoQuestions printed as far as it came: a line that is not understood is passed over.
SudoAnswers ReadSudoAnswers(SudoSaid shell, absl::string_view printed);

SudoRefusal WhySudoRefused(const SudoAnswers& answers);

// The same as an error, with what to do. Begins with the host's name.
absl::Status SudoError(const RemoteHost& host, const SudoAnswers& answers);

// The error of this machine, where HOST wants sudo and there is none.
absl::Status NoSudo(const RemoteHost& host);

}  // namespace kplan

#endif  // KPLAN_REMOTE_SUDO_REFUSAL_H_
