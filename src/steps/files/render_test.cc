#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;

constexpr char kPath[] = "rendered/worker/etc/systemd/system/etcd.service";
constexpr char kRecord[] = R"({"content":"[Unit]\nDescription=$HOME %h é\n","kind":"render",)"
                           R"("path":"rendered/worker/etc/systemd/system/etcd.service"})";
constexpr char kContent[] = "[Unit]\nDescription=$HOME %h é\n";

class RenderTest : public StepTest {};

TEST_F(RenderTest, WritesTheContentByteForByte) {
  StepResult result = MustRun(RenderStep, kRecord);
  EXPECT_EQ(result.reason, "missing");
  EXPECT_EQ(result.digest, Sha256Hex(kContent));
  EXPECT_THAT(result.files, testing::ElementsAre(kPath));
  EXPECT_EQ(Read(kPath), kContent);
  EXPECT_EQ(ModeOf(kPath), 0600u);
  EXPECT_EQ(ModeOf("rendered"), 0700u);
}

TEST_F(RenderTest, ASecondRunTouchesNothing) {
  StepResult first = MustRun(RenderStep, kRecord);
  std::string before = Everything();
  StepResult second = MustRun(RenderStep, kRecord);
  EXPECT_EQ(second.reason, "");
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(Everything(), before);
}

TEST_F(RenderTest, RepairsForAReason) {
  struct Damage {
    void (*make)();
    const char* reason;
  } damages[] = {
      {[] { Write(kPath, "edited"); }, "content differs"},
      {[] { Write(kPath, std::string(sizeof(kContent) - 1, 'x')); }, "content differs"},
      {[] { chmod(kPath, 0644); }, "mode was 0644, is 0600"},
      {[] { unlink(kPath); }, "missing"},
      {[] { (void)(unlink(kPath) + symlink("/dev/null", kPath)); }, "was no regular file"},
  };
  for (const Damage& damage : damages) {
    MustRun(RenderStep, kRecord);
    damage.make();
    EXPECT_EQ(MustRun(RenderStep, kRecord).reason, damage.reason);
    EXPECT_EQ(Read(kPath), kContent);
    EXPECT_TRUE(S_ISREG(Look(kPath).st_mode));
    EXPECT_EQ(ModeOf(kPath), 0600u);
  }
}

TEST_F(RenderTest, AFolderInItsPlace) {
  ASSERT_TRUE(MakeFolders(kPath).ok());
  EXPECT_THAT(ErrorOf(RenderStep, kRecord), testing::AllOf(HasSubstr(kPath), HasSubstr("is a folder")));
}

TEST_F(RenderTest, ARecordWithoutContent) {
  EXPECT_THAT(ErrorOf(RenderStep, R"({"kind":"render","path":"x"})"), HasSubstr("\"content\""));
  EXPECT_FALSE(Exists("x"));
}

}  // namespace
}  // namespace kplan
