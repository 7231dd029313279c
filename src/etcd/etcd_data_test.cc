#include "src/etcd/etcd_data.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/etcd/wal_testing.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;

constexpr char kData[] = "rootfs/var/lib/etcd";
constexpr char kLog[] = "rootfs/var/lib/etcd/member/wal";
constexpr char kSnap[] = "rootfs/var/lib/etcd/member/snap";

class EtcdDataTest : public StepTest {
 protected:
  // What is in the folder; looking has to change nothing.
  static EtcdData ReadIt() {
    const std::string before = Everything();
    absl::StatusOr<EtcdData> data = ReadEtcdData("./rootfs", "/var/lib/etcd");
    EXPECT_EQ(Everything(), before);
    EXPECT_TRUE(data.ok()) << data.status();
    if (!data.ok()) return EtcdData();
    EXPECT_NE(data->place, "");
    if (!data->strange.empty() || !data->initialised) {
      EXPECT_EQ(data->member_id + data->cluster_id, "") << "no ids that are not there";
      EXPECT_FALSE(data->initialised || data->snapshot);
      EXPECT_EQ(data->commit, 0u);
    }
    return *data;
  }
  static std::string Strange() { return ReadIt().strange; }

  static void MakeFolder(const std::string& path) { ASSERT_TRUE(MakeFolders(path).ok()); }
  static std::string Segment(int number, int index = 0) {
    return absl::StrCat(kLog, "/", absl::Hex(number, absl::kZeroPad16), "-",
                        absl::Hex(index, absl::kZeroPad16), ".wal");
  }
  static void WriteLog(uint64_t commit = 9) {
    MakeFolder(kSnap);
    Write(absl::StrCat(kSnap, "/db"), "bolt", 0600);
    Write(Segment(0), WalWriter().Begin(0xa, 0xbc).Snapshot(0).State(2, commit).WithRoom(), 0600);
  }
};

TEST_F(EtcdDataTest, NothingAtAll) {
  EXPECT_FALSE(ReadIt().initialised) << "no root";
  MakeFolder("rootfs");
  EXPECT_FALSE(ReadIt().initialised) << "no folder";
  MakeFolder(kData);
  EXPECT_FALSE(ReadIt().initialised) << "an empty folder";
  Write(absl::StrCat(kData, "/.touch"), "");
  MakeFolder(absl::StrCat(kData, "/lost+found"));
  EXPECT_FALSE(ReadIt().initialised) << "what does not matter";
  EXPECT_EQ(ReadIt().strange, "");
}

TEST_F(EtcdDataTest, ABootstrapThatWasInterrupted) {
  // In the order in which etcd makes them.
  MakeFolder(absl::StrCat(kData, "/member"));
  EXPECT_EQ(Strange(), "");
  MakeFolder(kSnap);
  EXPECT_EQ(Strange(), "");
  Write(absl::StrCat(kSnap, "/db"), "bolt", 0600);
  EXPECT_EQ(Strange(), "");
  Write(absl::StrCat(kData, "/member/wal.tmp/0.tmp"), std::string(4096, '\0'));
  EXPECT_EQ(Strange(), "");
  MakeFolder(kLog);
  Write(absl::StrCat(kLog, "/0.tmp"), std::string(4096, '\0'));
  EXPECT_EQ(Strange(), "");
  EXPECT_FALSE(ReadIt().initialised);
}

TEST_F(EtcdDataTest, AMember) {
  WriteLog();
  EtcdData data = ReadIt();
  EXPECT_EQ(data.strange, "");
  EXPECT_TRUE(data.initialised);
  EXPECT_EQ(data.member_id, "a");
  EXPECT_EQ(data.cluster_id, "bc");
  EXPECT_EQ(data.commit, 9u);
  EXPECT_FALSE(data.snapshot);
  Write(absl::StrCat(kData, "/backup.db"), "etcd only warns of it");
  EXPECT_TRUE(ReadIt().initialised);
  Write(absl::StrCat(kSnap, "/0000000000000002-000000000000000b.snap"), "x");
  EXPECT_TRUE(ReadIt().snapshot);
}

TEST_F(EtcdDataTest, TheNewestSegmentCounts) {
  WriteLog();
  Write(Segment(9, 100), WalWriter(77).Begin(0xa, 0xbc).State(2, 500).WithRoom());
  Write(Segment(10, 600), WalWriter(78).Begin(0xa, 0xbc).State(2, 600).Snapshot(550).WithRoom());
  Write(absl::StrCat(kLog, "/1.tmp"), "room for the next one");
  Write(absl::StrCat(kLog, "/zz.wal"), "etcd only warns of it");
  EtcdData data = ReadIt();
  EXPECT_EQ(data.commit, 600u);
  EXPECT_TRUE(data.snapshot);
}

// With the log outside of the data folder.
class EtcdLogApartTest : public EtcdDataTest {
 protected:
  static EtcdData ReadApart() {
    const std::string before = Everything();
    absl::StatusOr<EtcdData> data =
        ReadEtcdData("./rootfs", "/var/lib/etcd", /*versions=*/false, "/srv/wal/wal");
    EXPECT_EQ(Everything(), before);
    EXPECT_TRUE(data.ok()) << data.status();
    return data.ok() ? *data : EtcdData();
  }
  static void MoveLog() {
    MakeFolder("rootfs/srv/wal");
    ASSERT_EQ(rename(kLog, "rootfs/srv/wal/wal"), 0);
  }
};

TEST_F(EtcdLogApartTest, NothingYet) {
  EXPECT_EQ(ReadApart().strange, "");
  MakeFolder("rootfs/srv/wal/lost+found");
  MakeFolder(kData);
  EXPECT_EQ(ReadApart().strange, "");
  EXPECT_FALSE(ReadApart().initialised);
}

TEST_F(EtcdLogApartTest, AMember) {
  WriteLog();
  MoveLog();
  const EtcdData data = ReadApart();
  EXPECT_EQ(data.strange + data.unlogged, "");
  EXPECT_TRUE(data.initialised);
  EXPECT_EQ(data.member_id, "a");
  EXPECT_EQ(data.commit, 9u);
}

TEST_F(EtcdLogApartTest, ALogThatIsStillInTheDataFolder) {
  WriteLog();
  const EtcdData data = ReadApart();
  EXPECT_FALSE(data.initialised);
  EXPECT_EQ(data.strange, "");
  EXPECT_THAT(data.unlogged, HasSubstr("mv ./rootfs/var/lib/etcd/member/wal ./rootfs/srv/wal/wal"));
}

TEST_F(EtcdLogApartTest, ALogWithoutItsData) {
  WriteLog();
  MoveLog();
  ASSERT_EQ(rename(kData, "elsewhere"), 0);
  EXPECT_THAT(ReadApart().strange,
              HasSubstr("./rootfs/srv/wal/wal has a log of etcd, but ./rootfs/var/lib/etcd"));
}

TEST_F(EtcdLogApartTest, AFolderOfSomebodyElse) {
  Write("rootfs/srv/wal/PG_VERSION", "15");
  EXPECT_THAT(ReadApart().strange, HasSubstr("./rootfs/srv/wal has no log of etcd, but holds PG_VERSION"));
  MakeFolder(kData);
  EXPECT_THAT(ReadApart().strange, HasSubstr("./rootfs/srv/wal has no log of etcd, but holds PG_VERSION"));
}

// The log of a member that was asked for /health at index 5, in two segments.
class EtcdVersionsTest : public EtcdDataTest {
 protected:
  void SetUp() override {
    EtcdDataTest::SetUp();
    MakeFolder(kSnap);
    WalWriter first;
    first.Begin(0xa, 0xbc).Snapshot(0).NumberedEntry(4, WalWriter::V2Request("PUT", "/0/version", "3.4.0"));
    first.NumberedEntry(5, WalWriter::V2Request("QGET", "", ""));
    Write(Segment(0), first.bytes(), 0600);
    second_.Begin(0xa, 0xbc).NumberedEntry(6, "").State(2, 6);
    Write(Segment(1, 6), second_.WithRoom(), 0600);
  }
  static EtcdData Versions() {
    absl::StatusOr<EtcdData> data = ReadEtcdData("./rootfs", "/var/lib/etcd", /*versions=*/true);
    EXPECT_TRUE(data.ok()) << data.status();
    return data.value_or(EtcdData());
  }
  static std::string SnapshotAt(int index) {
    return absl::StrCat(kSnap, "/0000000000000002-", absl::Hex(index, absl::kZeroPad16), ".snap");
  }

  WalWriter second_{77};
};

TEST_F(EtcdVersionsTest, OfTheWholeLog) {
  EXPECT_EQ(ReadIt().version, "") << "it was not asked for";
  EXPECT_EQ(ReadIt().refused_by_36, 0u);
  EXPECT_EQ(Versions().version, "3.4.0");
  EXPECT_EQ(Versions().refused_by_36, 5u);
  EXPECT_EQ(Versions().commit, 6u);
  second_.NumberedEntry(7, WalWriter::Bytes(1300, WalWriter::Bytes(1, "3.5.0")));
  second_.NumberedEntry(8, WalWriter::Bytes(1302, WalWriter::Number(1, 1) + WalWriter::Bytes(2, "3.4.0")));
  Write(Segment(1, 6), second_.WithRoom(), 0600);
  EXPECT_EQ(Versions().version, "3.5.0");
  EXPECT_EQ(Versions().downgrade, "3.4.0");

  // It goes over the wire whole.
  absl::StatusOr<Json> json = EtcdDataJson({"/var/lib/etcd", "./rootfs", true});
  ASSERT_TRUE(json.ok());
  absl::StatusOr<EtcdData> parsed = ParseEtcdData(*json);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->version, "3.5.0");
  EXPECT_EQ(parsed->downgrade, "3.4.0");
  EXPECT_EQ(parsed->refused_by_36, 5u);
  (*json)["version"] = "3.5.0\x1b[31m";
  EXPECT_FALSE(ParseEtcdData(*json).ok());
}

TEST_F(EtcdVersionsTest, ASnapshotPastItLeavesItBehind) {
  Write(SnapshotAt(6), "x");
  EXPECT_EQ(Versions().refused_by_36, 5u)
      << "the log does not know of that snapshot: etcd takes an older one";
  second_.Snapshot(6);
  Write(Segment(1, 6), second_.WithRoom(), 0600);
  EXPECT_EQ(Versions().refused_by_36, 0u);
  unlink(SnapshotAt(6).c_str());
  EXPECT_EQ(Versions().refused_by_36, 5u);
  Write(SnapshotAt(4), "x");
  second_.Snapshot(4);
  Write(Segment(1, 6), second_.WithRoom(), 0600);
  EXPECT_EQ(Versions().refused_by_36, 5u) << "the snapshot is of before";
}

TEST_F(EtcdVersionsTest, TheSnapshotTellsTheVersionWhereTheLogDoesNotAnyMore) {
  unlink(Segment(0).c_str());
  EXPECT_EQ(Versions().version, "");
  second_.Snapshot(6);
  Write(Segment(1, 6), second_.WithRoom(), 0600);
  Write(SnapshotAt(6),
        "\x08\x01\x12{\"Root\":{\"Path\":\"/\",\"Children\":{\"0\":{\"Path\":\"/0\",\"Children\":{"
        "\"version\":{\"Path\":\"/0/version\",\"CreatedIndex\":5,\"ModifiedIndex\":5,"
        "\"ExpireTime\":\"0001-01-01T00:00:00Z\",\"Value\":\"3.5.0\",\"Children\":null}}}}}}");
  EXPECT_EQ(Versions().version, "3.5.0");
  Write(SnapshotAt(6), "\"Path\":\"/0/version\",\"Value\":\"3.5");
  EXPECT_EQ(Versions().version, "3.5") << "a file that ends early says what it says";
  Write(SnapshotAt(6), "\"Path\":\"/0/version\",\"Value\":\"a b\"");
  EXPECT_EQ(Versions().version, "");
}

TEST_F(EtcdVersionsTest, AnEarlierSegmentThatIsDamagedIsSaid) {
  std::string bytes = Read(Segment(0));
  bytes[bytes.size() - 20] ^= 1;
  Write(Segment(0), bytes, 0600);
  EXPECT_TRUE(ReadIt().initialised) << "nobody asked";
  absl::StatusOr<EtcdData> data = ReadEtcdData("./rootfs", "/var/lib/etcd", /*versions=*/true);
  EXPECT_TRUE(absl::IsDataLoss(data.status())) << data.status();
  EXPECT_THAT(std::string(data.status().message()),
              HasSubstr("0000000000000000-0000000000000000.wal is damaged"));
}

TEST_F(EtcdDataTest, FoldersThatAreNotEtcds) {
  Write(absl::StrCat(kData, "/PG_VERSION"), "15");
  EXPECT_EQ(Strange(), "./rootfs/var/lib/etcd has no data of an etcd member, but holds PG_VERSION");
  for (const char* name : {"base", "global", "pg_wal"}) MakeFolder(absl::StrCat(kData, "/", name));
  EXPECT_EQ(Strange(),
            "./rootfs/var/lib/etcd has no data of an etcd member, but holds PG_VERSION, base, global and 1 "
            "more");
}

TEST_F(EtcdDataTest, NamesAreShownWithoutTheirControlCharacters) {
  Write(absl::StrCat(kData, "/a\nb\x1b[31m\xff"), "");
  EXPECT_THAT(Strange(), HasSubstr("a\\x0ab\\x1b[31m\\xff"));
  absl::StatusOr<Json> json = EtcdDataJson({"/var/lib/etcd", "./rootfs"});
  ASSERT_TRUE(json.ok());
  json->dump();  // would throw when it were no UTF-8
}

TEST_F(EtcdDataTest, AnotherMembersFolder) {
  Write(absl::StrCat(kData, "/member/notes.txt"), "");
  EXPECT_THAT(Strange(), HasSubstr("/member has no log of etcd, but holds notes.txt"));
}

TEST_F(EtcdDataTest, SnapshotsWithoutALog) {
  Write(absl::StrCat(kSnap, "/0000000000000002-000000000000000b.snap"), "x");
  MakeFolder(kLog);
  EXPECT_THAT(Strange(), HasSubstr("member/snap has snapshots, but ./rootfs/var/lib/etcd/member/wal has no "
                                   "log"));
}

TEST_F(EtcdDataTest, ALogWithWrongNames) {
  Write(absl::StrCat(kLog, "/my.wal"), "x");
  EXPECT_THAT(Strange(), HasSubstr("holds my.wal, which is no name of a segment"));
}

TEST_F(EtcdDataTest, ADamagedLog) {
  WriteLog();
  Write(Segment(1, 5), std::string(64, '\0'));
  EXPECT_THAT(Strange(), HasSubstr("0000000000000001-0000000000000005.wal is damaged: it is empty"));
  Write(Segment(1, 5), "");
  EXPECT_THAT(Strange(), HasSubstr("is damaged: it is too short"));
}

TEST_F(EtcdDataTest, NoLinkIsFollowed) {
  WriteLog();
  ASSERT_EQ(rename(kData, "elsewhere"), 0);
  ASSERT_EQ(symlink("../../../elsewhere", kData), 0);
  EXPECT_THAT(Strange(), HasSubstr("./rootfs/var/lib/etcd is a symbolic link"));
  ASSERT_EQ(unlink(kData), 0);
  ASSERT_EQ(mkdir(kData, 0755), 0);
  ASSERT_EQ(symlink("../../../../elsewhere/member", "rootfs/var/lib/etcd/member"), 0);
  EXPECT_THAT(Strange(), HasSubstr("/member is not a folder"));
  ASSERT_EQ(unlink("rootfs/var/lib/etcd/member"), 0);
  MakeFolder("rootfs/var/lib/etcd/member");
  ASSERT_EQ(symlink("../../../../../elsewhere/member/wal", kLog), 0);
  EXPECT_THAT(Strange(), HasSubstr("/member/wal is not a folder"));
  ASSERT_EQ(unlink(kLog), 0);
  MakeFolder(kLog);
  ASSERT_EQ(symlink("../../../../../../elsewhere/member/wal/0000000000000000-0000000000000000.wal",
                    Segment(0).c_str()),
            0);
  EXPECT_THAT(Strange(), HasSubstr(".wal is not a file"));
}

TEST_F(EtcdDataTest, OtherThanFilesAndFolders) {
  MakeFolder("rootfs/var/lib");
  Write(kData, "a file");
  EXPECT_THAT(Strange(), HasSubstr("Not a directory"));
  ASSERT_EQ(unlink(kData), 0);
  Write("rootfs/var/lib/etcd/member", "a file");
  EXPECT_THAT(Strange(), HasSubstr("/member is not a folder"));
  ASSERT_EQ(unlink("rootfs/var/lib/etcd/member"), 0);
  MakeFolder(kLog);
  ASSERT_EQ(mkfifo(Segment(0).c_str(), 0600), 0);
  EXPECT_THAT(Strange(), HasSubstr(".wal is not a file")) << "and it does not wait for a writer";
}

TEST_F(EtcdDataTest, WhatMustNotBeReadIsAnError) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  MakeFolder(kData);
  ASSERT_EQ(chmod(kData, 0), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(ReadEtcdData("./rootfs", "/var/lib/etcd").status()));
  ASSERT_EQ(chmod(kData, 0700), 0);
}

TEST_F(EtcdDataTest, AHugeSparseLogIsReadInNoTime) {
  WriteLog();
  ASSERT_EQ(truncate(Segment(0).c_str(), off_t{1} << 42), 0);
  EXPECT_EQ(ReadIt().commit, 9u);
}

TEST_F(EtcdDataTest, APlaceIsTheSameByEveryName) {
  auto place = [](const std::string& root, const std::string& path) {
    return ReadEtcdData(root, path)->place;
  };
  const std::string absolute = working_folder_ + "/rootfs";
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(place("rootfs", "/var/lib/etcd"), place("./rootfs/", "/var//lib/etcd"));
    EXPECT_EQ(place("rootfs", "/var/lib/etcd"), place(absolute, "/var/lib/etcd"));
    EXPECT_EQ(place("rootfs", "/var/lib/etcd"), place("/", absolute + "/var/lib/etcd"));
    EXPECT_NE(place("rootfs", "/var/lib/etcd"), place("rootfs2", "/var/lib/etcd"));
    EXPECT_NE(place("rootfs", "/var/lib/etcd"), place("rootfs", "/var/lib/etcd2"));
    MakeFolder(kData);  // and again when it is there
  }
  ASSERT_EQ(symlink("rootfs", "other-name"), 0);
  EXPECT_EQ(place("rootfs", "/var/lib/etcd"), place("other-name", "/var/lib/etcd"));
}

TEST_F(EtcdDataTest, TheAnswerTravelsAsJson) {
  const EtcdDataQuestion question = {"/var/lib/etcd", "./rootfs"};
  WriteLog(uint64_t{1} << 63);
  absl::StatusOr<Json> json = EtcdDataJson(question);
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ((*json)["initialised"], true);
  EXPECT_EQ((*json)["member-id"], "a");
  EXPECT_EQ((*json)["cluster-id"], "bc");
  EXPECT_EQ((*json)["commit"], uint64_t{1} << 63);
  EXPECT_EQ((*json)["snapshot"], false);
  absl::StatusOr<EtcdData> data = ParseEtcdData(Json::parse(json->dump()));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->commit, uint64_t{1} << 63);
  EXPECT_EQ(data->member_id, "a");
  EXPECT_EQ(data->place, ReadIt().place);

  const Json good = *json;
  for (const char* key : {"initialised", "member-id", "cluster-id", "commit", "snapshot", "place"}) {
    Json bad = good;
    bad.erase(key);
    EXPECT_FALSE(ParseEtcdData(bad).ok()) << key;
    bad[key] = Json::array();
    EXPECT_FALSE(ParseEtcdData(bad).ok()) << key;
  }
  for (const char* id : {"", "0", "0a", "A", "x", "12345678901234567", "a\n", " a"}) {
    Json bad = good;
    bad["member-id"] = id;
    EXPECT_FALSE(ParseEtcdData(bad).ok()) << id;
  }
  EXPECT_FALSE(ParseEtcdData(Json()).ok());
  EXPECT_FALSE(ParseEtcdData(Json::array({1})).ok());

  ASSERT_EQ(rename("rootfs/var/lib/etcd/member", "rootfs/var/lib/etcd/old"), 0);
  json = EtcdDataJson(question);
  ASSERT_TRUE(json.ok());
  EXPECT_THAT(ParseEtcdData(*json)->strange, HasSubstr("holds old"));
  EXPECT_FALSE(FromJson<EtcdDataQuestion>(Json{{"kind", "etcd-data"}}).ok());
}

}  // namespace
}  // namespace kplan
