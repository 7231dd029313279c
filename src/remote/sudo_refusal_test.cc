#include "src/remote/sudo_refusal.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kPassword[] = "sudo: a password is required\n";
constexpr char kTty[] = "sudo: sorry, you must have a tty to run sudo\n";
constexpr char kMayNot[] = "Sorry, user ops may not run sudo on etcd-1.\n";

RemoteHost Host(bool here = false) {
  RemoteHost host;
  host.name = "etcd-1";
  host.become = true;
  if (!here) host.ssh.host = "10.0.0.11";
  return host;
}

SudoAnswers Answers(SudoSaid shell) {
  SudoAnswers answers;
  answers.shell = std::move(shell);
  return answers;
}

SudoAnswers Answers(SudoSaid shell, SudoSaid list, SudoSaid validate) {
  SudoAnswers answers = Answers(std::move(shell));
  answers.user = "ops";
  answers.list = std::move(list);
  answers.validate = std::move(validate);
  return answers;
}

// What sudo 1.9.13 does by each of these sudoers, asked in its English.
TEST(SudoRefusal, WhatSudoDoesDecides) {
  struct Case {
    const char* sudoers;
    SudoSaid shell, list, validate;
    SudoRefusal why;
  };
  for (const Case& each : std::vector<Case>{
           {"ops ALL=(ALL) ALL", {1, kPassword}, {1, kPassword}, {1, kPassword}, SudoRefusal::kPassword},
           {"ops ALL=(ALL) ALL, NOPASSWD: /usr/bin/id",
            {1, kPassword},
            {0, ""},
            {1, kPassword},
            SudoRefusal::kPassword},
           {"nothing of ops", {1, kPassword}, {1, kPassword}, {1, kMayNot}, SudoRefusal::kNoEntry},
           {"ops ALL=(ALL) NOPASSWD: /usr/bin/id",
            {1, kPassword},
            {1, ""},
            {0, ""},
            SudoRefusal::kOtherCommands},
           {"ops ALL=(daemon) NOPASSWD: ALL", {1, kPassword}, {1, ""}, {0, ""}, SudoRefusal::kOtherCommands},
           {"the same, and Defaults listpw=always",
            {1, kPassword},
            {1, kPassword},
            {0, ""},
            SudoRefusal::kOtherCommands},
           {"Defaults requiretty", {1, kTty}, {1, kTty}, {1, kTty}, SudoRefusal::kTerminal},
           {"ops ALL=(ALL) NOPASSWD: ALL, and PAM lets no session begin",
            {1, "sudo: pam_open_session: Permission denied\n"},
            {0, ""},
            {0, ""},
            SudoRefusal::kUnknown},
           {"its program is not root's",
            {1, "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n"},
            {1, "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n"},
            {1, "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n"},
            SudoRefusal::kUnknown},
           {"there is no sudo",
            {127, "env: 'sudo': No such file or directory\n"},
            {127, "sh: 1: sudo: not found\n"},
            {127, "sh: 1: sudo: not found\n"},
            SudoRefusal::kAbsent}}) {
    EXPECT_EQ(WhySudoRefused(Answers(each.shell, each.list, each.validate)), each.why) << each.sudoers;
  }
}

// A sudo that does not go by LC_ALL=C, and one whose words nobody here knows.
TEST(SudoRefusal, NoWordIsNeededWhereItsBehaviourSaysIt) {
  for (const char* said :
       {"sudo: Ein Passwort ist notwendig\n", "sudo: il est nécessaire de saisir un mot\n", ""}) {
    EXPECT_EQ(WhySudoRefused(Answers({1, said}, {0, ""}, {1, said})), SudoRefusal::kPassword) << said;
    EXPECT_EQ(WhySudoRefused(Answers({1, said}, {1, ""}, {0, ""})), SudoRefusal::kOtherCommands) << said;
    EXPECT_EQ(WhySudoRefused(Answers({127, said}, {127, said}, {127, said})), SudoRefusal::kAbsent) << said;
    EXPECT_EQ(WhySudoRefused(Answers({1, said}, {1, "x"}, {1, "x"})), SudoRefusal::kUnknown) << said;
  }
}

// The connection broke, or a login shell would not run the questions.
TEST(SudoRefusal, ItsWordsHaveToDoWhereNothingMoreWasAnswered) {
  struct Case {
    const char* said;
    SudoRefusal why;
  };
  for (const Case& each : std::vector<Case>{
           {kPassword, SudoRefusal::kPassword},
           {"sudo: a terminal is required to read the password; either use the -S option\n",
            SudoRefusal::kPassword},
           {"sudo: interactive authentication is required\n", SudoRefusal::kPassword},  // sudo-rs
           {kTty, SudoRefusal::kTerminal},
           {"ops is not in the sudoers file.\n", SudoRefusal::kNoEntry},
           {"Sorry, user ops is not allowed to execute '/bin/sh' as root on h.\n",
            SudoRefusal::kOtherCommands},
           {"sudo: /etc/sudoers is world writable\n", SudoRefusal::kUnknown},
           {"", SudoRefusal::kUnknown}}) {
    EXPECT_EQ(WhySudoRefused(Answers({1, each.said})), each.why) << each.said;
  }
}

TEST(SudoRefusal, TheQuestionsAreForAnyLoginShell) {
  EXPECT_EQ(SudoQuestions().find_first_of("'!\\\n"), std::string::npos) << SudoQuestions();
}

TEST(SudoRefusal, WhatTheQuestionsPrint) {
  const SudoAnswers answers = ReadSudoAnswers({1, kPassword},
                                              "Welcome to etcd-1\n"
                                              "kplan-sudo user ops\n"
                                              "sudo: unable to resolve host etcd-1\n"
                                              "sudo: a password is required\n"
                                              "kplan-sudo list 1\n"
                                              "Sorry, user ops may not run sudo on etcd-1.\n"
                                              "kplan-sudo validate 1\n");
  EXPECT_EQ(answers.shell.said, kPassword);
  EXPECT_EQ(answers.user, "ops");
  ASSERT_TRUE(answers.list && answers.validate);
  EXPECT_EQ(answers.list->said, "sudo: unable to resolve host etcd-1\nsudo: a password is required\n");
  EXPECT_EQ(answers.list->exit_code, 1);
  EXPECT_EQ(answers.validate->said, kMayNot);
  EXPECT_EQ(WhySudoRefused(answers), SudoRefusal::kNoEntry);
}

TEST(SudoRefusal, WhatTheQuestionsDidNotPrintIsNotKnown) {
  for (const char* printed : {"", "kplan-sudo list\nkplan-sudo validate x\nkplan-sudo\n", "kplan-sudo 1\n",
                              "kplan-sudo user a b\n", "kplan-sudo user %wheel\n", "kplan-sudo user \n"}) {
    const SudoAnswers answers = ReadSudoAnswers({1, ""}, printed);
    EXPECT_EQ(answers.user, "") << printed;
    EXPECT_FALSE(answers.list || answers.validate) << printed;
  }
  EXPECT_EQ(ReadSudoAnswers({1, ""}, absl::StrCat("kplan-sudo user ", std::string(65, 'a'))).user, "");
  EXPECT_EQ(ReadSudoAnswers({1, ""}, "kplan-sudo user ops\nkplan-sudo list 0\n").list->exit_code, 0);
}

std::string Error(const RemoteHost& host, const SudoAnswers& answers) {
  const absl::Status error = SudoError(host, answers);
  EXPECT_THAT(std::string(error.message()), StartsWith("host etcd-1: "));
  return std::string(error.message());
}

TEST(SudoRefusal, EachIsAnErrorOfItsOwnWithItsRemedy) {
  const SudoAnswers password = Answers({1, kPassword}, {1, kPassword}, {1, kPassword});
  EXPECT_EQ(
      Error(Host(), password),
      "host etcd-1: sudo wants a password there, and nobody can type one\n"
      "  have root write `ops ALL=(root) NOPASSWD: ALL` with `visudo -f /etc/sudoers.d/kplan` there, or let "
      "`ssh:` log in as root and leave `become` out\n"
      "    sudo: a password is required");
  EXPECT_EQ(
      Error(Host(), Answers({1, kTty}, {1, kTty}, {1, kTty})),
      "host etcd-1: sudo wants a terminal there (requiretty), and there is none\n"
      "  have root write `Defaults:ops !requiretty` with `visudo -f /etc/sudoers.d/kplan` there, or let "
      "`ssh:` log in as root and leave `become` out\n"
      "    sudo: sorry, you must have a tty to run sudo");
  EXPECT_THAT(Error(Host(), Answers({1, kPassword}, {1, kPassword}, {1, kMayNot})),
              AllOf(HasSubstr("sudo does not let ops run anything there: no entry of sudoers(5) is for it"),
                    HasSubstr("`ops ALL=(root) NOPASSWD: ALL`")));
  EXPECT_THAT(Error(Host(), Answers({1, kPassword}, {1, ""}, {0, ""})),
              AllOf(HasSubstr("sudo does not let ops run sh as root there: its entries"),
                    HasSubstr("`ops ALL=(root) NOPASSWD: ALL`")));
  EXPECT_THAT(Error(Host(), Answers({127, "env: 'sudo': No such file or directory\n"})),
              AllOf(HasSubstr("there is no sudo there\n  install it"), HasSubstr("No such file")));
  EXPECT_THAT(
      Error(Host(), Answers({1, "sudo: /etc/sudoers is world writable\n"})),
      AllOf(HasSubstr("sudo there ended with exit code 1 and started no shell\n"),
            HasSubstr("`sudo -n /bin/sh -c true`"), HasSubstr("    sudo: /etc/sudoers is world writable")));
  SudoAnswers noexec = Answers({0, "/bin/sh: 1: mkdir: Permission denied\n"}, {0, ""}, {0, ""});
  noexec.starts_nothing = true;
  EXPECT_EQ(Error(Host(), noexec),
            "host etcd-1: sudo starts a shell there that may start nothing (noexec)\n"
            "  have root write `ops ALL=(root) NOPASSWD: EXEC: ALL` with `visudo -f /etc/sudoers.d/kplan` "
            "there, or let "
            "`ssh:` log in as root and leave `become` out");
}

TEST(SudoRefusal, AnAccountThatIsNotKnown) {
  EXPECT_THAT(Error(Host(), Answers({1, kPassword})), HasSubstr("`USER ALL=(root) NOPASSWD: ALL`"));
  EXPECT_THAT(Error(Host(), Answers({1, "ops is not in the sudoers file.\n"})),
              HasSubstr("sudo does not let the account that logs in run anything there"));
}

// Nobody logs in there, and nothing is to be written about ssh.
TEST(SudoRefusal, OnThisMachine) {
  const RemoteHost here = Host(/*here=*/true);
  for (const SudoAnswers& answers :
       {Answers({1, kPassword}, {1, kPassword}, {1, kPassword}), Answers({1, kTty}),
        Answers({1, kPassword}, {1, kPassword}, {1, kMayNot}), Answers({1, kPassword}, {1, ""}, {0, ""}),
        Answers({127, ""}), Answers({1, ""})}) {
    EXPECT_THAT(Error(here, answers),
                AllOf(HasSubstr("on this machine"), HasSubstr("or run kplan and ninja as root"),
                      Not(HasSubstr("ssh")), Not(HasSubstr("there,"))));
  }
  EXPECT_THAT(
      Error(here, Answers({1, kPassword})),
      HasSubstr("and kplan types none\n  run `sudo -v` before, in this terminal, or have root write"));
  EXPECT_THAT(Error(here, Answers({1, kTty})), HasSubstr("run ninja in a terminal, or"));
  EXPECT_EQ(NoSudo(here).message(),
            "host etcd-1: there is no sudo on this machine\n  install it, or run kplan and ninja as root");
}

// What the other side says may be anything.
TEST(SudoRefusal, WhatIsQuotedIsHarmless) {
  EXPECT_THAT(Error(Host(), Answers({1, "\x1b[2Jboo\n"})),
              AllOf(HasSubstr("\\x1b[2Jboo"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace kplan
