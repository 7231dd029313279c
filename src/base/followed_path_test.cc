#include "src/base/followed_path.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/base/folders.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// In a folder that nobody else can write to, behind one (TempDir) that others may be able to: what is on the
// way to a link does not matter, but the folder that it lies in, and what lies behind it.
class FollowedPathTest : public testing::Test {
 protected:
  FollowedPathTest() {
    std::string name = testing::TempDir() + "/followedXXXXXX";
    folder_ = std::filesystem::canonical(mkdtemp(&name[0])).string();
    EXPECT_EQ(mkdir(At("disk").c_str(), 0755), 0);
    EXPECT_EQ(mkdir(At("disk/etcd").c_str(), 0700), 0);
  }
  ~FollowedPathTest() override { std::filesystem::remove_all(folder_); }

  std::string At(absl::string_view name) const { return absl::StrCat(folder_, "/", name); }
  void Link(const std::string& target, absl::string_view name) {
    ASSERT_EQ(symlink(target.c_str(), At(name).c_str()), 0);
  }
  static std::string ErrorOf(const std::string& path) {
    absl::StatusOr<FollowedPath> followed = FollowLinks("/", path);
    EXPECT_TRUE(absl::IsFailedPrecondition(followed.status())) << followed.status();
    EXPECT_FALSE(OpenFolderBelow("/", path, /*create=*/true).ok());
    return std::string(followed.status().message());
  }

  std::string folder_;
};

TEST_F(FollowedPathTest, OwnLinksAreFollowed) {
  Link("disk/etcd", "relative");
  Link("./disk/../disk/etcd", "dots");
  Link("relative", "twice");
  for (const char* name : {"relative", "dots", "twice"}) {
    absl::StatusOr<FollowedPath> followed = FollowLinks("/", At(name));
    ASSERT_TRUE(followed.ok()) << followed.status();
    EXPECT_EQ(followed->path, At("disk/etcd"));
    EXPECT_EQ(followed->links, absl::StrCat("through the link ", At(name), " -> ", At("disk/etcd")));
    EXPECT_TRUE(OpenFolderBelow("/", At(name), /*create=*/false).ok());
  }
}

TEST_F(FollowedPathTest, WhatIsNotThereYetIsAtTheEnd) {
  Link("disk", "link");
  absl::StatusOr<FollowedPath> followed = FollowLinks("/", At("link/new/one"));
  ASSERT_TRUE(followed.ok()) << followed.status();
  EXPECT_EQ(followed->path, At("disk/new/one"));
  ASSERT_TRUE(OpenFolderBelow("/", At("link/new/one"), /*create=*/true).ok());
  EXPECT_TRUE(std::filesystem::is_directory(At("disk/new/one")));
}

TEST_F(FollowedPathTest, WithoutLinksItIsThePath) {
  EXPECT_EQ(FollowLinks("/", At("disk/etcd"))->path, At("disk/etcd"));
  EXPECT_EQ(FollowLinks("/", At("disk/etcd"))->links, "");
  ASSERT_TRUE(WriteFile(At("file"), "x", 0644).ok());
  EXPECT_EQ(FollowLinks("/", At("file"))->path, At("file")) << "whoever opens it says what it is";
}

TEST_F(FollowedPathTest, ALinkThatLeadsNowhereIsRefusedAndNothingIsMadeBehindIt) {
  Link("gone/etcd", "link");
  EXPECT_THAT(ErrorOf(At("link")), AllOf(HasSubstr("leads nowhere: there is no " + At("gone")),
                                         HasSubstr("Is a disk not mounted?")));
  EXPECT_THAT(ErrorOf(At("link/x")), HasSubstr("leads nowhere"));
  EXPECT_FALSE(std::filesystem::exists(At("gone")));
}

TEST_F(FollowedPathTest, ALoopIsRefused) {
  Link("loop", "loop");
  EXPECT_FALSE(FollowLinks("/", At("loop")).ok());
}

TEST_F(FollowedPathTest, AFolderThatOthersMayWriteToIsRefused) {
  Link("disk/etcd", "link");
  ASSERT_EQ(chmod(At("disk").c_str(), 0777), 0);
  EXPECT_THAT(ErrorOf(At("link")),
              AllOf(HasSubstr(At("disk")), HasSubstr("may be written to by others (mode 0777)"),
                    HasSubstr("chmod go-w " + At("disk")), HasSubstr("cluster.yaml")));
  ASSERT_EQ(chmod(At("disk").c_str(), 0755), 0);
  ASSERT_EQ(chmod(At("disk/etcd").c_str(), 0777), 0);
  EXPECT_THAT(ErrorOf(At("link")), HasSubstr("chmod go-w " + At("disk/etcd")));
  ASSERT_EQ(chmod(At("disk/etcd").c_str(), 0700), 0);
  ASSERT_EQ(chmod(folder_.c_str(), 01777), 0);
  EXPECT_THAT(ErrorOf(At("link")), HasSubstr("lies in a folder that others may write to (mode 1777)"));
}

TEST_F(FollowedPathTest, SomebodyElsesIsRefusedButForTheLastFolder) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give folders away";
  Link("disk/etcd", "link");
  ASSERT_EQ(chown(At("disk/etcd").c_str(), 1234, 1234), 0);
  EXPECT_TRUE(FollowLinks("/", At("link")).ok()) << "it is its service's";
  ASSERT_EQ(chown(At("disk").c_str(), 1234, 1234), 0);
  EXPECT_THAT(ErrorOf(At("link")), AllOf(HasSubstr("belongs to user 1234"), HasSubstr("chown root ")));
  ASSERT_EQ(chown(At("disk").c_str(), 0, 0), 0);
  ASSERT_EQ(lchown(At("link").c_str(), 1234, 1234), 0);
  EXPECT_THAT(ErrorOf(At("link")), AllOf(HasSubstr("belongs to user 1234"), HasSubstr("chown -h root ")));
}

TEST_F(FollowedPathTest, InsideOfAnotherRootNoneIs) {
  Link("disk/etcd", "link");
  EXPECT_EQ(FollowLinks(folder_, "/link")->path, "/link");
  EXPECT_TRUE(absl::IsFailedPrecondition(OpenFolderBelow(folder_, "/link", /*create=*/true).status()));
}

}  // namespace
}  // namespace kplan
