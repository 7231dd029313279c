#include "src/systemd/systemctl.h"

#include <stdlib.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "src/base/clock_testing.h"
#include "src/base/files.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// As `systemctl show` of systemd 252 prints it.
constexpr char kRunning[] =
    "MainPID=231\nNRestarts=0\nExecMainStatus=0\nResult=success\nLoadState=loaded\nActiveState=active\n"
    "SubState=running\nNeedDaemonReload=no\nLoadError=\nInvocationID=0f5c0f4f2b0b4f0bb1c1a6a3f9f6d0aa\n";

TEST(ParseUnitState, ARunningUnit) {
  absl::StatusOr<UnitState> state = ParseUnitState(kRunning);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->load_state, "loaded");
  EXPECT_EQ(state->load_error, "");
  EXPECT_EQ(state->active_state, "active");
  EXPECT_EQ(state->sub_state, "running");
  EXPECT_EQ(state->result, "success");
  EXPECT_EQ(state->invocation, "0f5c0f4f2b0b4f0bb1c1a6a3f9f6d0aa");
  EXPECT_EQ(state->main_pid, 231);
  EXPECT_FALSE(state->needs_daemon_reload);
}

TEST(ParseUnitState, AUnitThatFailsAndIsTriedAgain) {
  absl::StatusOr<UnitState> state = ParseUnitState(
      "MainPID=0\nNRestarts=3\nExecMainStatus=2\nResult=exit-code\nLoadState=loaded\nActiveState=activating\n"
      "SubState=auto-restart\nNeedDaemonReload=yes\nLoadError=\nInvocationID=\n");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_TRUE(state->needs_daemon_reload);
  EXPECT_EQ(state->main_pid, 0);
  EXPECT_THAT(state->Describe(), HasSubstr("ActiveState=activating SubState=auto-restart Result=exit-code "
                                           "ExecMainStatus=2 NRestarts=3"));
}

TEST(ParseUnitState, SystemdsOwnWordsOnABadUnit) {
  absl::StatusOr<UnitState> state = ParseUnitState(
      "LoadState=bad-setting\nActiveState=inactive\nSubState=dead\n"
      "LoadError=org.freedesktop.systemd1.BadUnitSetting \"Unit etcd.service has a bad unit file "
      "setting.\"\n");
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->load_state, "bad-setting");
  EXPECT_EQ(state->load_error, "Unit etcd.service has a bad unit file setting.");
  EXPECT_EQ(ParseUnitState("LoadState=loaded\nActiveState=a\nSubState=b\nLoadError= \"\"\n")->load_error, "");
}

TEST(ParseUnitState, ValuesMayHoldEqualSigns) {
  EXPECT_EQ(ParseUnitState("LoadState=loaded\nActiveState=a=b\nSubState=c\n")->active_state, "a=b");
}

TEST(ParseUnitState, WhatIsNoAnswerIsAnError) {
  for (const char* text :
       {"", "LoadState=loaded\n", "LoadState=\nActiveState=active\nSubState=running\n", "garbage"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseUnitState(text).status())) << text;
  }
}

// A systemd of which only the answers are there: what `systemctl show` prints is in a file, and changes by
// the clock.
class AwaitUnitTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = absl::StrCat(testing::TempDir(), "/await-unit-XXXXXX");
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    Put("systemctl", "#!/bin/sh\ncat \"${0%/*}/unit\"\n", 0755);
    Put("journalctl", "#!/bin/sh\ncat \"${0%/*}/journal\"\n", 0755);
    Put("journal", "");
    old_path_ = getenv("PATH");
    setenv("PATH", absl::StrCat(folder_, ":", old_path_).c_str(), 1);
    Say("active", "running", 17, "old");
  }
  void TearDown() override {
    setenv("PATH", old_path_.c_str(), 1);
    EXPECT_EQ(system(absl::StrCat("rm -rf ", folder_).c_str()), 0);
  }

  void Put(const char* name, const std::string& text, mode_t mode = 0644) {
    const absl::Status status = WriteScratchFile(absl::StrCat(folder_, "/", name), text, mode);
    ASSERT_TRUE(status.ok()) << status;
  }
  void Say(const char* active, const char* sub, int pid, const char* invocation) {
    Put("unit", absl::StrCat("LoadState=loaded\nActiveState=", active, "\nSubState=", sub, "\nMainPID=", pid,
                             "\nInvocationID=", invocation, "\nResult=success\n"));
  }
  void SayAfter(int seconds, const char* active, const char* sub, int pid, const char* invocation) {
    clock_.After(absl::Seconds(seconds), [=] { Say(active, sub, pid, invocation); });
  }
  absl::StatusOr<UnitState> Await(UnitPhase phase) {
    return AwaitUnit("etcd", "old", phase, clock_.Now() + absl::Seconds(10), &clock_);
  }

  FakeClock clock_;

 private:
  std::string folder_, old_path_;
};

TEST_F(AwaitUnitTest, WaitsForAnotherRunOfIt) {
  SayAfter(1, "deactivating", "stop-sigterm", 17, "old");
  SayAfter(2, "activating", "start-pre", 0, "new");
  SayAfter(3, "activating", "start", 231, "new");
  SayAfter(5, "active", "running", 231, "new");
  absl::StatusOr<UnitState> state = Await(UnitPhase::kStarted);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->main_pid, 231);
  EXPECT_EQ(clock_.waited(), absl::Seconds(3));
  state = Await(UnitPhase::kActive);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->invocation, "new");
  EXPECT_EQ(clock_.waited(), absl::Seconds(5));
}

TEST_F(AwaitUnitTest, WaitsNoLongerThanItMay) {
  SayAfter(2, "activating", "start-pre", 0, "new");
  absl::StatusOr<UnitState> state = Await(UnitPhase::kStarted);
  EXPECT_THAT(std::string(state.status().message()),
              AllOf(HasSubstr("etcd.service was not started in time"), HasSubstr("SubState=start-pre")));
  EXPECT_EQ(clock_.waited(), absl::Seconds(10));
  state = AwaitUnit("etcd", "old", UnitPhase::kActive, clock_.Now(), &clock_);
  EXPECT_THAT(std::string(state.status().message()), HasSubstr("did not become active in time"));
  EXPECT_EQ(clock_.waited(), absl::Seconds(10)) << "it looks once, and does not wait";
}

TEST_F(AwaitUnitTest, IsOverAsSoonAsTheServiceFailed) {
  Put("journal", "{\"MESSAGE\":\"no such flag\",\"_SYSTEMD_INVOCATION_ID\":\"new\"}\n");
  SayAfter(2, "failed", "failed", 0, "new");
  absl::StatusOr<UnitState> state = Await(UnitPhase::kActive);
  EXPECT_THAT(std::string(state.status().message()),
              AllOf(HasSubstr("etcd.service failed to start"), HasSubstr("no such flag")));
  EXPECT_EQ(clock_.waited(), absl::Seconds(2));
}

TEST_F(AwaitUnitTest, IsOverWhenSystemdIsGoingToTryAgain) {
  SayAfter(4, "activating", "auto-restart", 0, "new");
  absl::StatusOr<UnitState> state = Await(UnitPhase::kActive);
  EXPECT_THAT(std::string(state.status().message()), HasSubstr("systemd is going to try again"));
  EXPECT_EQ(clock_.waited(), absl::Seconds(4));
}

TEST_F(AwaitUnitTest, BetweenTwoTriesTheNextOneCounts) {
  Say("activating", "auto-restart", 0, "old");
  SayAfter(3, "activating", "start", 231, "new");
  SayAfter(4, "active", "running", 231, "new");
  absl::StatusOr<UnitState> state = Await(UnitPhase::kActive);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(clock_.waited(), absl::Seconds(4));
}

TEST_F(AwaitUnitTest, BetweenTwoTriesThatComeTooLate) {
  Say("activating", "auto-restart", 0, "old");
  absl::StatusOr<UnitState> state = Await(UnitPhase::kActive);
  EXPECT_THAT(std::string(state.status().message()), HasSubstr("systemd is going to try again"));
  EXPECT_EQ(clock_.waited(), absl::Seconds(10));
}

}  // namespace
}  // namespace kplan
