#include "src/etcd/lock_holder.h"

#include <unistd.h>

#include "gtest/gtest.h"

namespace kplan {
namespace {

LockHolder Holder() {
  LockHolder holder;
  holder.run.what = "a rollout";
  holder.run.process = {"b-1", 71, 4711};
  holder.run.pid_space = "pid:[4026531836]";
  holder.run.since = 1796001611000;
  holder.user = "ops";
  holder.host = "laptop";
  holder.folder = "/home/ops/\"prod\" \xc3\xa4";
  return holder;
}

TEST(LockHolderTest, IsReadAsItIsWritten) {
  const std::string text = Holder().ToText();
  EXPECT_EQ(text, R"({"boot":"b-1","folder":"/home/ops/\"prod\" )"
                  "\xc3\xa4"
                  R"(","host":"laptop","pid-space":"pid:[4026531836]","process":71,"since":1796001611000,)"
                  R"("start":4711,"user":"ops","what":"a rollout"})");
  std::optional<LockHolder> read = LockHolder::Parse(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->ToText(), text);
  EXPECT_EQ(read->Describe(),
            "a rollout of ops@laptop (process 71, in /home/ops/\"prod\" \xc3\xa4), since 2026-11-30 01:20:11 "
            "UTC");
}

TEST(LockHolderTest, NothingIsReadFromOtherTexts) {
  for (const char* text : {"", "{}", "[]", "1", "{\"what\":1}", "{\"what\":\"\"}", "{\"what\":\"x\""})
    EXPECT_FALSE(LockHolder::Parse(text).has_value()) << text;
  EXPECT_FALSE(LockHolder::Parse("{\"what\":\"" + std::string(9000, 'x') + "\"}").has_value());
}

TEST(LockHolderTest, WhatATerminalActsOnIsNotShown) {
  LockHolder holder = Holder();
  holder.host = "a\x1b[2Jb";
  EXPECT_EQ(holder.Describe().find('\x1b'), std::string::npos);
}

TEST(LockHolderTest, OfThisProcess) {
  const LockHolder holder = LockHolderNow("a test");
  EXPECT_EQ(holder.run.process.pid, getpid());
  EXPECT_EQ(LookAt(LockHolder::Parse(holder.ToText())->run), HolderState::kAtWork);
  EXPECT_FALSE(holder.user.empty());
  EXPECT_FALSE(holder.host.empty());
  EXPECT_EQ(holder.folder.substr(0, 1), "/");
}

TEST(DecideOnLockTest, EveryCase) {
  struct {
    bool there;
    const char *lease, *ours;
    HolderState holder;
    LockAction action;
  } const kCases[] = {
      {false, "", "", HolderState::kUnseen, LockAction::kTake},
      {false, "", "7f", HolderState::kUnseen, LockAction::kTake},
      {true, "7f", "7f", HolderState::kAtWork, LockAction::kHave},
      {true, "7f", "7f", HolderState::kUnseen, LockAction::kHave},
      {true, "7f", "", HolderState::kAtWork, LockAction::kWait},
      {true, "7f", "80", HolderState::kAtWork, LockAction::kWait},
      // Of another machine, or of nobody who can be known.
      {true, "7f", "", HolderState::kUnseen, LockAction::kWait},
      {true, "7f", "80", HolderState::kUnseen, LockAction::kWait},
      {true, "7f", "", HolderState::kGone, LockAction::kRemove},
      {true, "7f", "80", HolderState::kGone, LockAction::kRemove},
      // Nothing would ever take it away.
      {true, "", "", HolderState::kUnseen, LockAction::kRemove},
      {true, "", "", HolderState::kAtWork, LockAction::kRemove},
      {true, "", "80", HolderState::kUnseen, LockAction::kRemove},
  };
  for (const auto& it : kCases) {
    LockKey key;
    key.there = it.there;
    key.lease = it.lease;
    EXPECT_EQ(DecideOnLock(key, it.ours, it.holder), it.action)
        << it.there << " " << it.lease << " " << it.ours << " " << static_cast<int>(it.holder);
  }
}

}  // namespace
}  // namespace kplan
