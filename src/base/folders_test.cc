#include "src/base/folders.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/files.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(JudgeLinkTest, FollowsWhatOnlyRootOrTheUserCanHaveMade) {
  constexpr uid_t kUser = 1000, kOther = 1001;
  struct Case {
    LinkPlace place;
    uid_t user;
    LinkTrust trust;
  };
  const Case cases[] = {
      {{0, 0, 0, 0755}, 0, LinkTrust::kTrusted},      // /srv -> /data
      {{0, 0, 0, 0775}, 0, LinkTrust::kTrusted},      // the group root
      {{0, 0, 0, 0755}, kUser, LinkTrust::kTrusted},  // the same for a user
      {{kUser, kUser, kUser, 0755}, kUser, LinkTrust::kTrusted},
      {{kUser, kUser, kUser, 0775}, kUser, LinkTrust::kTrusted},  // a group of one's own
      {{kUser, kUser, 100, 0775}, kUser, LinkTrust::kFolderOpenToOthers},
      {{kUser, kUser, kUser, 0757}, kUser, LinkTrust::kFolderOpenToOthers},
      {{kOther, 0, 0, 0755}, 0, LinkTrust::kLinkOfAnother},
      {{kOther, 0, 0, 01777}, 0, LinkTrust::kLinkOfAnother},
      {{0, 0, 0, 01777}, 0, LinkTrust::kFolderOpenToOthers},  // /tmp, sticky or not
      {{kUser, 0, 0, 01777}, kUser, LinkTrust::kFolderOpenToOthers},
      {{0, 0, 50, 02775}, 0, LinkTrust::kFolderOpenToOthers},  // Debian's /var/local, of the group staff
      {{0, kOther, kOther, 0755}, 0, LinkTrust::kFolderOfAnother},
      {{kUser, kOther, kOther, 0755}, kUser, LinkTrust::kFolderOfAnother},
      {{kUser, kUser, kUser, 0700}, 0, LinkTrust::kLinkOfAnother},  // root in the folder of a user
  };
  for (const Case& test : cases) {
    EXPECT_EQ(JudgeLink(test.place, test.user), test.trust)
        << "link of " << test.place.link_owner << " in a folder of " << test.place.folder_owner << ":"
        << test.place.folder_group << " " << std::oct << test.place.folder_mode << std::dec << " for "
        << test.user;
  }
}

class FoldersTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/folders-XXXXXX";
    ASSERT_NE(mkdtemp(&pattern[0]), nullptr);
    folder_ = pattern;
    ASSERT_EQ(mkdir(At("data").c_str(), 0755), 0);
  }

  std::string At(absl::string_view name) const { return absl::StrCat(folder_, "/", name); }

  void Link(const std::string& target, absl::string_view name) {
    ASSERT_EQ(symlink(target.c_str(), At(name).c_str()), 0);
  }

  // Whether both names are of one folder.
  static bool Same(const UniqueFd& fd, const std::string& path) {
    struct stat a = {}, b = {};
    EXPECT_EQ(fstat(fd.get(), &a), 0);
    EXPECT_EQ(stat(path.c_str(), &b), 0);
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
  }

  std::string folder_;
};

TEST_F(FoldersTest, OwnLinksAreFollowed) {
  Link("data", "relative");
  Link(At("data"), "absolute");
  Link("relative", "twice");
  Link("../data", "data/up");
  for (const char* path : {"data", "relative", "absolute", "twice", "data/up", "data/../relative/./"}) {
    absl::StatusOr<UniqueFd> fd = OpenFolder(At(path));
    ASSERT_TRUE(fd.ok()) << fd.status();
    EXPECT_TRUE(Same(*fd, At("data"))) << path;
  }
  ASSERT_TRUE(MakeFolders(At("twice/a/b")).ok());
  EXPECT_TRUE(OpenFolder(At("data/a/b")).ok());
  ASSERT_TRUE(WriteFile(At("relative/c/f"), "x", 0644).ok());
  EXPECT_EQ(ReadFile(At("data/c/f")).value_or("none"), "x");
}

TEST_F(FoldersTest, ALinkWhereOthersMayWriteIsRefusedAndNothingIsWrittenBehindIt) {
  ASSERT_EQ(mkdir(At("open").c_str(), 0700), 0);
  ASSERT_EQ(chmod(At("open").c_str(), 01777), 0);
  Link(At("data"), "open/link");
  Link("open/link", "over");  // and a way that leads over it
  for (const char* path : {"open/link", "over"}) {
    const std::string anchor = At(path);
    for (const absl::Status& status :
         {OpenFolder(anchor).status(), EnterFolder(anchor), MakeFolders(absl::StrCat(anchor, "/a")),
          WriteFile(absl::StrCat(anchor, "/f"), "x", 0644),
          WriteScratchFile(absl::StrCat(anchor, "/f"), "x", 0644),
          OpenFolderBelow(anchor, "/etc", true).status()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
      EXPECT_THAT(std::string(status.message()),
                  AllOf(HasSubstr("link is a symbolic link to "),
                        HasSubstr("a folder that others may write to (mode 1777)"),
                        HasSubstr("give the folder itself")));
    }
  }
  EXPECT_EQ(rmdir(At("data").c_str()), 0) << "it is as empty as it was";
}

TEST_F(FoldersTest, ALinkOfAnotherIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to give a link away";
  Link(At("data"), "link");
  ASSERT_EQ(lchown(At("link").c_str(), 1234, 1234), 0);
  const absl::Status status = MakeFolders(At("link/a"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("belongs to user 1234"));
  ASSERT_EQ(lchown(At("link").c_str(), 0, 0), 0);
  EXPECT_EQ(MakeFolders(At("link/a")), absl::OkStatus());
  ASSERT_EQ(chown(folder_.c_str(), 1234, 1234), 0);
  EXPECT_THAT(std::string(OpenFolder(At("link")).status().message()),
              HasSubstr("lies in a folder of user 1234"));
}

TEST_F(FoldersTest, LinksThatLeadNowhereAreErrors) {
  Link("loop", "loop");
  Link("gone", "dangling");
  EXPECT_THAT(std::string(OpenFolder(At("loop")).status().message()),
              HasSubstr("Too many levels of symbolic links"));
  EXPECT_THAT(std::string(MakeFolders(At("dangling")).message()), HasSubstr("dangling"));
  EXPECT_FALSE(MakeFolders(At("dangling")).ok());
}

TEST_F(FoldersTest, EnterFolder) {
  Link("data", "link");
  UniqueFd before(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(EnterFolder(At("link")).ok());
  ASSERT_TRUE(WriteFile("here", "x", 0644).ok());
  ASSERT_EQ(fchdir(before.get()), 0);
  EXPECT_TRUE(ReadFile(At("data/here")).ok());
}

}  // namespace
}  // namespace kplan
