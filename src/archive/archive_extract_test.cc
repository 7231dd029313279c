#include "src/archive/archive_extract.h"

#include <fcntl.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/archive/archive_rules.h"
#include "src/archive/tar_testing.h"
#include "src/base/digest.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// The limits, each with an archive that is just within and one that is just beyond.
class LimitsTest : public StepTest {
 protected:
  absl::Status Extract(const TarBuilder& tar, const ArchiveLimits& limits) {
    Write("a.tar.gz", Gzip(tar.Finish()));
    EXPECT_TRUE(MakeFolders("out").ok());
    UniqueFd archive(open("a.tar.gz", O_RDONLY | O_CLOEXEC));
    UniqueFd folder(open("out", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    absl::StatusOr<std::vector<ExtractedMember>> members =
        ExtractMembers(archive.get(), {{"wanted", "wanted"}}, folder.get(), limits);
    if (members.ok()) {
      EXPECT_EQ(members->size(), 1u);
      EXPECT_THAT(List("out"), testing::ElementsAre(".wanted.kplan-tmp"));
      EXPECT_TRUE((*members)[0].file.Commit().ok());
      EXPECT_EQ((*members)[0].sha256, Sha256Hex(Read("out/wanted")));
    } else {
      EXPECT_THAT(List("out"), IsEmpty());
    }
    return members.status();
  }
};

TEST_F(LimitsTest, Member) {
  ArchiveLimits limits;
  limits.member_bytes = 1000;
  TarBuilder large;
  large.File("wanted", std::string(1001, 'x'));
  EXPECT_THAT(std::string(Extract(large, limits).message()),
              HasSubstr("\"wanted\": is larger than 1000 bytes"));
  TarBuilder fits;
  fits.File("wanted", std::string(1000, 'x')).File("other", std::string(5000, 'x'));
  EXPECT_TRUE(Extract(fits, limits).ok()) << "what is not wanted only counts in the total";
}

TEST_F(LimitsTest, Total) {
  ArchiveLimits limits;
  limits.total_bytes = 1 << 20;
  TarBuilder fits, large;
  fits.File("wanted", "x").File("other", std::string(1000000, 'x'));
  large.File("wanted", "x").File("other", std::string(1 << 20, 'x'));
  EXPECT_THAT(std::string(Extract(large, limits).message()), HasSubstr("more than 1048576 bytes"));
  EXPECT_TRUE(Extract(fits, limits).ok());
}

TEST_F(LimitsTest, Entries) {
  ArchiveLimits limits;
  limits.entries = 10;
  TarBuilder tar;
  tar.File("wanted", "x");
  for (int i = 0; i < 10; ++i) tar.File(absl::StrCat("f", i), "");
  EXPECT_THAT(std::string(Extract(tar, limits).message()), HasSubstr("more than 10 entries"));
  limits.entries = 11;
  EXPECT_TRUE(Extract(tar, limits).ok());
}

TEST_F(LimitsTest, Ratio) {
  ArchiveLimits limits;
  limits.ratio_from_bytes = 1 << 20;
  TarBuilder bomb, small;
  bomb.File("wanted", "x").File("zeros", std::string(4 << 20, '\0'));
  small.File("wanted", "x").File("zeros", std::string(1 << 19, '\0'));
  EXPECT_THAT(std::string(Extract(bomb, limits).message()), HasSubstr("100 times its size"));
  EXPECT_TRUE(Extract(small, limits).ok()) << "a small file may compress as well as it likes";
}

TEST(NormalArchiveName, SpellsANameInOneWay) {
  EXPECT_EQ(*NormalArchiveName("a/b"), "a/b");
  EXPECT_EQ(*NormalArchiveName("./a//b/"), "a/b");
  EXPECT_EQ(*NormalArchiveName("./"), "");
  EXPECT_EQ(*NormalArchiveName("a/..b/c.."), "a/..b/c..");
  for (const char* name : {"", "/", "/a", "..", "a/../b", "a/..", "a\tb", "a\x7f"}) {
    EXPECT_FALSE(NormalArchiveName(name).ok()) << name;
  }
}

TEST(CheckArchiveEntry, ASymbolicLinkStartsFromItsFolderAndAHardLinkFromTheTop) {
  ArchiveEntry entry;
  entry.name = "a/b/link";
  entry.type = S_IFLNK;
  entry.symlink = "../../top";
  EXPECT_TRUE(CheckArchiveEntry(entry).ok());
  entry.symlink = "../../../out";
  EXPECT_FALSE(CheckArchiveEntry(entry).ok());
  entry.type = S_IFREG;
  entry.symlink = "";
  entry.hardlink = "a/file";
  EXPECT_TRUE(CheckArchiveEntry(entry).ok());
  entry.hardlink = "../file";
  EXPECT_FALSE(CheckArchiveEntry(entry).ok());
}

TEST(CheckArchiveEntry, ASocketIsNoFile) {
  ArchiveEntry entry;
  entry.name = "s";
  entry.type = S_IFSOCK;
  EXPECT_FALSE(CheckArchiveEntry(entry).ok());
}

}  // namespace
}  // namespace kplan
