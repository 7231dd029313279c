#include "src/look/drift.h"

#include <sys/stat.h>

#include "gmock/gmock.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

class DriftTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    Write("h/etc/x", "now", 0600);
    watch_.kind = Watch::Kind::kFile;
    watch_.mode = 0644;
    watch_.root = "h";
    watch_.path = "/etc/x";
  }

  Watch watch_;
  bool time_ = false;
};

TEST_F(DriftTest, TheModeOfWhatAServiceRunsWithIsNotThatOfWhatWaits) {
  Watcher watcher(absl::InfinitePast());
  EXPECT_EQ(watcher.WhyStale(watch_, &time_), "mode is 0600, should be 0644");
  Write("h/etc/.x.kplan-next", "next");
  EXPECT_EQ(watcher.WhyStale(watch_, &time_), "");
}

TEST_F(DriftTest, WhatIsPutInPlaceIsLookedAtAndIsNoNewsToNinja) {
  Write("h/etc/.x.kplan-next", "next");
  JournalEntry entry;
  for (const char* path : {"h/etc/x", "h/etc/.x.kplan-next"})
    entry.files.emplace_back(path, FileSignature(path));
  struct stat info;
  ASSERT_EQ(stat("h/etc/.x.kplan-next", &info), 0);
  entry.at = int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1000000;
  EXPECT_FALSE(FilesDiffer(entry));
  EXPECT_FALSE(FilesAreNewer(entry));
  ASSERT_EQ(rename("h/etc/.x.kplan-next", "h/etc/x"), 0);
  EXPECT_TRUE(FilesDiffer(entry));
  EXPECT_FALSE(FilesAreNewer(entry));
  // Gone before that, it is missed.
  Write("h/etc/.x.kplan-next", "next");
  entry.files = {{"h/etc/.x.kplan-next", FileSignature("h/etc/.x.kplan-next")}};
  ASSERT_EQ(unlink("h/etc/.x.kplan-next"), 0);
  EXPECT_TRUE(FilesDiffer(entry));
}

}  // namespace
}  // namespace kplan
