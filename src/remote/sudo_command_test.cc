#include "src/remote/sudo_command.h"

#include <unistd.h>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/process.h"

namespace kplan {
namespace {

using ::testing::ElementsAre;

TEST(SudoCommandTest, SudoNeverAsks) {
  EXPECT_THAT(RootShellCommand("echo $HOME; exit 1", /*is_root=*/false),
              ElementsAre("sudo", "-n", "--", "/bin/sh", "-c", UnderSudo("echo $HOME; exit 1")));
}

// Run as it is, for it is a script.
TEST(SudoCommandTest, WhatSudoStartsSaysThatItWasStarted) {
  absl::StatusOr<RunResult> ran = kplan::Run(
      {"/bin/sh", "-c", absl::StrCat("PATH=/nowhere; ", UnderSudo("echo \"$PATH\"; uname >/dev/null"))});
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_EQ(ran->exit_code, 0) << ran->err;
  EXPECT_EQ(ran->out,
            absl::StrCat("kplan-shell ", geteuid(),
                         "\n/nowhere:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"));
  // As under noexec: no program can be started.
  std::string script = UnderSudo("exit 0");
  ran = kplan::Run({"/bin/sh", "-c", absl::StrCat("id() { return 126; }; ", script)});
  ASSERT_TRUE(ran.ok()) << ran.status();
  EXPECT_EQ(ran->out, "kplan-shell\n");
}

TEST(SudoCommandTest, RootNeedsNoSudo) {
  EXPECT_THAT(RootShellCommand("exit 1", /*is_root=*/true), ElementsAre("sh", "-c", "exit 1"));
}

TEST(SudoCommandTest, SudoSaysInEnglishWhatIsWrong) {
  const SpawnOptions options =
      RootShellOptions({"HOME=/home/ops", "LC_ALL=de_DE.UTF-8", "LC_MESSAGES=fr_FR", "LANGUAGE=de:fr",
                        "PATH=/home/ops/bin", "SSH_AUTH_SOCK=/tmp/agent"},
                       /*is_root=*/false);
  EXPECT_THAT(options.environment, ElementsAre("HOME=/home/ops", "SSH_AUTH_SOCK=/tmp/agent", "LC_ALL=C"));
}

// A session of its own has no terminal, and sudo knows by the terminal who has typed a password.
TEST(SudoCommandTest, StaysInTheSessionOfTheTerminal) {
  EXPECT_FALSE(RootShellOptions({}, /*is_root=*/false).new_session);
}

TEST(SudoCommandTest, WhatRootRunsWithoutSudoGetsNothingOfTheEnvironmentEither) {
  EXPECT_THAT(RootShellOptions({"HOME=/root", "LD_PRELOAD=x.so"}, /*is_root=*/true).environment,
              ElementsAre("LC_ALL=C"));
}

}  // namespace
}  // namespace kplan
