#include "src/host/may_reach.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Reader Somebody(uid_t uid, gid_t gid, std::vector<gid_t> groups = {}) {
  return {"etcd", {uid, gid}, std::move(groups)};
}

PlaceRights Place(mode_t mode, uid_t uid = 0, gid_t gid = 0, std::vector<AccessEntry> entries = {}) {
  return {mode, {uid, gid}, std::move(entries)};
}

unsigned Rights(const Reader& reader, const PlaceRights& place, char expected_by) {
  char by = 0;
  const unsigned rights = RightsOf(reader, place, &by);
  EXPECT_EQ(by, expected_by);
  return rights;
}

TEST(RightsOf, TheFirstClassThatFitsDecides) {
  // Every mode, for the owner, one of the group and all others.
  for (mode_t mode = 0; mode <= 0777; ++mode) {
    EXPECT_EQ(Rights(Somebody(7, 8), Place(mode, 7, 8), 'u'), mode >> 6);
    EXPECT_EQ(Rights(Somebody(6, 8), Place(mode, 7, 8), 'g'), mode >> 3 & 7);
    EXPECT_EQ(Rights(Somebody(6, 5, {4, 8}), Place(mode, 7, 8), 'g'), mode >> 3 & 7);
    EXPECT_EQ(Rights(Somebody(6, 5, {4}), Place(mode, 7, 8), 'o'), mode & 7);
    EXPECT_EQ(Rights(Somebody(kNoUser, kNoUser), Place(mode, 7, 8), 'o'), mode & 7);
  }
}

TEST(RightsOf, AnAccessListSaysMore) {
  const std::vector<AccessEntry> list = {{AccessEntry::kOwner, 7, 0},      {AccessEntry::kUser, 1, 101},
                                         {AccessEntry::kUser, 0, 102},     {AccessEntry::kGroup, 0, 0},
                                         {AccessEntry::kNamedGroup, 5, 9}, {AccessEntry::kMask, 5, 0},
                                         {AccessEntry::kOther, 1, 0}};
  const PlaceRights place = Place(0751, 7, 8, list);
  EXPECT_EQ(Rights(Somebody(7, 1), place, 'u'), 7u);
  EXPECT_EQ(Rights(Somebody(101, 1), place, 'a'), 1u);
  EXPECT_EQ(Rights(Somebody(102, 9), place, 'a'), 0u) << "a user that is named is nobody else";
  EXPECT_EQ(Rights(Somebody(103, 8), place, 'a'), 0u) << "in the group: not one of the others";
  EXPECT_EQ(Rights(Somebody(103, 8, {9}), place, 'a'), 5u) << "any group that lets it";
  EXPECT_EQ(Rights(Somebody(103, 1), place, 'a'), 1u);
  // What the mask takes away.
  std::vector<AccessEntry> masked = list;
  masked[5].bits = 4;
  EXPECT_EQ(Rights(Somebody(101, 1), Place(0741, 7, 8, masked), 'a'), 0u);
  EXPECT_EQ(Rights(Somebody(103, 9), Place(0741, 7, 8, masked), 'a'), 4u);
  EXPECT_EQ(Rights(Somebody(103, 1), Place(0741, 7, 8, masked), 'a'), 1u);
}

TEST(ParseAccessEntries, AsTheKernelKeepsThem) {
  std::string value("\2\0\0\0", 4);
  value += std::string("\2\0\1\0\145\0\0\0", 8);
  const std::vector<AccessEntry> entries = ParseAccessEntries(value);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].tag, AccessEntry::kUser);
  EXPECT_EQ(entries[0].bits, 1);
  EXPECT_EQ(entries[0].id, 101u);
  for (const std::string& other :
       {std::string(), std::string("\2\0", 2), std::string("\3\0\0\0", 4), value + "x"})
    EXPECT_THAT(ParseAccessEntries(other), IsEmpty());
}

class MayReachTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/kplan-reach-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    ASSERT_EQ(chmod(folder, 0755), 0);
    Make("a", 0755);
    Make("a/b", 0755);
  }
  void TearDown() override {
    for (const char* name : {"link", "a/b/c", "a/b", "a", "group", "passwd"}) {
      const std::string path = absl::StrCat(folder_, "/", name);
      if (unlink(path.c_str()) != 0) rmdir(path.c_str());
    }
    rmdir(folder_.c_str());
  }
  void Make(const std::string& name, mode_t mode) {
    const std::string path = absl::StrCat(folder_, "/", name);
    ASSERT_TRUE(mkdir(path.c_str(), mode) == 0 || errno == EEXIST);
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
  }
  std::string At(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  std::string folder_;
  const Reader stranger_ = {"etcd", {kNoUser, kNoUser}, {}};
};

TEST_F(MayReachTest, EveryFolderOnTheWayCounts) {
  EXPECT_EQ(CheckMayReach(stranger_, At("a/b/x.pem")), absl::OkStatus());
  for (const char* closed : {"a", "a/b"}) {
    Make(closed, 0700);
    const absl::Status status = CheckMayReach(stranger_, At("a/b/x.pem"));
    EXPECT_TRUE(absl::IsPermissionDenied(status));
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(absl::StrCat("etcd may not enter ", At(closed), " (0700, of ")),
                      HasSubstr(absl::StrCat("on the way to ", At("a/b/x.pem"))),
                      HasSubstr(absl::StrCat("`chmod o+x ", At(closed), "`"))));
    // The remedy.
    Make(closed, 0701);
    EXPECT_EQ(CheckMayReach(stranger_, At("a/b/x.pem")), absl::OkStatus());
    Make(closed, 0755);
  }
  // What is not there yet says nothing; to read a folder is not to enter it.
  EXPECT_EQ(CheckMayReach(stranger_, At("a/none/of/this")), absl::OkStatus());
  Make("a", 0744);
  EXPECT_FALSE(CheckMayReach(stranger_, At("a/none/of/this")).ok());
  EXPECT_EQ(CheckMayReach(stranger_, At("a")), absl::OkStatus()) << "a itself is not on the way to it";
}

TEST_F(MayReachTest, ALinkLeadsAnotherWay) {
  ASSERT_EQ(symlink(At("a/b").c_str(), At("link").c_str()), 0);
  EXPECT_THAT(FoldersTo(At("link/x.pem")), ElementsAre("/", "/tmp", folder_, At("a"), At("a/b")));
  Make("a", 0700);
  EXPECT_THAT(std::string(CheckMayReach(stranger_, At("link/x.pem")).message()),
              HasSubstr(absl::StrCat("may not enter ", At("a"))));
}

TEST_F(MayReachTest, WhatIsGoingToBeMadeRightCountsAsThat) {
  Make("a", 0700);
  auto opened = [&](const std::string& folder) {
    return folder == At("a") ? std::optional<PlaceRights>(Place(0711)) : std::nullopt;
  };
  auto nobodys = [](const std::string&) { return false; };
  EXPECT_EQ(CheckMayReach(stranger_, At("a/b/x.pem"), opened, nobodys), absl::OkStatus());
  auto closed = [&](const std::string& folder) {
    return folder == At("a/b") ? std::optional<PlaceRights>(Place(0700)) : opened(folder);
  };
  EXPECT_FALSE(CheckMayReach(stranger_, At("a/b/x.pem"), closed, nobodys).ok());
  auto is_own = [&](const std::string& folder) { return folder == At("a/b"); };
  EXPECT_EQ(CheckMayReach(stranger_, At("a/b/x.pem"), closed, is_own), absl::OkStatus());
}

TEST_F(MayReachTest, TheReaderIsLookedUp) {
  ASSERT_TRUE(WriteFile(At("passwd"), "root:x:0:0::/:/\netcd:x:101:102::/:/\n", 0644).ok());
  ASSERT_TRUE(
      WriteFile(At("group"), "root:x:0:\netcd:x:102:\ntls:x:103:ops,etcd\nops:x:104:ops\nmore:x:105:\n", 0644)
          .ok());
  const AccountFiles files = {At("passwd"), At("group"), /*here=*/false};
  absl::StatusOr<Reader> reader = ReaderOf("etcd", "", {}, files);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->owner.uid, 101u);
  EXPECT_EQ(reader->owner.gid, 102u);
  EXPECT_THAT(reader->groups, ElementsAre(103));
  reader = ReaderOf("etcd", "ops", {"more", "nobody-has-it"}, files);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->owner.gid, 104u);
  EXPECT_THAT(reader->groups, ElementsAre(103, 105, kNoUser));
  reader = ReaderOf("to-come", "", {}, files);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->owner.uid, kNoUser);
  reader = ReaderOf("4711", "", {}, files);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->owner.uid, 4711u);
}

}  // namespace
}  // namespace kplan
