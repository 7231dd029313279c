// The look at a unit beside a service's own, with a systemctl of the test's own that writes down what it is
// asked to do. The step is tried on a booted host (tests/units_systemd_test.py).

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/steps/service/systemctl_testing.h"

namespace kplan {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ActivateLookTest : public SystemctlTest {
 protected:
  void SetUp() override {
    SystemctlTest::SetUp();
    Write("unit", "[Timer]\nOnCalendar=daily\n");
    record_ = {{"kind", "activate"},
               {"name", absl::StrCat("kplan-test-", getpid(), ".timer")},
               {"path", Path("unit")},
               {"root", "/"}};
  }

  // BEGAN: when it was started, in microseconds after boot.
  static void State(absl::string_view active, absl::string_view began, bool reload = false) {
    Write("state", absl::StrCat("LoadState=loaded\nActiveState=", active,
                                "\nSubState=x\nResult=success\nInvocationID=a1\n",
                                "InactiveExitTimestampMonotonic=", began,
                                "\nNeedDaemonReload=", reload ? "yes" : "no", "\n", more_));
  }

  absl::StatusOr<Outlook> LookAtIt(const Foreseen& foreseen = {}) {
    absl::StatusOr<Outlook> outlook = Foresight::Look({ActivateStep, ActivateLook, record_}, foreseen);
    EXPECT_THAT(Asked(), Each(StartsWith("show ")));
    return outlook;
  }
  std::vector<std::string> Names(const Foreseen& foreseen = {}) {
    absl::StatusOr<Outlook> outlook = LookAtIt(foreseen);
    EXPECT_TRUE(outlook.ok()) << outlook.status();
    return outlook.ok() ? NamesOf(outlook->reasons) : std::vector<std::string>();
  }

  static constexpr char kLater[] = "9000000000000000";
  static std::string more_;
  Json record_;
};

std::string ActivateLookTest::more_;

TEST_F(ActivateLookTest, ActiveOrNot) {
  State("active", kLater);
  EXPECT_THAT(Names(), IsEmpty());
  State("inactive", "0");
  absl::StatusOr<Outlook> outlook = LookAtIt();
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("not-active"));
  EXPECT_TRUE(outlook->starts);
  EXPECT_FALSE(outlook->restarts);
}

TEST_F(ActivateLookTest, AnotherText) {
  State("active", "1");
  EXPECT_THAT(Names(), ElementsAre("unit")) << "the file changed after the start";
  State("active", kLater, /*reload=*/true);
  EXPECT_THAT(Names(), ElementsAre("unit"));
  State("active", kLater);
  Foreseen foreseen;
  ForeseenFile file;
  file.content = "[Timer]\nOnCalendar=weekly\n";
  foreseen.Add(Path("unit"), file);
  absl::StatusOr<Outlook> outlook = LookAtIt(foreseen);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("unit"));
  EXPECT_TRUE(outlook->restarts);
  EXPECT_TRUE(outlook->changes_digest);
}

TEST_F(ActivateLookTest, EnabledWhereItCanBe) {
  State("active", kLater);
  Write("unit", "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n");
  EXPECT_THAT(Names(), ElementsAre("not-enabled"));
  Write("unit", "[Timer]\nOnCalendar=daily\n[Install]\nAlso=other.timer\n");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(ActivateLookTest, AJobIsNotActiveOnceItIsDone) {
  record_["name"] = absl::StrCat("kplan-test-", getpid(), ".service");
  more_ = "Type=oneshot\nRemainAfterExit=no\n";
  State("inactive", kLater);
  EXPECT_THAT(Names(), IsEmpty());
  State("inactive", "0");
  EXPECT_THAT(Names(), ElementsAre("not-active"));
  State("inactive", "1");
  EXPECT_THAT(Names(), ElementsAre("unit"));
  more_.clear();
}

TEST_F(ActivateLookTest, RecordsThatMakeNoSense) {
  record_["name"] = "x";
  EXPECT_THAT(std::string(Foresight::Look({ActivateStep, ActivateLook, record_}).status().message()),
              HasSubstr("not the full name"));
  record_["name"] = "x.timer";
  record_["root"] = "./root";
  EXPECT_THAT(std::string(Foresight::Look({ActivateStep, ActivateLook, record_}).status().message()),
              HasSubstr("systemd manages"));
}

}  // namespace
}  // namespace kplan
