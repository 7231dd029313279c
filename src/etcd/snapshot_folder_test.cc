#include "src/etcd/snapshot_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kCluster[] = "cdf818194e3a8c32";

SnapshotName NameAt(int second, bool before_restart = true) {
  SnapshotName name;
  name.cluster_id = kCluster;
  name.taken = absl::FromUnixMillis(1795381145123 + 1000 * second);
  name.revision = 7;
  name.before_restart = before_restart;
  return name;
}

class SnapshotFolderTest : public StepTest {};

TEST_F(SnapshotFolderTest, NamesSortByTimeAndComeBack) {
  EXPECT_EQ(NameAt(0).ToString(), "cdf818194e3a8c32-20261122T205905.123Z-r7-before-restart.db");
  EXPECT_EQ(NameAt(0, false).ToString(), "cdf818194e3a8c32-20261122T205905.123Z-r7.db");
  std::string last;
  for (int second = 0; second < 200000; second += 997) {
    const std::string text = NameAt(second).ToString();
    EXPECT_LT(last, text);
    last = text;
    std::optional<SnapshotName> back = ParseSnapshotName(text);
    ASSERT_TRUE(back.has_value()) << text;
    EXPECT_EQ(back->taken, NameAt(second).taken);
    EXPECT_EQ(back->revision, 7);
    EXPECT_TRUE(back->before_restart);
  }
}

TEST_F(SnapshotFolderTest, OnlyItsOwnNamesToTheLetter) {
  for (const char* name :
       {"", ".db", "cdf818194e3a8c32.db", "snapshot.db", "cdf818194e3a8c32-20261122T205905.123Z-r7.db.part",
        "CDF818194e3a8c32-20261122T205905.123Z-r7.db", "cdf818194e3a8c32-20261122T205905.12Z-r7.db",
        "cdf818194e3a8c32-20261122T205905.1234Z-r7.db", "cdf818194e3a8c32-20261122T205905.123Z-7.db",
        "cdf818194e3a8c32-20261122T205905.123Z-r07.db", "cdf818194e3a8c32-20261322T205905.123Z-r7.db",
        "cdf818194e3a8c32-20261122T205905.123Z-r7-before-restart-before-restart.db",
        "1cdf818194e3a8c32-20261122T205905.123Z-r7.db", "-20261122T205905.123Z-r7.db",
        "../cdf818194e3a8c32-20261122T205905.123Z-r7.db", "cdf818194e3a8c32-20261122T205905.123Z-r 7.db"}) {
    EXPECT_FALSE(ParseSnapshotName(name).has_value()) << name;
  }
}

TEST_F(SnapshotFolderTest, TheOldestOfThisClusterAndKindGo) {
  for (int second : {0, 1, 2, 3, 4}) Write(absl::StrCat("s/", NameAt(second).ToString()), "x");
  Write(absl::StrCat("s/", NameAt(0, false).ToString()), "by hand");
  SnapshotName other = NameAt(0);
  other.cluster_id = "c1";
  Write(absl::StrCat("s/", other.ToString()), "another cluster's");
  Write("s/notes.txt", "x");
  ASSERT_EQ(mkdir(absl::StrCat("s/", NameAt(-1).ToString()).c_str(), 0700), 0);
  ASSERT_EQ(symlink("notes.txt", absl::StrCat("s/", NameAt(-2).ToString()).c_str()), 0);

  absl::StatusOr<std::vector<std::string>> removed = RemoveOldSnapshots("s", NameAt(4).ToString(), 3);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_THAT(*removed, ElementsAre(NameAt(0).ToString(), NameAt(1).ToString()));
  EXPECT_THAT(*ListSnapshots("s", kCluster, true),
              ElementsAre(NameAt(2).ToString(), NameAt(3).ToString(), NameAt(4).ToString()));
  EXPECT_EQ(List("s").size(), 8u);
}

TEST_F(SnapshotFolderTest, TheNewestStaysWhateverItsTimeSays) {
  // The clock was set back.
  for (int second : {0, 1, 2}) Write(absl::StrCat("s/", NameAt(second).ToString()), "x");
  absl::StatusOr<std::vector<std::string>> removed = RemoveOldSnapshots("s", NameAt(0).ToString(), 1);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_THAT(List("s"), ElementsAre(NameAt(0).ToString()));
  EXPECT_THAT(*RemoveOldSnapshots("s", NameAt(0).ToString(), 0), IsEmpty());
  EXPECT_THAT(List("s"), ElementsAre(NameAt(0).ToString()));
}

TEST_F(SnapshotFolderTest, TheFolderIsPrivate) {
  ASSERT_TRUE(MakeSnapshotFolder("a/s").ok());
  EXPECT_EQ(ModeOf("a/s"), 0700u);
  ASSERT_EQ(chmod("a/s", 0755), 0);
  ASSERT_TRUE(MakeSnapshotFolder("a/s").ok());
  EXPECT_EQ(ModeOf("a/s"), 0700u);
  Write("file", "x");
  EXPECT_THAT(std::string(MakeSnapshotFolder("file").message()),
              HasSubstr("has to be a folder for snapshots"));
  ASSERT_EQ(symlink("a", "link"), 0);
  EXPECT_FALSE(MakeSnapshotFolder("link").ok());
  if (chown("a/s", 65534, 65534) == 0) {  // who may
    EXPECT_THAT(std::string(MakeSnapshotFolder("a/s").message()), HasSubstr("belongs to user 65534"));
  }
}

TEST_F(SnapshotFolderTest, AFileIsKeptOnlyWholeAndUnderAFreeName) {
  ASSERT_TRUE(MakeSnapshotFolder("s").ok());
  std::string path;
  {
    absl::StatusOr<SavingFolder> saving = SavingFolder::Make("s", ".saving-");
    ASSERT_TRUE(saving.ok()) << saving.status();
    path = saving->path();
    EXPECT_EQ(ModeOf(path), 0700u);
    Write(path + "/snapshot.db", "content", 0644);
    Write("s/taken", "x");
    EXPECT_TRUE(absl::IsAlreadyExists(saving->Keep("snapshot.db", "s/taken")));
    EXPECT_EQ(Read("s/taken"), "x");
    ASSERT_TRUE(saving->Keep("snapshot.db", "s/good").ok());
  }
  EXPECT_EQ(Read("s/good"), "content");
  EXPECT_EQ(ModeOf("s/good"), 0600u);
  EXPECT_FALSE(Exists(path));
}

TEST_F(SnapshotFolderTest, WhatAKilledOneLeftIsRemovedAndALivingOnesIsNot) {
  ASSERT_TRUE(MakeSnapshotFolder("s").ok());
  Write("s/.saving-dead00/snapshot.db.part", "half");
  Write("s/.other/file", "x");
  absl::StatusOr<SavingFolder> first = SavingFolder::Make("s", ".saving-");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(Exists("s/.saving-dead00"));
  absl::StatusOr<SavingFolder> second = SavingFolder::Make("s", ".saving-");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(Exists(first->path()));
  EXPECT_NE(first->path(), second->path());
  EXPECT_EQ(List("s").size(), 3u);
}

}  // namespace
}  // namespace kplan
