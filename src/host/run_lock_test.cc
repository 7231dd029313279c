#include "src/host/run_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>

#include "src/base/paths.h"
#include "src/host/ninja_process.h"
#include "src/host/run_holder.h"

namespace kplan {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class RunLockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "/run_lock_XXXXXX";
    ASSERT_NE(mkdtemp(&folder_[0]), nullptr);
    ASSERT_EQ(chdir(folder_.c_str()), 0);
    ASSERT_EQ(mkdir(paths::kState, 0755), 0);
  }

  static RunHolder Self(absl::string_view what = "ninja") {
    return HolderNow(what, FindInstance(getpid()).value());
  }

  // What BODY gives in a process of its own.
  static std::string InChild(const std::function<std::string()>& body) {
    int pipe_fds[2];
    EXPECT_EQ(pipe(pipe_fds), 0);
    const pid_t child = fork();
    if (child == 0) {
      const std::string text = body();
      _exit(write(pipe_fds[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    close(pipe_fds[1]);
    std::string text(4096, '\0');
    text.resize(static_cast<size_t>(std::max<ssize_t>(0, read(pipe_fds[0], &text[0], text.size()))));
    close(pipe_fds[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    return text;
  }

  static std::string TryInChild() {
    return InChild([] {
      absl::StatusOr<RunLock> lock = RunLock::Exclusive("kplan prune");
      return lock.ok() ? "taken" : std::string(lock.status().message());
    });
  }

  std::string folder_;
};

TEST_F(RunLockTest, SecondOneIsToldWho) {
  {
    absl::StatusOr<RunLock> lock = RunLock::Exclusive("kplan gen");
    ASSERT_TRUE(lock.ok()) << lock.status();
    EXPECT_FALSE(lock->ninja_is_behind());
    EXPECT_THAT(TryInChild(),
                MatchesRegex("another ninja or kplan is at work in this folder: kplan gen, process " +
                             std::to_string(getpid()) +
                             " of [^ ]+, since [0-9-]+ [0-9:]+ UTC; run this again when it is done"));
  }
  EXPECT_EQ(TryInChild(), "taken");
}

TEST_F(RunLockTest, EndsWithTheProcess) {
  EXPECT_EQ(InChild([] {
              absl::StatusOr<RunLock>* forgotten =
                  new absl::StatusOr<RunLock>(RunLock::Exclusive("kplan gen"));
              return forgotten->ok() ? "taken" : "refused";
            }),
            "taken");
  EXPECT_EQ(TryInChild(), "taken");
}

TEST_F(RunLockTest, TextAloneLocksNothing) {
  // Of a process that is there, even.
  ASSERT_TRUE(WriteFile(paths::kRunLock, Self().ToText(), 0644).ok());
  EXPECT_EQ(TryInChild(), "taken");
  for (const char* garbage : {"", "\n", "ninja\t1\n", "\xff\xfe\t\t\t\t\t\t\t\n"}) {
    ASSERT_TRUE(WriteFile(paths::kRunLock, garbage, 0644).ok());
    EXPECT_EQ(TryInChild(), "taken") << garbage;
  }
}

TEST_F(RunLockTest, StepsAtWorkRefuseAndAwaitTheOthers) {
  absl::StatusOr<RunLock> step = RunLock::Shared();
  ASSERT_TRUE(step.ok()) << step.status();
  ASSERT_TRUE(RunLock::Shared().ok()) << "steps share it";
  EXPECT_THAT(TryInChild(), HasSubstr("in this folder: steps of a ninja that has ended; run this again"));
}

TEST_F(RunLockTest, NoLinkIsFollowed) {
  ASSERT_EQ(symlink("victim", paths::kRunLock), 0);
  EXPECT_THAT(TryInChild(), HasSubstr("cannot open .kplan/run.lock"));
  EXPECT_NE(access(".kplan/victim", F_OK), 0);
}

TEST_F(RunLockTest, HolderIsReadAsItWasWritten) {
  RunHolder holder = Self();
  std::optional<RunHolder> read = RunHolder::Parse(holder.ToText());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->ToText(), holder.ToText());
  EXPECT_EQ(read->process, holder.process);
  // Torn, at any byte.
  const std::string text = holder.ToText();
  for (size_t size = 0; size < text.size(); ++size)
    EXPECT_FALSE(RunHolder::Parse(text.substr(0, size)).has_value()) << size;
  EXPECT_FALSE(RunHolder::Parse(text + text).has_value());
  EXPECT_FALSE(RunHolder::Parse("\t1\t2\tb\ts\t0\t0\t0\n").has_value());
  EXPECT_FALSE(RunHolder::Parse("ninja\t-\t2\tb\ts\t0\t0\t0\n").has_value());
  EXPECT_FALSE(RunHolder::Parse(std::string(kMaxHolderText, 'n') + "\t1\t2\tb\ts\t0\t0\t0\n").has_value());
}

TEST_F(RunLockTest, HolderIsShownWithoutControls) {
  RunHolder holder;
  holder.what = "ninja\x1b]0;x\a";
  holder.process.pid = 71;
  holder.since = 1764465611000;
  EXPECT_THAT(holder.Describe(), HasSubstr(", process 71 of root, since 2025-11-30 01:20:11 UTC"));
  EXPECT_EQ(holder.Describe().find('\x1b'), std::string::npos);
}

TEST_F(RunLockTest, EndOfAHolderIsSeen) {
  RunHolder holder = Self();
  EXPECT_EQ(LookAt(holder), HolderState::kAtWork);
  // The id went to another process.
  holder.process.start_ticks += 1;
  EXPECT_EQ(LookAt(holder), HolderState::kGone);
  holder = Self();
  holder.process.boot = "another";
  EXPECT_EQ(LookAt(holder), HolderState::kUnseen);
  holder = Self();
  holder.pid_space = "pid:[1]";
  EXPECT_EQ(LookAt(holder), HolderState::kUnseen);
  // A zombie has ended.
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  holder = HolderNow("ninja", FindInstance(child).value());
  EXPECT_EQ(LookAt(holder), HolderState::kAtWork);
  ASSERT_EQ(kill(child, SIGKILL), 0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(LookAt(holder), HolderState::kGone);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(LookAt(holder), HolderState::kGone);
}

TEST_F(RunLockTest, NinjaIsBehindWhatWasWrittenSinceItsStart) {
  // This process began before the logs below, and the one that made this file system long before it.
  const Instance self = FindInstance(getpid()).value();
  Instance later = self;
  later.start_ticks = TicksSinceBoot() + 1000000;
  EXPECT_FALSE(NinjaIsBehind(self)) << "there are no logs";
  const std::string gen = "# ninja log v5\n0\t3\t17\t.kplan/gen.stamp\tabc\n";
  ASSERT_TRUE(WriteFile(paths::kNinjaLog, gen, 0644).ok());
  EXPECT_FALSE(NinjaIsBehind(self)) << "a run with nothing to do";
  ASSERT_TRUE(WriteFile(paths::kNinjaLog, gen + "3\t5\t17\t.kplan/stamps/ca/key\tabc\n", 0644).ok());
  EXPECT_TRUE(NinjaIsBehind(self));
  EXPECT_FALSE(NinjaIsBehind(later));
  ASSERT_TRUE(WriteFile(paths::kNinjaLog, gen + "3\t5", 0644).ok());
  EXPECT_TRUE(NinjaIsBehind(self)) << "torn";
  ASSERT_TRUE(WriteFile(paths::kNinjaLog, gen, 0644).ok());
  ASSERT_TRUE(WriteFile(paths::kNinjaDeps, "# ninjadeps\n", 0644).ok());
  EXPECT_TRUE(NinjaIsBehind(self));
  EXPECT_FALSE(NinjaIsBehind(later));
}

TEST_F(RunLockTest, AncestorsAreFollowedToTheFirst) {
  // A test that ninja itself started would find that one.
  const std::optional<Instance> ninja = FindNinja();
  if (ninja.has_value()) {
    EXPECT_THAT(NameOf(ninja->pid)->name, HasSubstr("ninja"));
  }
  EXPECT_FALSE(NameOf(0).has_value());
  EXPECT_EQ(NameOf(getpid())->parent, getppid());
}

}  // namespace
}  // namespace kplan
