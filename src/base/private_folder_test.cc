#include "src/base/private_folder.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"

namespace kplan {
namespace {

mode_t ModeOf(const std::string& path) {
  struct stat info;
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

class PrivateFolderTest : public testing::Test {
 protected:
  PrivateFolderTest() {
    std::string name = testing::TempDir() + "/private-XXXXXX";
    EXPECT_NE(mkdtemp(&name[0]), nullptr);
    EXPECT_EQ(chdir(name.c_str()), 0);
    umask(0);
  }

  static void Write(const std::string& path, mode_t mode) { ASSERT_TRUE(WriteFile(path, "x", mode).ok()); }
};

TEST_F(PrivateFolderTest, IsClosedFromTheFirstMoment) {
  ASSERT_TRUE(MakePrivateFolder("p").ok());
  EXPECT_EQ(ModeOf("p"), 0700u);
}

TEST_F(PrivateFolderTest, OneThatIsThereStaysAsItIs) {
  ASSERT_EQ(mkdir("p", 0755), 0);
  ASSERT_TRUE(MakePrivateFolder("p").ok());
  EXPECT_EQ(ModeOf("p"), 0755u);
}

TEST_F(PrivateFolderTest, ClosesAllThatIsInIt) {
  Write("p/a", 0644);
  Write("p/b/c", 0664);
  Write("p/b/program", 0755);
  Write("p/b/hidden", 0400);
  absl::StatusOr<bool> closed = ClosePrivateFolder("p");
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_TRUE(*closed);
  EXPECT_EQ(ModeOf("p"), 0700u);
  EXPECT_EQ(ModeOf("p/a"), 0600u);
  EXPECT_EQ(ModeOf("p/b"), 0700u);
  EXPECT_EQ(ModeOf("p/b/c"), 0600u);
  EXPECT_EQ(ModeOf("p/b/program"), 0700u);
  EXPECT_EQ(ModeOf("p/b/hidden"), 0400u);
}

TEST_F(PrivateFolderTest, SaysSoOnce) {
  Write("p/a", 0644);
  ASSERT_TRUE(*ClosePrivateFolder("p"));
  absl::StatusOr<bool> again = ClosePrivateFolder("p");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_FALSE(*again);
}

TEST_F(PrivateFolderTest, OneThatIsMissingIsNotOpen) {
  absl::StatusOr<bool> closed = ClosePrivateFolder("p");
  ASSERT_TRUE(closed.ok()) << closed.status();
  EXPECT_FALSE(*closed);
}

// Nobody's link leads to a file elsewhere, and a second name of a file may be a first one elsewhere.
TEST_F(PrivateFolderTest, FollowsNoLink) {
  Write("elsewhere/file", 0644);
  ASSERT_EQ(chmod("elsewhere", 0755), 0);
  Write("p/a", 0644);
  ASSERT_EQ(symlink("../elsewhere", "p/folder"), 0);
  ASSERT_EQ(symlink("../elsewhere/file", "p/file"), 0);
  ASSERT_EQ(link("elsewhere/file", "p/name"), 0);
  ASSERT_TRUE(ClosePrivateFolder("p").ok());
  EXPECT_EQ(ModeOf("elsewhere"), 0755u);
  EXPECT_EQ(ModeOf("elsewhere/file"), 0644u);
}

TEST_F(PrivateFolderTest, ClosesOneFile) {
  Write("f", 0644);
  ASSERT_TRUE(ClosePrivateFile("f").ok());
  EXPECT_EQ(ModeOf("f"), 0600u);
  EXPECT_TRUE(ClosePrivateFile("missing").ok());
}

class RootTest : public PrivateFolderTest {
 protected:
  static constexpr uid_t kOther = 65534;

  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root makes files for others";
    if (chown(".", kOther, kOther) != 0) GTEST_SKIP() << "root of a user namespace cannot give files away";
  }
  static uid_t OwnerOf(const std::string& path) {
    struct stat info;
    EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
    return info.st_uid;
  }
};

TEST_F(RootTest, WhatItMakesIsTheOwnersOfTheFolderAround) {
  ASSERT_TRUE(MakePrivateFolder("p").ok());
  EXPECT_EQ(OwnerOf("p"), kOther);
  Write("p/host/etc/token", 0600);
  ASSERT_TRUE(GiveToOwnerOf("p", "p/host/etc/token").ok());
  for (const char* path : {"p/host", "p/host/etc", "p/host/etc/token"})
    EXPECT_EQ(OwnerOf(path), kOther) << path;
}

TEST_F(RootTest, GivesAWholeFolder) {
  ASSERT_TRUE(MakePrivateFolder("p").ok());
  Write("p/steps/a.json", 0600);
  Write("p/steps/b.json", 0600);
  ASSERT_TRUE(GiveToOwnerOf("p", "p/steps").ok());
  for (const char* path : {"p/steps", "p/steps/a.json", "p/steps/b.json"})
    EXPECT_EQ(OwnerOf(path), kOther) << path;
}

TEST_F(RootTest, GivesNothingAwayBehindALink) {
  ASSERT_TRUE(MakePrivateFolder("p").ok());
  Write("elsewhere/token", 0600);
  ASSERT_EQ(symlink("../elsewhere", "p/host"), 0);
  ASSERT_TRUE(GiveToOwnerOf("p", "p/host/token").ok());
  EXPECT_EQ(OwnerOf("elsewhere/token"), 0u);
}

// A link of somebody else's is no way to a folder of root's.
TEST_F(RootTest, FollowsNoStrangersLinkToTheFolderItself) {
  Write("elsewhere/file", 0644);
  ASSERT_EQ(chmod("elsewhere", 0755), 0);
  ASSERT_EQ(symlink("elsewhere", "p"), 0);
  ASSERT_EQ(lchown("p", kOther, kOther), 0);
  EXPECT_FALSE(ClosePrivateFolder("p").ok());
  EXPECT_EQ(ModeOf("elsewhere/file"), 0644u);
}

}  // namespace
}  // namespace kplan
