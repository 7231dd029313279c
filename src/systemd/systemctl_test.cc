#include "src/systemd/systemctl.h"

#include "gmock/gmock.h"

namespace kplan {
namespace {

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

}  // namespace
}  // namespace kplan
