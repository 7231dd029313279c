#include "src/host/known_digests.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/base/fd.h"
#include "src/base/files.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::Not;

class KnownDigestsTest : public StepTest {
 protected:
  // The digest of the file "program", looked at as late as any tick of a clock.
  static std::string DigestOf(KnownDigests* known, absl::Duration later = absl::Seconds(1)) {
    UniqueFd fd(open("program", O_RDONLY | O_CLOEXEC));
    absl::StatusOr<std::string> digest = known->DigestOf(fd.get(), "program", absl::Now() + later);
    EXPECT_TRUE(digest.ok()) << digest.status();
    return digest.value_or("");
  }

  // Looks once, as a host does, and says what is kept after that.
  std::string LookAndKeep(const std::string& expected) {
    KnownDigests known("notes");
    EXPECT_EQ(DigestOf(&known), expected);
    EXPECT_TRUE(known.Keep().ok());
    return ReadFile("notes").value_or("");
  }

  // Whether the digest is taken from the notes: they are made wrong, and seen to be believed.
  bool Believes() {
    const std::string notes = ReadFile("notes").value_or("");
    const std::string lie = std::string(64, 'a');
    Write("notes", absl::StrReplaceAll(notes, {{Sha256Hex(content_), lie}}), 0600);
    KnownDigests known("notes");
    const bool believes = DigestOf(&known) == lie;
    Write("notes", notes, 0600);
    return believes;
  }

  const std::string content_ = std::string(KnownDigests::kLarge, 'x');
};

TEST_F(KnownDigestsTest, AreKeptOfLargeFiles) {
  Write("program", content_);
  EXPECT_THAT(LookAndKeep(Sha256Hex(content_)), HasSubstr(Sha256Hex(content_)));
  EXPECT_TRUE(Believes());
  struct stat info;
  ASSERT_EQ(stat("notes", &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  // Nothing new: nothing is written.
  ASSERT_EQ(chmod("notes", 0640), 0);
  LookAndKeep(Sha256Hex(content_));
  ASSERT_EQ(stat("notes", &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST_F(KnownDigestsTest, ASmallFileIsReadEachTime) {
  Write("program", "small");
  EXPECT_EQ(LookAndKeep(Sha256Hex("small")), "");
}

TEST_F(KnownDigestsTest, WhatIsWrittenAnewIsReadAnew) {
  Write("program", content_);
  LookAndKeep(Sha256Hex(content_));
  struct stat before;
  ASSERT_EQ(stat("program", &before), 0);
  // Size and mtime are those of before.
  std::string other = content_;
  other[7] = 'y';
  Write("program", other);
  const struct timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, "program", times, 0), 0);
  LookAndKeep(Sha256Hex(other));
}

TEST_F(KnownDigestsTest, WhatIsAnotherFileIsReadAnew) {
  Write("program", content_);
  LookAndKeep(Sha256Hex(content_));
  ASSERT_EQ(chmod("program", 0755), 0);  // ctime alone
  EXPECT_FALSE(Believes());
  LookAndKeep(Sha256Hex(content_));
  EXPECT_TRUE(Believes());
  ASSERT_EQ(rename("program", "old"), 0);
  Write("program", content_);
  EXPECT_FALSE(Believes());
}

TEST_F(KnownDigestsTest, WhatWasChangedJustNowIsNotKept) {
  Write("program", content_);
  KnownDigests known("notes");
  EXPECT_EQ(DigestOf(&known, absl::ZeroDuration()), Sha256Hex(content_));
  ASSERT_TRUE(known.Keep().ok());
  EXPECT_EQ(ReadFile("notes").value_or(""), "");
}

TEST_F(KnownDigestsTest, WhatIsNotAskedForAnyMoreIsForgotten) {
  Write("program", content_);
  LookAndKeep(Sha256Hex(content_));
  KnownDigests known("notes");
  ASSERT_TRUE(known.Keep().ok());
  EXPECT_THAT(ReadFile("notes").value_or(""), Not(HasSubstr("program")));
}

TEST_F(KnownDigestsTest, DamagedNotesAreNone) {
  Write("program", content_);
  for (const char* notes : {"", "{", "[]", "{\"files\":[{\"name\":\"program\"}]}"}) {
    Write("notes", notes, 0600);
    LookAndKeep(Sha256Hex(content_));
    EXPECT_TRUE(Believes()) << notes;
  }
}

TEST_F(KnownDigestsTest, WithoutAPlaceNothingIsKept) {
  Write("program", content_);
  KnownDigests known;
  EXPECT_EQ(DigestOf(&known), Sha256Hex(content_));
  EXPECT_TRUE(known.Keep().ok());
}

}  // namespace
}  // namespace kplan
