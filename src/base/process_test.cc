#include "src/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/base/spawn.h"

namespace kplan {
namespace {

using testing::HasSubstr;

RunResult MustRun(const std::vector<std::string>& argv, const RunOptions& options = {}) {
  absl::StatusOr<RunResult> result = kplan::Run(argv, options);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : RunResult();
}

RunResult Shell(const std::string& script, const RunOptions& options = {}) {
  return MustRun({"sh", "-c", script}, options);
}

// True when PID is gone within ten seconds.
bool WaitUntilGone(pid_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.ok()) return errno == ESRCH;
  struct pollfd event = {fd.get(), POLLIN, 0};
  return poll(&event, 1, 10000) == 1;
}

TEST(Run, KeepsOutputErrorsAndExitCodeApart) {
  RunResult result = Shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_FALSE(result.ok());
  EXPECT_TRUE(Shell("true").ok());
}

TEST(Run, NoShellSeesTheArguments) {
  RunResult result = MustRun({"printf", "%s\\n", "$(id) `id` ; * $HOME", "", "a b"});
  EXPECT_EQ(result.out, "$(id) `id` ; * $HOME\n\na b\n");
}

TEST(Run, ASignalIs128PlusItsNumber) { EXPECT_EQ(Shell("kill -KILL $$").exit_code, 128 + SIGKILL); }

TEST(Run, AProgramThatIsNotThere) {
  EXPECT_TRUE(absl::IsNotFound(kplan::Run({"kplan-no-such-program"}).status()));
  EXPECT_TRUE(absl::IsNotFound(kplan::Run({"/nonexistent/program"}).status()));
}

TEST(Run, AFileThatIsNoProgram) {
  std::string path = testing::TempDir() + "/not-a-program";
  ASSERT_TRUE(WriteFile(path, "neither ELF nor a script", 0755).ok());
  absl::StatusOr<RunResult> result = kplan::Run({path});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(std::string(result.status().message()), HasSubstr(path));
}

TEST(Run, TheEnvironmentIsOnlyWhatIsAskedFor) {
  setenv("ETCDCTL_ENDPOINTS", "http://elsewhere", 1);
  RunOptions options;
  options.environment = {"A=1"};
  RunResult result = MustRun({"env"}, options);
  EXPECT_THAT(result.out, HasSubstr("A=1\n"));
  EXPECT_THAT(result.out, HasSubstr("PATH="));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("ETCDCTL")));
  EXPECT_THAT(result.out, testing::Not(HasSubstr("HOME=")));
}

TEST(Run, StdinIsEmptyAndNoDescriptorLeaks) {
  EXPECT_EQ(Shell("cat").out, "");
  int leak = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ASSERT_GT(leak, 2);
  EXPECT_EQ(Shell(absl::StrCat("test ! -e /proc/self/fd/", leak, " && echo closed")).out, "closed\n");
  close(leak);
}

TEST(Run, WorkingFolder) {
  RunOptions options;
  options.working_folder = "/";
  EXPECT_EQ(Shell("pwd", options).out, "/\n");
  options.working_folder = "/nonexistent";
  EXPECT_FALSE(kplan::Run({"true"}, options).ok());
}

TEST(Run, KeepsTheFirstMebibyteAndDoesNotBlock) {
  RunResult result = Shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo end >&2");
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(result.out.size(), size_t{1} << 20);
  EXPECT_EQ(result.err.size(), size_t{1} << 20);
}

TEST(Run, EndsAChildThatTakesTooLong) {
  RunOptions options;
  options.timeout = absl::Milliseconds(50);
  absl::Time start = absl::Now();
  RunResult result = MustRun({"sleep", "1000"}, options);
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.exit_code, 128 + SIGTERM);
  EXPECT_LT(absl::Now() - start, absl::Seconds(100));
}

TEST(Run, KillsAChildThatIgnoresTheFirstSignal) {
  RunOptions options;
  options.timeout = absl::Milliseconds(300);
  // The shell itself must loop: a sleep of its own would be ended by nobody.
  RunResult result = Shell("trap '' TERM; echo ready; while :; do :; done", options);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.out, "ready\n");
  EXPECT_EQ(result.exit_code, 128 + SIGKILL);
}

TEST(Run, AnInfiniteTimeoutWaitsWithoutSpinning) {
  RunOptions options;
  options.timeout = absl::InfiniteDuration();
  struct timespec before, after;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  EXPECT_EQ(MustRun({"sleep", "0.5"}, options).exit_code, 0);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  EXPECT_LT(absl::DurationFromTimespec(after) - absl::DurationFromTimespec(before), absl::Milliseconds(250));
}

TEST(Run, ADaemonThatKeepsThePipesOpenDoesNotHoldItUp) {
  absl::Time start = absl::Now();
  RunResult result = Shell("sleep 1000 & echo $!");
  EXPECT_TRUE(result.ok());
  EXPECT_LT(absl::Now() - start, absl::Seconds(100));
  int daemon = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripSuffix(result.out, "\n"), &daemon)) << result.out;
  EXPECT_EQ(kill(daemon, 0), 0) << "what a child left behind must live on";
  kill(daemon, SIGKILL);
}

TEST(Run, WhatTheChildReads) {
  const std::string large(300000, 'x');  // more than a pipe holds
  RunOptions options;
  options.input = large;
  absl::StatusOr<RunResult> result = kplan::Run({"sh", "-c", "wc -c"}, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->out, "300000\n");
  // By anything that never reads it, nobody is held up.
  result = kplan::Run({"true"}, options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_code, 0);
}

TEST(Run, AChildDoesNotOutliveAKilledParent) {
  int report[2];
  ASSERT_EQ(pipe2(report, O_CLOEXEC), 0);
  pid_t parent = fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    // Standard error is the pipe back to the test; the child of the child inherits it.
    dup2(report[1], 2);
    RunOptions options;
    options.inherit_errors = true;
    (void)kplan::Run({"sh", "-c", "echo $$ >&2; exec sleep 1000"}, options);
    _exit(1);
  }
  close(report[1]);
  char text[32] = {};
  ASSERT_GT(read(report[0], text, sizeof(text) - 1), 0);
  int grandchild = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripSuffix(text, "\n"), &grandchild)) << text;
  kill(parent, SIGKILL);
  ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
  bool gone = WaitUntilGone(grandchild);
  EXPECT_TRUE(gone);
  if (!gone) kill(grandchild, SIGKILL);
  close(report[0]);
}

TEST(Drain, ComesBackFromWhatHasNoEnd) {
  UniqueFd zero(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  std::string out;
  EXPECT_TRUE(Drain(zero.get(), 100, &out));
  EXPECT_EQ(out.size(), 100u);
}

// It writes faster than it is read, and so there is always more.
TEST(Run, WhoWritesWithoutEndIsStoppedInTime) {
  RunOptions options;
  options.timeout = absl::Milliseconds(50);
  for (const char* script :
       {"exec cat /dev/zero", "exec cat /dev/zero >&2", "cat /dev/zero & exec cat /dev/zero >&2"}) {
    absl::StatusOr<RunResult> result = kplan::Run({"sh", "-c", script}, options);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(result->timed_out);
    EXPECT_LE(result->out.size(), size_t{1} << 20);
    EXPECT_LE(result->err.size(), size_t{1} << 20);
  }
}

TEST(FindProgram, LooksInPathAndTheSystemFolders) {
  EXPECT_THAT(FindProgram("sh"), testing::EndsWith("/sh"));
  EXPECT_EQ(FindProgram("/bin/sh"), "/bin/sh");
  EXPECT_EQ(FindProgram("kplan-no-such-program"), "");
  std::string path = getenv("PATH") != nullptr ? getenv("PATH") : "";
  setenv("PATH", "/usr/bin", 1);
  EXPECT_THAT(FindProgram("start-stop-daemon"), HasSubstr("sbin/start-stop-daemon"));
  setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace kplan
