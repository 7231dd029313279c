#include "src/base/journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/files.h"

namespace kplan {
namespace {

class JournalTest : public testing::Test {
 protected:
  JournalTest() : folder_(testing::TempDir() + "/journal-XXXXXX") {
    EXPECT_NE(mkdtemp(&folder_[0]), nullptr);
    path_ = folder_ + "/journal/worker";
  }

  static JournalEntry Entry(const std::string& label, int64_t at) {
    JournalEntry entry;
    entry.label = label;
    entry.at = at;
    entry.record = "aa";
    entry.digest = "bb";
    entry.reason = "one\tline\nand a \\ backslash\\t";
    entry.made_at = 7;
    entry.made_at_before = 6;
    entry.made_reason = "missing";
    entry.made_record = "cc";
    entry.made_record_before = "";
    entry.files = {{"pki/a b.pem", "1.2"}, {"x", "-"}};
    return entry;
  }

  static void ExpectSame(const JournalEntry& a, const JournalEntry& b) {
    EXPECT_EQ(a.label, b.label);
    EXPECT_EQ(a.at, b.at);
    EXPECT_EQ(a.failed, b.failed);
    EXPECT_EQ(a.record, b.record);
    EXPECT_EQ(a.digest, b.digest);
    EXPECT_EQ(a.reason, b.reason);
    EXPECT_EQ(a.made_at, b.made_at);
    EXPECT_EQ(a.made_at_before, b.made_at_before);
    EXPECT_EQ(a.made_reason, b.made_reason);
    EXPECT_EQ(a.made_record, b.made_record);
    EXPECT_EQ(a.made_record_before, b.made_record_before);
    EXPECT_EQ(a.files, b.files);
  }

  std::string folder_, path_;
};

TEST_F(JournalTest, TheLastLineOfALabelCounts) {
  JournalEntry failed = Entry("cert/b", 3);
  failed.failed = true;
  for (const JournalEntry& entry : {Entry("cert/a", 1), Entry("cert/ab", 2), failed, Entry("cert/a", 4)}) {
    ASSERT_TRUE(AppendEntry(path_, entry).ok());
  }
  Journal journal = Journal::Read(path_);
  EXPECT_EQ(journal.lines(), 4u);
  EXPECT_EQ(journal.entries().size(), 3u);
  ExpectSame(*journal.Find("cert/a"), Entry("cert/a", 4));
  ExpectSame(*journal.Find("cert/b"), failed);
  ExpectSame(LastEntry(path_, "cert/a"), Entry("cert/a", 4));
  ExpectSame(LastEntry(path_, "cert/ab"), Entry("cert/ab", 2));
  EXPECT_FALSE(LastEntry(path_, "cert").Known());
  EXPECT_FALSE(LastEntry(path_, "a").Known());
  EXPECT_FALSE(LastEntry(folder_ + "/none", "cert/a").Known());
  EXPECT_EQ(journal.Find("cert"), nullptr);
}

TEST_F(JournalTest, ATornLineIsLeftOutAndDoesNotTakeTheNextWithIt) {
  ASSERT_TRUE(AppendEntry(path_, Entry("a", 1)).ok());
  ASSERT_TRUE(AppendEntry(path_, Entry("a", 2)).ok());
  const std::string whole = *ReadFile(path_);
  const size_t first = whole.find('\n') + 1;
  for (size_t size = first; size < whole.size(); ++size) {
    ASSERT_TRUE(WriteScratchFile(path_, whole.substr(0, size), 0644).ok());
    ExpectSame(LastEntry(path_, "a"), Entry("a", 1));
    ExpectSame(*Journal::Read(path_).Find("a"), Entry("a", 1));
    ASSERT_TRUE(AppendEntry(path_, Entry("b", 3)).ok());
    ExpectSame(*Journal::Read(path_).Find("b"), Entry("b", 3));
    // What was cut in its last field alone cannot be told from a whole line; a signature that is cut fits no
    // file.
    ASSERT_NE(Journal::Read(path_).Find("a"), nullptr);
  }
  EXPECT_TRUE(Journal::Parse("nonsense\n\n\t\t\n").entries().empty());
}

TEST_F(JournalTest, ALineOfALabelThatCannotBeReadIsPassedOver) {
  ASSERT_TRUE(AppendEntry(path_, Entry("a", 1)).ok());
  ASSERT_TRUE(AppendEntry(path_, Entry("a", 2)).ok());
  const std::string text = *ReadFile(path_) + "a\tno time\n" + "b\n";
  Journal journal = Journal::Parse(text);
  EXPECT_EQ(journal.lines(), 4u);
  EXPECT_EQ(journal.entries().size(), 1u);
  ExpectSame(*journal.Find("a"), Entry("a", 2));
}

TEST_F(JournalTest, WritersDoNotMix) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(AppendEntry(path_, Entry(absl::StrCat("t", thread, "/", i), i)).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Journal::Read(path_).entries().size(), 800u);
}

TEST_F(JournalTest, WrittenAgainItHasALineALabel) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(AppendEntry(path_, Entry("a", i)).ok());
  Journal journal = Journal::Read(path_);
  ASSERT_TRUE(WriteJournal(path_, {journal.Find("a")}).ok());
  EXPECT_EQ(Journal::Read(path_).lines(), 1u);
  ExpectSame(LastEntry(path_, "a"), Entry("a", 4));
}

TEST_F(JournalTest, ASignatureShowsEveryEdit) {
  const std::string file = folder_ + "/file";
  EXPECT_EQ(FileSignature(file), "-");
  ASSERT_TRUE(WriteFile(file, "one", 0644).ok());
  const std::string before = FileSignature(file);
  EXPECT_EQ(FileSignature(file), before);
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  const std::string closed = FileSignature(file);
  EXPECT_NE(closed, before);
  // The same size, and the time put back: the ctime tells.
  struct stat info;
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  ASSERT_TRUE(WriteFile(file, "two", 0600).ok());
  struct timespec times[] = {info.st_atim, info.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  EXPECT_NE(FileSignature(file), closed);
  // A folder changes its times with what is in it.
  const std::string folder = FileSignature(folder_);
  ASSERT_TRUE(WriteFile(folder_ + "/other", "", 0644).ok());
  EXPECT_EQ(FileSignature(folder_), folder);
}

}  // namespace
}  // namespace kplan
