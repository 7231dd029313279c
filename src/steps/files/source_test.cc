#include <unistd.h>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/step/outlook.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kRecord[] = R"({"kind":"source","path":"web/web.conf"})";

class SourceTest : public StepTest {};

TEST_F(SourceTest, IsAsNewAsItsContentIs) {
  Write("web/web.conf", "listen 80\n");
  const std::string before = Everything();
  StepResult result = MustRun(SourceStep, kRecord);
  EXPECT_EQ(result.digest, Sha256Hex("listen 80\n"));
  EXPECT_THAT(result.files, ElementsAre("web/web.conf"));
  EXPECT_EQ(result.reason, "");
  EXPECT_EQ(Everything(), before);
  absl::StatusOr<SourceRecord> record = FromText<SourceRecord>(kRecord);
  ASSERT_TRUE(record.ok());
  absl::StatusOr<Outlook> outlook = SourceLook({"source/web/etc/web.conf", absl::Now(), Foreseen()}, *record);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_EQ(outlook->digest, result.digest);
  Write("web/web.conf", "listen 81\n");
  EXPECT_NE(MustRun(SourceStep, kRecord).digest, result.digest);
}

TEST_F(SourceTest, MayBeALinkToAFile) {
  Write("elsewhere", "x");
  Write("web/other", "");
  ASSERT_EQ(symlink("../elsewhere", "web/web.conf"), 0);
  EXPECT_EQ(MustRun(SourceStep, kRecord).digest, Sha256Hex("x"));
}

TEST_F(SourceTest, SaysWhatIsMissing) {
  EXPECT_THAT(ErrorOf(SourceStep, kRecord), HasSubstr("web/web.conf is not there; put it there"));
  Write("web/web.conf/x", "");
  EXPECT_THAT(ErrorOf(SourceStep, kRecord), HasSubstr("is no file"));
}

TEST_F(SourceTest, NothingOfAPrivateKeyIsInTheDigest) {
  MustRun(KeyStep, R"({"algo":"ecdsa","ca":false,"kind":"key","path":"web/web.conf","size":256})");
  StepResult result = MustRun(SourceStep, kRecord);
  EXPECT_NE(result.digest, Sha256Hex(Read("web/web.conf")));
  // It is the public half's, whatever stands around it.
  Write("web/web.conf", "# ours\n" + Read("web/web.conf"));
  EXPECT_EQ(MustRun(SourceStep, kRecord).digest, result.digest);
}

}  // namespace
}  // namespace kplan
