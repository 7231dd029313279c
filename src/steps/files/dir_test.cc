#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/step/outlook.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kRecord[] = R"({"kind":"dir","mode":"0700","path":"/var/lib/etcd","root":"./rootfs"})";
constexpr char kPath[] = "rootfs/var/lib/etcd";

class DirTest : public StepTest {};

TEST_F(DirTest, MakesTheFolderWithItsMode) {
  mode_t old = umask(077);
  StepResult result = MustRun(DirStep, kRecord);
  umask(old);
  EXPECT_EQ(result.reason, "missing");
  EXPECT_EQ(result.digest.size(), 64u);
  EXPECT_THAT(result.files, IsEmpty()) << "its time changes with every file in it";
  EXPECT_EQ(Look(kPath).st_mode, S_IFDIR | 0700u);
  EXPECT_EQ(ModeOf("rootfs/var"), 0755u);
  EXPECT_EQ(ModeOf("rootfs/var/lib"), 0755u);
}

TEST_F(DirTest, ASecondRunTouchesNothing) {
  StepResult first = MustRun(DirStep, kRecord);
  Write(absl::StrCat(kPath, "/member/wal"), "data", 0640);
  std::string before = Everything();
  StepResult second = MustRun(DirStep, kRecord);
  EXPECT_EQ(second.reason, "");
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(Everything(), before);
}

TEST_F(DirTest, RepairsTheModeAndNothingInside) {
  MustRun(DirStep, kRecord);
  Write(absl::StrCat(kPath, "/member/wal"), "data", 0640);
  ASSERT_EQ(chmod(kPath, 0755), 0);
  std::string inside = Everything(kPath);
  EXPECT_EQ(MustRun(DirStep, kRecord).reason, "mode was 0755, is 0700");
  EXPECT_EQ(ModeOf(kPath), 0700u);
  EXPECT_EQ(Everything(kPath), inside);
}

TEST_F(DirTest, TheDigestIsThatOfPathAndMode) {
  std::string digest = MustRun(DirStep, kRecord).digest;
  EXPECT_EQ(
      MustRun(DirStep, R"({"kind":"dir","mode":"0700","path":"/var/lib/etcd","root":"./other"})").digest,
      digest);
  EXPECT_NE(
      MustRun(DirStep, R"({"kind":"dir","mode":"0750","path":"/var/lib/etcd","root":"./rootfs"})").digest,
      digest);
  EXPECT_NE(
      MustRun(DirStep, R"({"kind":"dir","mode":"0700","path":"/var/lib/etc","root":"./rootfs"})").digest,
      digest);
}

TEST_F(DirTest, WhatIsNoFolderIsRefused) {
  Write(kPath, "a file");
  EXPECT_THAT(ErrorOf(DirStep, kRecord), testing::AllOf(HasSubstr(kPath), HasSubstr("is a file")));
  EXPECT_EQ(Read(kPath), "a file");
}

TEST_F(DirTest, ALinkIsRefusedWhereverItIs) {
  ASSERT_TRUE(MakeFolders("outside").ok());
  ASSERT_EQ(chmod("outside", 0755), 0);
  ASSERT_TRUE(MakeFolders("rootfs/var/lib").ok());
  ASSERT_EQ(symlink("../../../outside", kPath), 0);
  EXPECT_THAT(ErrorOf(DirStep, kRecord), HasSubstr("symbolic link to ../../../outside"));
  ASSERT_EQ(unlink(kPath), 0);
  ASSERT_EQ(rmdir("rootfs/var/lib"), 0);
  ASSERT_EQ(symlink("../../outside", "rootfs/var/lib"), 0);
  EXPECT_THAT(ErrorOf(DirStep, kRecord), HasSubstr("rootfs/var/lib is a symbolic link"));
  EXPECT_THAT(List("outside"), IsEmpty());
  EXPECT_EQ(ModeOf("outside"), 0755u);
}

TEST_F(DirTest, RecordsThatMakeNoSense) {
  for (const char* record : {R"({"kind":"dir","mode":"0700","path":"/../x","root":"./rootfs"})",
                             R"({"kind":"dir","mode":"0700","path":"x","root":"./rootfs"})",
                             R"({"kind":"dir","mode":"0700","path":"/","root":"./rootfs"})",
                             R"({"kind":"dir","mode":"rwx","path":"/x","root":"./rootfs"})",
                             R"({"kind":"dir","path":"/x","root":"./rootfs"})"}) {
    ErrorOf(DirStep, record);
    EXPECT_FALSE(Exists("rootfs")) << record;
  }
}

// Below "/", in the test's own folder.
class DirOwnerTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    // A user namespace (Bazel's sandbox) may know no user but us.
    Write("probe", "");
    if (geteuid() != 0 || chown("probe", 1, 1) != 0) GTEST_SKIP() << "needs root rights, to give files away";
  }

  std::string RecordFor(const std::string& owner) const {
    return absl::StrFormat(R"({"kind":"dir","mode":"0700"%s,"path":"%s/etcd","root":"/"})",
                           owner.empty() ? "" : absl::StrCat(",\"owner\":\"", owner, "\""), working_folder_);
  }
};

TEST_F(DirOwnerTest, RootUnlessTheRecordSaysOtherwise) {
  EXPECT_EQ(MustRun(DirStep, RecordFor("")).reason, "missing");
  EXPECT_EQ(Look("etcd").st_uid, 0u);
  ASSERT_EQ(chown("etcd", 1, 1), 0);
  EXPECT_EQ(MustRun(DirStep, RecordFor("")).reason, "owner was 1:1, is 0:0");
  EXPECT_EQ(Look("etcd").st_uid, 0u);
  Write("etcd/inside", "x");
  EXPECT_EQ(MustRun(DirStep, RecordFor("12:34")).reason, "owner was 0:0, is 12:34");
  EXPECT_EQ(Look("etcd").st_uid, 12u);
  EXPECT_EQ(Look("etcd").st_gid, 34u);
  EXPECT_EQ(Look("etcd/inside").st_uid, 0u);
  EXPECT_EQ(MustRun(DirStep, RecordFor("12:34")).reason, "");
}

TEST_F(DirOwnerTest, AnyOwnerWillDo) {
  const std::string record = absl::StrFormat(
      R"({"any-owner":true,"kind":"dir","mode":"0700","owner":"kplan-nobody","path":"%s/data","root":"/"})",
      working_folder_);
  StepResult first = MustRun(DirStep, record);
  EXPECT_EQ(first.reason, "missing");
  ASSERT_EQ(chown("data", 1, 1), 0);
  StepResult second = MustRun(DirStep, record);
  EXPECT_EQ(second.reason, "") << "whoever has it has it";
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(Look("data").st_uid, 1u);
  ASSERT_EQ(chmod("data", 0755), 0);
  EXPECT_EQ(MustRun(DirStep, record).reason, "mode was 0755, is 0700");
  EXPECT_EQ(Look("data").st_uid, 1u);
}

TEST_F(DirOwnerTest, TheLookSaysWhoWillGetWhere) {
  MustRun(DirStep, RecordFor(""));
  ASSERT_EQ(chmod("etcd", 0755), 0);
  absl::StatusOr<Outlook> look =
      LookAs<DirRecord, DirLook>({"", absl::Now(), Foreseen()}, Json::parse(RecordFor("12:34")));
  ASSERT_TRUE(look.ok()) << look.status();
  ASSERT_EQ(look->files.size(), 1u);
  EXPECT_EQ(look->files[0].first, absl::StrCat(working_folder_, "/etcd"));
  ASSERT_TRUE(look->files[0].second.folder.has_value());
  EXPECT_EQ(look->files[0].second.folder->mode, 0700u);
  EXPECT_EQ(look->files[0].second.folder->owner.uid, 12u);
  MustRun(DirStep, RecordFor("12:34"));
  look = LookAs<DirRecord, DirLook>({"", absl::Now(), Foreseen()}, Json::parse(RecordFor("12:34")));
  ASSERT_TRUE(look.ok()) << look.status();
  EXPECT_TRUE(look->files.empty()) << "it stays as it is";
}

TEST_F(DirOwnerTest, AnUnknownUserIsNamed) {
  EXPECT_THAT(ErrorOf(DirStep, RecordFor("kplan-nobody")), HasSubstr("no user \"kplan-nobody\""));
  EXPECT_FALSE(Exists("etcd"));
}

}  // namespace
}  // namespace kplan
