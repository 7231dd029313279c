#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/process.h"
#include "src/step/host_outlook_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kGood[] = "[Unit]\nDescription=a\n\n[Service]\nExecStart=/bin/true\n";

// Below another root than "/", so that nothing of this machine changes; systemd-analyze does not mind.
class UnitStepTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    if (FindProgram("systemd-analyze").empty()) GTEST_SKIP() << "needs systemd-analyze";
  }

  static std::string RecordOf(const std::string& name) {
    return absl::StrCat(R"({"from":"text","kind":"unit","mode":"0644","path":"/etc/systemd/system/)", name,
                        R"(","root":"./root","secret":false})");
  }
  static std::string PathOf(const std::string& name) {
    return absl::StrCat("root/etc/systemd/system/", name);
  }
  // What is said about TEXT, which stays out.
  static std::string Refusal(const std::string& text, const std::string& name = "kplan-x.service") {
    Write("text", text);
    std::string error = ErrorOf(UnitStep, RecordOf(name));
    EXPECT_FALSE(Exists(PathOf(name)));
    EXPECT_THAT(error, Not(HasSubstr("/tmp/kplan-unit")));
    return error;
  }
};

TEST_F(UnitStepTest, PutsAGoodUnitInPlaceAndThenTouchesNothing) {
  Write("text", kGood);
  StepResult first = MustRun(UnitStep, RecordOf("kplan-x.service"));
  EXPECT_EQ(first.reason, "missing");
  EXPECT_EQ(Read(PathOf("kplan-x.service")), kGood);
  const std::string before = Everything();
  StepResult second = MustRun(UnitStep, RecordOf("kplan-x.service"));
  EXPECT_EQ(second.reason, "");
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(Everything(), before);
}

TEST_F(UnitStepTest, SaysWhatSystemdSays) {
  EXPECT_THAT(Refusal("[Service]\nExecStart=/bin/true\nExcStart=/bin/x\n"),
              HasSubstr("kplan-x.service:3: Unknown key"));
  EXPECT_THAT(Refusal("[Service]\nExecStart=/bin/kplan-is-not-there\n"), HasSubstr("is not executable"));
  EXPECT_THAT(Refusal("[Service]\nExecStart=/bin/true\nMemoryMax=much\n"), HasSubstr("kplan-x.service:3: "));
  EXPECT_THAT(Refusal("[Service]\nExecStart=/bin/true\nUser=a b\n"), HasSubstr("kplan-x.service"));
  EXPECT_THAT(Refusal("[Service]\n"), HasSubstr("kplan-x.service"));
  EXPECT_THAT(Refusal("[Timer]\nOnCalendar=whenever\n", "kplan-x.timer"), HasSubstr("kplan-x.timer:2: "));
}

TEST_F(UnitStepTest, WhatWasThereStays) {
  Write("text", kGood);
  MustRun(UnitStep, RecordOf("kplan-x.service"));
  const std::string before = Everything("root");
  Write("text", "[Service]\nExecStart=/bin/true\nNonsense=1\n");
  EXPECT_THAT(ErrorOf(UnitStep, RecordOf("kplan-x.service")), HasSubstr("which stays as it was"));
  EXPECT_EQ(Everything("root"), before);
}

TEST_F(UnitStepTest, OfOtherKindsOfUnits) {
  const std::pair<const char*, const char*> kUnits[] = {
      {"kplan-x.timer", "[Timer]\nOnCalendar=daily\n\n[Install]\nWantedBy=timers.target\n"},
      {"kplan-x.path", "[Path]\nPathExists=/run/x\n"},
      {"kplan-x.target", "[Unit]\nDescription=x\n"},
      {"kplan-x@.service", "[Service]\nExecStart=/bin/echo %i\n"}};
  for (const auto& [name, text] : kUnits) {
    Write("text", text);
    EXPECT_EQ(MustRun(UnitStep, RecordOf(name)).reason, "missing") << name;
  }
}

TEST_F(UnitStepTest, ASocketWithoutItsServiceIsRefused) {
  EXPECT_THAT(Refusal("[Socket]\nListenStream=127.0.0.1:8080\n", "kplan-x.socket"),
              HasSubstr("kplan-x.service not loaded"));
}

TEST_F(UnitStepTest, ATemplateIsReadAsAnInstance) {
  EXPECT_THAT(Refusal("[Service]\nExecStart=/bin/kplan-is-not-there %i\n", "kplan-x@.service"),
              HasSubstr("kplan-is-not-there is not executable"));
  EXPECT_THAT(Refusal("[Service]\nExecStart=/bin/true\nFoo=%i\n", "kplan-x@.service"),
              HasSubstr("kplan-x@.service:3: Unknown key"));
}

TEST_F(UnitStepTest, ItsLookIsTheOneOfInstall) {
  Write("text", kGood);
  std::string digest;
  const Json record = Json::parse(RecordOf("kplan-x.service"));
  EXPECT_THAT(NamesOf(Foresight::LookThenRun({UnitStep, UnitLook, record}, &digest).reasons),
              ElementsAre("missing"));
  Write("text", absl::StrCat(kGood, "Restart=always\n"));
  Outlook outlook = Foresight::LookThenRun({UnitStep, UnitLook, record}, &digest);
  EXPECT_THAT(LinesOf(outlook.changes), ElementsAre("[Service] Restart:  -> always"));
}

// A unit that waits for the restart of its service (steps/files/placement.h), with a systemctl of the test's.
class WaitingUnitTest : public UnitStepTest {
 protected:
  void SetUp() override {
    UnitStepTest::SetUp();
    if (IsSkipped()) return;
    Write("text", kGood);
    MustRun(UnitStep, RecordOf("kplan-x.service"));
    Write("bin/systemctl", absl::StrCat("#!/bin/sh\ncat ", working_folder_, "/state\n"), 0755);
    ASSERT_EQ(setenv("PATH", absl::StrCat(working_folder_, "/bin:/usr/bin:/bin").c_str(), 1), 0);
  }

  static std::string Text() {
    std::string text = RecordOf("kplan-x.service");
    text.pop_back();
    return absl::StrCat(text, R"(,"waits-for":{"manager":"systemd","name":"kplan-x"}})");
  }
  static void State(absl::string_view active, absl::string_view sub, pid_t pid) {
    Write("state", absl::StrCat("LoadState=loaded\nActiveState=", active, "\nSubState=", sub,
                                "\nMainPID=", pid, "\n"));
  }

  const std::string place_ = PathOf("kplan-x.service"), beside_ = PathOf(".kplan-x.service.kplan-next");
  const std::string next_ = absl::StrCat(kGood, "Nice=1\n");
};

TEST_F(WaitingUnitTest, WaitsWhileAnythingMayStartIt) {
  const struct {
    const char *active, *sub;
    pid_t pid;
  } states[] = {{"active", "running", getpid()},
                {"activating", "start", getpid()},
                {"activating", "auto-restart", 0},
                {"reloading", "reload", getpid()},
                {"deactivating", "stop-sigterm", 0}};
  for (const auto& state : states) {
    SCOPED_TRACE(state.sub);
    State(state.active, state.sub, state.pid);
    Write("text", next_);
    StepResult result = MustRun(UnitStep, Text());
    EXPECT_EQ(result.reason, "content differs");
    EXPECT_EQ(result.waiting, absl::StrCat("./", beside_));
    EXPECT_EQ(Read(place_), kGood);
    EXPECT_EQ(Read(beside_), next_);
    Write("text", kGood);
    EXPECT_EQ(MustRun(UnitStep, Text()).reason, "a change that waited for a restart is taken back");
    EXPECT_FALSE(Exists(beside_));
  }
}

TEST_F(WaitingUnitTest, IsWrittenAtOnceWhenItDoesNotRun) {
  for (const char* active : {"inactive", "failed"}) {
    State(active, "dead", 0);
    Write("text", absl::StrCat(next_, "# ", active, "\n"));
    StepResult result = MustRun(UnitStep, Text());
    EXPECT_EQ(result.reason, "content differs");
    EXPECT_EQ(result.waiting, "");
    EXPECT_EQ(Read(place_), Read("text"));
    EXPECT_FALSE(Exists(beside_));
  }
}

TEST_F(WaitingUnitTest, WhatSystemdDoesNotLikeDoesNotWait) {
  State("active", "running", getpid());
  Write("text", absl::StrCat(kGood, "Nicest=1\n"));
  EXPECT_THAT(ErrorOf(UnitStep, Text()), HasSubstr("Unknown key"));
  EXPECT_EQ(Read(place_), kGood);
  EXPECT_FALSE(Exists(beside_));
}

TEST_F(WaitingUnitTest, WithoutAnAnswerNothingIsWritten) {
  Write("state", "");
  Write("text", next_);
  EXPECT_THAT(ErrorOf(UnitStep, Text()), HasSubstr("systemctl show did not say"));
  EXPECT_EQ(Read(place_), kGood);
  EXPECT_FALSE(Exists(beside_));
}

}  // namespace
}  // namespace kplan
