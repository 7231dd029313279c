#include "src/etcd/snapshot_file.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/bytes_text.h"
#include "src/base/digest.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;

class SnapshotFileTest : public StepTest {
 protected:
  // A program that says what etcdctl would, and how it was called.
  static void PutProgram(const std::string& name, const std::string& script) {
    Write(absl::StrCat("bin/", name), absl::StrCat("#!/bin/sh\necho \"$0 $*\" >>called\n", script), 0755);
  }
  static std::string Database(char c = 'x') { return std::string(1024, c); }
  static std::string Snapshot(const std::string& database) {
    return absl::StrCat(database, absl::HexStringToBytes(Sha256Hex(database)));
  }
  static std::string ErrorOf(const std::string& path) {
    return std::string(CheckSnapshot("bin/etcdctl", path).status().message());
  }
};

constexpr char kStatus[] = "echo '{\"hash\":4026531840,\"revision\":6,\"totalKey\":9,\"totalSize\":20480}'\n";

TEST_F(SnapshotFileTest, AWholeOne) {
  PutProgram("etcdctl", kStatus);
  Write("a.db", Snapshot(Database()));
  absl::StatusOr<SnapshotInfo> info = CheckSnapshot(SnapshotProgram("bin/etcdctl"), "a.db");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->path, "a.db");
  EXPECT_EQ(info->revision, 6);
  EXPECT_FALSE(info->keys.has_value()) << "what one program calls keys are revisions";
  EXPECT_EQ(info->hash, 4026531840u);
  EXPECT_EQ(info->size, 1056);  // of the file
  EXPECT_EQ(info->sha256, Sha256Hex(Database()));
  EXPECT_EQ(info->Describe(), "revision 6, 1.1 kB");
  info->keys = 1;
  EXPECT_EQ(info->Describe(), "revision 6, 1 key, 1.1 kB");
  EXPECT_EQ(Read("called"), "bin/etcdctl snapshot status a.db --write-out=json\n");
}

TEST_F(SnapshotFileTest, AnyByteThatIsAnotherIsFoundBeforeAnyProgramIsAsked) {
  PutProgram("etcdctl", kStatus);
  const std::string good = Snapshot(Database());
  for (size_t at : {size_t{0}, size_t{500}, size_t{1023}, size_t{1024}, good.size() - 1}) {
    std::string bad = good;
    bad[at] ^= 1;
    Write("bad.db", bad);
    EXPECT_THAT(ErrorOf("bad.db"), HasSubstr("it ends in the SHA-256")) << at;
  }
  for (size_t size : {size_t{0}, size_t{31}, size_t{32}, size_t{512}, size_t{1024}, good.size() - 1}) {
    Write("bad.db", good.substr(0, size));
    EXPECT_THAT(ErrorOf("bad.db"), HasSubstr("does not end in its SHA-256")) << size;
  }
  Write("bad.db", good + "x");
  EXPECT_THAT(ErrorOf("bad.db"), HasSubstr("is no whole snapshot of etcd"));
  EXPECT_FALSE(Exists("called"));
}

TEST_F(SnapshotFileTest, OnlyAFile) {
  PutProgram("etcdctl", kStatus);
  Write("a.db", Snapshot(Database()));
  ASSERT_EQ(symlink("a.db", "link.db"), 0);
  EXPECT_FALSE(CheckSnapshot("bin/etcdctl", "link.db").ok());
  ASSERT_EQ(mkfifo("fifo", 0600), 0);
  EXPECT_THAT(ErrorOf("fifo"), HasSubstr("is not a file"));
  EXPECT_THAT(ErrorOf("bin"), HasSubstr("is not a file"));
  EXPECT_TRUE(absl::IsNotFound(CheckSnapshot("bin/etcdctl", "missing").status()));
}

TEST_F(SnapshotFileTest, WhatTheProgramSaysOfItCounts) {
  Write("a.db", Snapshot(Database()));
  PutProgram("etcdctl",
             "echo '{\"level\":\"info\",\"msg\":\"x\"}' >&2; echo 'Error: invalid database' >&2; exit 1\n");
  EXPECT_EQ(ErrorOf("a.db"), "`bin/etcdctl snapshot status a.db`: exit 1: invalid database");
  PutProgram("etcdctl", "echo 'revision 6'\n");
  EXPECT_THAT(ErrorOf("a.db"), HasSubstr("cannot read what `snapshot status` printed: revision 6"));
  for (const char* json : {"[]", "{}", "{\"hash\":1,\"revision\":-1,\"totalKey\":1,\"totalSize\":1}",
                           "{\"hash\":4294967296,\"revision\":1,\"totalKey\":1,\"totalSize\":1}",
                           "{\"hash\":1,\"revision\":\"1\",\"totalKey\":1,\"totalSize\":1}"}) {
    EXPECT_TRUE(absl::IsDataLoss(ParseSnapshotStatus(json).status())) << json;
  }
}

TEST_F(SnapshotFileTest, EtcdutlWhereThereIsOne) {
  PutProgram("etcdctl", "exit 1\n");
  EXPECT_EQ(SnapshotProgram("bin/etcdctl"), "bin/etcdctl");
  Write("bin/etcdutl", "not a program", 0644);
  EXPECT_EQ(SnapshotProgram("bin/etcdctl"), "bin/etcdctl");
  PutProgram("etcdutl", kStatus);
  EXPECT_EQ(SnapshotProgram("bin/etcdctl"), "bin/etcdutl");
  Write("a.db", Snapshot(Database()));
  EXPECT_TRUE(CheckSnapshot(SnapshotProgram("bin/etcdctl"), "a.db").ok());
  EXPECT_EQ(SnapshotProgram("missing/etcdctl"), "missing/etcdctl");
}

TEST_F(SnapshotFileTest, Sizes) {
  EXPECT_EQ(BytesText(999), "999 bytes");
  EXPECT_EQ(BytesText(1500), "1.5 kB");
  EXPECT_EQ(BytesText(24100000), "24 MB");
  EXPECT_EQ(BytesText(8589934592), "8.6 GB");
  EXPECT_EQ(TimeForSnapshot(0), absl::Minutes(1));
  EXPECT_EQ(TimeForSnapshot(400000000), absl::Seconds(160));
}

}  // namespace
}  // namespace kplan
