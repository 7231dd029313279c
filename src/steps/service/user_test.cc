#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/base/process.h"
#include "src/step/host_outlook_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kRecord[] =
    R"({"file":"/etc/sysusers.d/kplan-x.conf","kind":"sysusers","name":"kplan-x","root":"./root"})";

class SysusersTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    Write("root/etc/sysusers.d/kplan-x.conf", "u kplan-x - \"x\" /var/lib/x\n");
  }
  static void NeedsRoot() {
    if (geteuid() != 0 || FindProgram("systemd-sysusers").empty())
      GTEST_SKIP() << "needs root rights and systemd-sysusers";
  }
};

TEST_F(SysusersTest, MakesTheUserOnce) {
  NeedsRoot();
  if (IsSkipped()) return;
  StepResult first = MustRun(UserStep, kRecord);
  EXPECT_EQ(first.reason, "missing");
  EXPECT_THAT(first.files, IsEmpty());
  EXPECT_THAT(Read("root/etc/passwd"), HasSubstr("kplan-x:x:"));
  EXPECT_THAT(Read("root/etc/passwd"), HasSubstr(":x:/var/lib/x:/usr/sbin/nologin"));
  EXPECT_THAT(Read("root/etc/group"), HasSubstr("kplan-x:x:"));
  const std::string before = Everything();
  StepResult second = MustRun(UserStep, kRecord);
  EXPECT_EQ(second.reason, "");
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(Everything(), before);
}

TEST_F(SysusersTest, TheLookForetellsIt) {
  NeedsRoot();
  if (IsSkipped()) return;
  std::string digest;
  const LookedStep step = {UserStep, UserLook, Json::parse(kRecord)};
  EXPECT_THAT(NamesOf(Foresight::LookThenRun(step, &digest).reasons), ElementsAre("missing"));
  EXPECT_THAT(Foresight::LookThenRun(step, &digest).reasons, IsEmpty());
}

TEST_F(SysusersTest, AUserThatIsThereIsTaken) {
  Write("root/etc/passwd", "kplan-x:x:1234:1235::/home/x:/bin/sh\n");
  Write("root/etc/group", "kplan-x:x:77:\nothers:x:1235:\n");
  const std::string before = Everything();
  StepResult result = MustRun(UserStep, kRecord);
  EXPECT_EQ(result.reason, "");
  EXPECT_EQ(result.digest, Sha256Hex("kplan-x:1234:77"));
  EXPECT_EQ(Everything(), before);
}

TEST_F(SysusersTest, RootIsNot) {
  Write("root/etc/passwd", "kplan-x:x:0:0::/root:/bin/sh\n");
  Write("root/etc/group", "kplan-x:x:0:\n");
  EXPECT_THAT(ErrorOf(UserStep, kRecord), HasSubstr("is root"));
}

TEST_F(SysusersTest, WhatSystemdSaysIsSaid) {
  NeedsRoot();
  if (IsSkipped()) return;
  Write("root/etc/sysusers.d/kplan-x.conf", "x\n");
  EXPECT_THAT(ErrorOf(UserStep, kRecord), HasSubstr("cannot make the user kplan-x: "));
  Write("root/etc/sysusers.d/kplan-x.conf", "u other - \"x\" /\n");
  EXPECT_THAT(ErrorOf(UserStep, kRecord), HasSubstr("made no user kplan-x"));
}

TEST_F(SysusersTest, RecordsThatMakeNoSense) {
  EXPECT_NE(ErrorOf(UserStep, R"({"kind":"sysusers"})"), "");
  EXPECT_NE(ErrorOf(UserStep, R"({"file":"x","kind":"sysusers","name":"a","root":"/"})"), "");
}

}  // namespace
}  // namespace kplan
