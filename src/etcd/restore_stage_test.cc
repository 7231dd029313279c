// A data folder that is replaced, and a kill at every point of that.

#include "src/etcd/restore_stage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/etcd/etcd_data.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kData[] = "/var/lib/etcd";
constexpr char kStage[] = "h/var/lib/.etcd.kplan-restore";

class RestoreStageTest : public StepTest {
 protected:
  static RestoreStage Open(bool create = true) {
    absl::StatusOr<RestoreStage> stage = RestoreStage::Open("h", kData, create);
    EXPECT_TRUE(stage.ok()) << stage.status();
    return *std::move(stage);
  }

  // What the first phase leaves: `new`, and a state that knows it.
  static void Prepare(bool held = true) {
    RestoreStage stage = Open();
    Write(absl::StrCat(kStage, "/new/member/what"), "restored");
    ASSERT_TRUE(SetState(&stage, held).ok());
  }

  static absl::Status SetState(RestoreStage* stage, bool held) {
    RestoreState state;
    state.restore = "r1";
    state.fresh = *stage->Fresh();
    state.time = "20261122T205905.123Z";
    state.held = held;
    state.file = "snapshots/a.db";
    return stage->SetState(state);
  }

  static std::string Exchange() {
    std::string aside;
    absl::Status status = Open().Exchange(&aside);
    EXPECT_TRUE(status.ok()) << status;
    return aside;
  }
};

TEST_F(RestoreStageTest, OldAndNewAreExchangedAndTheOldIsKept) {
  Write("h/var/lib/etcd/member/what", "old");
  Prepare();
  EXPECT_EQ(ModeOf(kStage), 0700u);
  EXPECT_EQ(Read("h/var/lib/etcd/member/what"), "old");
  EXPECT_EQ(Exchange(), "/var/lib/etcd.before-restore-20261122T205905.123Z");
  EXPECT_EQ(Read("h/var/lib/etcd/member/what"), "restored");
  EXPECT_EQ(Read("h/var/lib/etcd.before-restore-20261122T205905.123Z/member/what"), "old");
  EXPECT_EQ(Exchange(), "");  // again: nothing
  EXPECT_EQ(Read("h/var/lib/etcd/member/what"), "restored");
  ASSERT_TRUE(Open().Remove().ok());
  EXPECT_THAT(List("h/var/lib"), ElementsAre("etcd", "etcd.before-restore-20261122T205905.123Z"));
}

TEST_F(RestoreStageTest, NothingOrAnEmptyFolderIsNotKept) {
  for (bool empty : {false, true}) {
    ASSERT_EQ(empty ? mkdir("h/var/lib/etcd", 0700) : 0, 0);
    Prepare();
    EXPECT_EQ(Exchange(), "");
    EXPECT_EQ(Read("h/var/lib/etcd/member/what"), "restored");
    ASSERT_TRUE(Open().Remove().ok());
    EXPECT_THAT(List("h/var/lib"), ElementsAre("etcd"));
    ASSERT_EQ(rename("h/var/lib/etcd", absl::StrCat("gone-", empty).c_str()), 0);
  }
}

TEST_F(RestoreStageTest, AKillBetweenTheExchangeAndPuttingAsideLosesNothing) {
  Write("h/var/lib/etcd/member/what", "old");
  Prepare();
  // What the exchange leaves.
  ASSERT_EQ(
      renameat2(AT_FDCWD, "h/var/lib/etcd", AT_FDCWD, absl::StrCat(kStage, "/new").c_str(), RENAME_EXCHANGE),
      0);
  EXPECT_EQ(Exchange(), "/var/lib/etcd.before-restore-20261122T205905.123Z");
  EXPECT_EQ(Read("h/var/lib/etcd.before-restore-20261122T205905.123Z/member/what"), "old");
  EXPECT_EQ(Read("h/var/lib/etcd/member/what"), "restored");
}

TEST_F(RestoreStageTest, AnotherPreparationKeepsWhatTheFirstHadExchanged) {
  Write("h/var/lib/etcd/member/what", "old");
  Prepare();
  ASSERT_EQ(
      renameat2(AT_FDCWD, "h/var/lib/etcd", AT_FDCWD, absl::StrCat(kStage, "/new").c_str(), RENAME_EXCHANGE),
      0);
  ASSERT_TRUE(Open().ClearNew().ok());
  EXPECT_EQ(Read("h/var/lib/etcd.before-restore-20261122T205905.123Z/member/what"), "old");
  EXPECT_EQ(Read("h/var/lib/etcd/member/what"), "restored");
  EXPECT_FALSE(Exists(absl::StrCat(kStage, "/new")));
}

TEST_F(RestoreStageTest, WhatWasOnlyPreparedIsRemoved) {
  Write("h/var/lib/etcd/member/what", "old");
  Prepare(/*held=*/false);
  ASSERT_TRUE(Open().ClearNew().ok());
  EXPECT_FALSE(Exists(absl::StrCat(kStage, "/new")));
  ASSERT_TRUE(Open().Remove().ok());
  EXPECT_THAT(List("h/var/lib"), ElementsAre("etcd"));
  EXPECT_EQ(Read("h/var/lib/etcd/member/what"), "old");
}

TEST_F(RestoreStageTest, WhileItHoldsAndIsNotDoneItIsNotRemoved) {
  Write("h/var/lib/etcd/member/what", "old");
  Prepare();
  EXPECT_THAT(std::string(Open().Remove().message()), HasSubstr("has not put its data in place yet"));
  EXPECT_EQ(ReadEtcdData("h", kData)->held, "snapshots/a.db");
  Exchange();
  EXPECT_EQ(ReadEtcdData("h", kData)->held, "snapshots/a.db");
  ASSERT_TRUE(Open().Remove().ok());
  EXPECT_EQ(ReadEtcdData("h", kData)->held, "");
}

TEST_F(RestoreStageTest, TheAnswerOfAHostSaysThatItHolds) {
  Prepare();
  const EtcdDataQuestion question = {kData, "h"};
  EXPECT_EQ(ParseEtcdData(*EtcdDataJson(question))->held, "snapshots/a.db");
  // A state that cannot be read holds, too.
  Write(absl::StrCat(kStage, "/state.json"), "{");
  EXPECT_THAT(ParseEtcdData(*EtcdDataJson(question))->held, HasSubstr("state.json is damaged"));
  EXPECT_TRUE(absl::IsDataLoss(RestoreStage::Open("h", kData, false).status()));
}

TEST_F(RestoreStageTest, OnlyOneAtATime) {
  RestoreStage first = Open();
  EXPECT_TRUE(absl::IsAborted(RestoreStage::Open("h", kData, true).status()));
  EXPECT_TRUE(RestoreStage::Open("h", kData, false).ok());  // who only looks
}

TEST_F(RestoreStageTest, NoLinkAndNobodyElsesFolder) {
  ASSERT_EQ(mkdir("h", 0755), 0);
  EXPECT_TRUE(absl::IsNotFound(RestoreStage::Open("h", kData, false).status()));
  Write("elsewhere/file", "x");
  Write("h/var/lib/file", "x");
  ASSERT_EQ(symlink("../../../elsewhere", "h/var/lib/etcd"), 0);
  EXPECT_THAT(std::string(RestoreStage::Open("h", kData, true).status().message()),
              HasSubstr("has to be a folder"));
  ASSERT_EQ(unlink("h/var/lib/etcd"), 0);
  ASSERT_EQ(symlink("../../../elsewhere", kStage), 0);
  EXPECT_FALSE(RestoreStage::Open("h", kData, true).ok());
  ASSERT_EQ(unlink(kStage), 0);
  ASSERT_EQ(mkdir(kStage, 0755), 0);
  EXPECT_THAT(std::string(RestoreStage::Open("h", kData, true).status().message()),
              HasSubstr("is not kplan's own folder"));
  EXPECT_EQ(ReadEtcdData("h", kData)->held, "");
}

}  // namespace
}  // namespace kplan
