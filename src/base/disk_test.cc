// Writing, as the disk sees it: what comes before what, and what is made of each error.

#include "src/base/disk.h"

#include <errno.h>
#include <stdlib.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/disk_testing.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/base/piecewise_file.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

class DiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/disk-XXXXXX";
    ASSERT_NE(mkdtemp(&pattern[0]), nullptr);
    folder_ = pattern;
  }

  std::string At(absl::string_view name) const { return absl::StrCat(folder_, "/", name); }
  std::string FolderName() const { return folder_.substr(folder_.rfind('/') + 1); }

  // Those of the calls that change something.
  static std::vector<std::string> Changing(const WatchedDisk& disk) {
    std::vector<std::string> calls;
    for (const std::string& call : disk.calls()) {
      if (!absl::StartsWith(call, "stat ") && !absl::StartsWith(call, "look into ") &&
          !absl::StartsWith(call, "read "))
        calls.push_back(call);
    }
    return calls;
  }

  std::string folder_;
};

TEST_F(DiskTest, AFileIsOnTheDiskBeforeItGetsItsNameAndTheNameBeforeItIsDone) {
  WatchedDisk disk;
  ASSERT_TRUE(WriteFile(At("f"), "x", 0644).ok());
  EXPECT_THAT(Changing(disk),
              ElementsAre("open .f.kplan-tmp", "lock .f.kplan-tmp", "write .f.kplan-tmp", "sync .f.kplan-tmp",
                          "rename .f.kplan-tmp f", absl::StrCat("sync ", FolderName(), "/")));
  EXPECT_THAT(disk.renamed_unsynced(), IsEmpty());
  EXPECT_THAT(disk.unsynced_folders(), IsEmpty());
}

TEST_F(DiskTest, TheWatcherSeesWhatIsNotSynced) {
  WatchedDisk disk;
  ASSERT_TRUE(WriteScratchFile(At("f"), "x", 0644).ok());
  EXPECT_THAT(disk.renamed_unsynced(), ElementsAre(EndsWith("/f")));
  EXPECT_THAT(disk.unsynced_folders(), ElementsAre(FolderName()));
}

TEST_F(DiskTest, NewFoldersAreOnTheDiskToo) {
  WatchedDisk disk;
  ASSERT_TRUE(WriteFile(At("a/b/f"), "x", 0644).ok());
  EXPECT_THAT(disk.unsynced_folders(), IsEmpty());
  ASSERT_TRUE(OpenFolderBelow(At("root"), "/etc/etcd", true).ok());
  EXPECT_THAT(disk.unsynced_folders(), IsEmpty());
  ASSERT_TRUE(WriteScratchFile(At("c/d/f"), "x", 0644).ok());
  EXPECT_THAT(disk.unsynced_folders(), ElementsAre(FolderName(), "c", "d"))
      << "and those of a stamp need not be";
}

TEST_F(DiskTest, ManyFilesAreSyncedAtOnceAndBeforeAllOfThem) {
  for (size_t count : {2u, 9u, 300u}) {
    WatchedDisk disk;
    std::vector<FileContent> files;
    for (size_t i = 0; i < count; ++i) files.push_back({At(absl::StrCat(count, "/", i % 3, "/", i)), "x"});
    ASSERT_TRUE(WriteFiles(files, 0644).ok());
    EXPECT_THAT(disk.renamed_unsynced(), IsEmpty()) << count;
    EXPECT_THAT(disk.unsynced_folders(), IsEmpty()) << count;
  }
}

TEST_F(DiskTest, AFileWrittenInPiecesAndAJournalWrittenAnewAreSynced) {
  WatchedDisk disk;
  ASSERT_TRUE(WritePiecewise(
                  At("f"), [](TextSink sink) { sink("x"); }, 0644)
                  .ok());
  ASSERT_TRUE(WriteJournal(At("journal"), {}).ok());
  EXPECT_THAT(disk.renamed_unsynced(), IsEmpty());
  EXPECT_THAT(disk.unsynced_folders(), IsEmpty());
}

TEST_F(DiskTest, AFileIsOpenedLookedAtAndReadOnce) {
  ASSERT_TRUE(WriteFile(At("f"), "text", 0644).ok());
  WatchedDisk disk;
  EXPECT_EQ(*ReadFile(At("f")), "text");
  EXPECT_THAT(disk.calls(), ElementsAre("look into f", "stat f", "read f"));
  EXPECT_FALSE(ReadFile("/proc/self/status")->empty()) << "its size is 0";
}

TEST_F(DiskTest, ASignalInAnyCallIsNoError) {
  std::map<std::string, int> seen;
  WatchedDisk disk([&](absl::string_view call) { return ++seen[std::string(call)] % 2 == 1 ? EINTR : 0; });
  EXPECT_EQ(WriteFile(At("a/f"), "x", 0644), absl::OkStatus());
  absl::StatusOr<std::string> text = ReadFile(At("a/f"));
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, "x");
  JournalEntry entry;
  entry.label = "ca/cert";
  EXPECT_EQ(AppendEntry(At("journal"), entry), absl::OkStatus());
  EXPECT_EQ(AppendEntry(At("journal"), entry), absl::OkStatus());
  EXPECT_EQ(Journal::Read(At("journal")).lines(), 2u);
  EXPECT_EQ(WriteFiles({{At("1"), "x"}, {At("2"), "x"}}, 0644), absl::OkStatus());
  EXPECT_EQ(OpenFolderBelow(At("root"), "/etc", true).status(), absl::OkStatus());
}

// The message of what WRITE says when CALL fails with ERROR.
template <typename Write>
std::string SaidWhen(absl::string_view call, int error, Write write) {
  WatchedDisk disk([&](absl::string_view made) { return made == call ? error : 0; });
  return std::string(write().message());
}

TEST_F(DiskTest, AnErrorSaysItsOwnReason) {
  auto write = [&] { return WriteFile(At("f"), "x", 0644); };
  EXPECT_THAT(SaidWhen("open .f.kplan-tmp", EMFILE, write), HasSubstr("Too many open files"));
  EXPECT_THAT(SaidWhen("lock .f.kplan-tmp", ENOLCK, write), HasSubstr("No locks available"));
  EXPECT_THAT(SaidWhen("stat .f.kplan-tmp", EIO, write), HasSubstr("Input/output error"));
  EXPECT_THAT(SaidWhen("write .f.kplan-tmp", EDQUOT, write), HasSubstr("Disk quota exceeded"));
  EXPECT_THAT(SaidWhen("sync .f.kplan-tmp", EIO, write), HasSubstr("Input/output error"));
  EXPECT_THAT(SaidWhen("rename .f.kplan-tmp f", EACCES, write), HasSubstr("Permission denied"));
  EXPECT_EQ(write(), absl::OkStatus()) << "and none of them leaves something in the way";
  auto deeper = [&] { return MakeFolders(At("a/b")); };
  EXPECT_THAT(SaidWhen("mkdir b", ENOSPC, deeper), HasSubstr("No space left"));
  ASSERT_TRUE(WriteFile(At("file"), "x", 0644).ok());
  EXPECT_THAT(std::string(MakeFolders(At("file")).message()), HasSubstr("Not a directory"));
  EXPECT_EQ(std::string(ErrnoStatus(0, "cannot do it").message()), "cannot do it: the system gave no reason");
}

TEST_F(DiskTest, AJournalSaysItsOwnReasonAndTakesAShortWrite) {
  JournalEntry entry;
  entry.label = "ca/cert";
  auto append = [&] { return AppendEntry(At("journal"), entry); };
  ASSERT_EQ(append(), absl::OkStatus());
  EXPECT_THAT(SaidWhen("write journal", EIO, append), HasSubstr("Input/output error"));
  EXPECT_THAT(SaidWhen("read journal", EIO, append), HasSubstr("Input/output error"));
  EXPECT_THAT(SaidWhen("stat journal", EACCES, append), HasSubstr("Permission denied"));
  // A disk that takes three bytes at a time.
  class Narrow : public Disk {
   public:
    Narrow() { disk::Replace(this); }
    ~Narrow() override { disk::Replace(nullptr); }
    ssize_t Write(int fd, const void* from, size_t size) override {
      return Disk::Write(fd, from, size < 3 ? size : 3);
    }
  } narrow;
  EXPECT_EQ(append(), absl::OkStatus());
  EXPECT_EQ(Journal::Read(At("journal")).lines(), 2u);
}

}  // namespace
}  // namespace kplan
