// The look at a service of systemd, with a systemctl of the test's own that writes down what it is asked to
// do: a look only ever asks it to show.

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/host/process_info.h"
#include "src/steps/service/systemctl_testing.h"

namespace kplan {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr char kSleep[] = "/bin/sleep";

class SystemdOutlookTest : public SystemctlTest {
 protected:
  void SetUp() override {
    SystemctlTest::SetUp();
    Write("unit", "[Service]\n");
    Write("trust", "x");
    // No service of that name runs anywhere: the marker would be in /run.
    record_ = {{"answers", Json::array()},
               {"argv", StringPairs{{"", kSleep}, {"1000", ""}}},
               {"environment", Json::array()},
               {"kind", "service"},
               {"manager", "systemd"},
               {"name", absl::StrCat("kplan-test-", getpid())},
               {"restart-on", {kSleep, Path("trust"), Path("unit")}},
               {"root", "/"},
               {"timeout", 1},
               {"unit", Path("unit")}};
  }

  // The same of one without a main process, which has begun AGO ticks ago.
  static void OnTheWay(absl::string_view sub, uint64_t ago) {
    const uint64_t began = (TicksSinceBoot() - ago) * (1000000 / sysconf(_SC_CLK_TCK));
    Write("state", absl::StrCat("LoadState=loaded\nActiveState=activating\nSubState=", sub,
                                "\nMainPID=0\nInactiveExitTimestampMonotonic=", began, "\n"));
  }

  // What `systemctl show` says.
  static void State(absl::string_view load, absl::string_view active, pid_t pid, bool reload = false) {
    Write("state", absl::StrCat("LoadState=", load, "\nActiveState=", active, "\nSubState=x\nMainPID=", pid,
                                "\nLoadError=org.x.Error \"bad thing\"\nNeedDaemonReload=",
                                reload ? "yes" : "no", "\n"));
  }

  absl::StatusOr<Outlook> LookAtIt(const Foreseen& foreseen = {}) {
    absl::StatusOr<Outlook> outlook = Foresight::Look({ServiceStep, ServiceLook, record_}, foreseen);
    const std::vector<std::string> asked = Asked();
    EXPECT_THAT(asked, Each(StartsWith("show ")));
    EXPECT_FALSE(asked.empty());
    EXPECT_FALSE(Exists(absl::StrCat("/run/kplan/", record_["name"].get<std::string>(), ".lock")));
    return outlook;
  }
  std::vector<std::string> Names(const Foreseen& foreseen = {}) {
    absl::StatusOr<Outlook> outlook = LookAtIt(foreseen);
    EXPECT_TRUE(outlook.ok()) << outlook.status();
    return outlook.ok() ? NamesOf(outlook->reasons) : std::vector<std::string>{"failed"};
  }

  Json record_;
};

TEST_F(SystemdOutlookTest, OneThatDoesNotRunIsStarted) {
  for (const char* active : {"inactive", "failed", "deactivating"}) {
    State("loaded", active, 0);
    absl::StatusOr<Outlook> outlook = LookAtIt();
    ASSERT_TRUE(outlook.ok()) << outlook.status();
    EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("not-running")) << active;
    EXPECT_TRUE(outlook->starts);
  }
}

TEST_F(SystemdOutlookTest, AUnitThatIsNotThereYet) {
  State("not-found", "inactive", 0);
  Foreseen foreseen;
  foreseen.Add(Path("unit"), ForeseenFile());
  EXPECT_THAT(Names(foreseen), ElementsAre("not-running"));
}

TEST_F(SystemdOutlookTest, AUnitThatCannotBeLoaded) {
  State("bad-setting", "inactive", 0);
  EXPECT_THAT(std::string(LookAtIt().status().message()), HasSubstr(".service cannot be loaded: bad thing"));
  State("bad-setting", "inactive", 0, /*reload=*/true);
  EXPECT_THAT(Names(), ElementsAre("not-running")) << "the file was edited since";
  State("bad-setting", "inactive", 0);
  Foreseen foreseen;
  foreseen.Add(Path("unit"), ForeseenFile());
  EXPECT_THAT(Names(foreseen), ElementsAre("not-running")) << "it will be another file";
  State("error", "inactive", 0);
  EXPECT_THAT(Names(), ElementsAre("not-running")) << "it came back while systemd did not look";
  State("masked", "inactive", 0);
  EXPECT_THAT(std::string(LookAtIt(foreseen).status().message()), HasSubstr("systemctl unmask"));
}

TEST_F(SystemdOutlookTest, OneThatRunsIsJudgedByEvidence) {
  for (uint64_t start = TicksSinceBoot(); TicksSinceBoot() < start + 3;) usleep(1000);
  const pid_t pid = fork();
  if (pid == 0) {
    execl(kSleep, kSleep, "1000", nullptr);
    _exit(127);
  }
  while (absl::StrContains(ExeOf(pid), "outlook_systemd")) usleep(1000);  // not yet sleep(1)
  State("loaded", "active", pid);
  absl::StatusOr<Outlook> outlook = LookAtIt();
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(outlook->reasons, IsEmpty());
  EXPECT_NE(outlook->digest, "");

  State("loaded", "activating", pid);
  outlook = LookAtIt();
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(outlook->reasons, IsEmpty());
  EXPECT_EQ(outlook->digest, "") << "it may come up as another process";

  State("loaded", "active", pid, /*reload=*/true);
  EXPECT_THAT(Names(), ElementsAre("unit"));
  State("loaded", "active", pid);
  Foreseen foreseen;
  foreseen.Add(Path("unit"), ForeseenFile());
  EXPECT_THAT(Names(foreseen), ElementsAre("unit"));
  record_["argv"][1] = {"2000", ""};
  outlook = LookAtIt();
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("flags"));
  EXPECT_THAT(LinesOf(outlook->changes), ElementsAre("argument: 1000 -> 2000"));
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

TEST_F(SystemdOutlookTest, WhoMayNotEnterAFolderIsNotStarted) {
  Write("closed/x", "x");
  ASSERT_EQ(chmod(Path("closed").c_str(), 0700), 0);
  const std::string command = absl::StrCat("ExecStart=/bin/sleep --file=", Path("closed/x"), "\n");
  const std::string as_nobody = absl::StrCat("[Service]\nUser=kplan-nobody\n", command);
  State("loaded", "inactive", 0);
  Write("unit", absl::StrCat("[Service]\n", command));
  EXPECT_THAT(Names(), ElementsAre("not-running")) << "root gets everywhere";
  // As it is, and as it is going to be.
  Foreseen foreseen;
  ForeseenFile to_come;
  to_come.content = as_nobody;
  foreseen.Add(Path("unit"), to_come);
  const std::string refused =
      absl::StrCat(record_["name"].get<std::string>(), ".service: kplan-nobody may not enter ");
  EXPECT_THAT(std::string(LookAtIt(foreseen).status().message()), HasSubstr(refused));
  Write("unit", as_nobody);
  EXPECT_THAT(std::string(LookAtIt().status().message()), HasSubstr(refused));
}

TEST_F(SystemdOutlookTest, OneOnItsWayUpIsWaitedFor) {
  for (uint64_t start = TicksSinceBoot(); TicksSinceBoot() < start + 3;) usleep(1000);
  for (const char* sub : {"start-pre", "start", "auto-restart"}) {
    OnTheWay(sub, 0);
    absl::StatusOr<Outlook> outlook = LookAtIt();
    ASSERT_TRUE(outlook.ok()) << outlook.status();
    EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("coming-up")) << sub;
    EXPECT_FALSE(outlook->starts || outlook->restarts || outlook->reloads) << sub;
    EXPECT_EQ(outlook->digest, "") << sub;
    // It has begun before the files were written.
    OnTheWay(sub, 100000);
    outlook = LookAtIt();
    ASSERT_TRUE(outlook.ok()) << outlook.status();
    EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("file", "unit")) << sub;
    EXPECT_TRUE(outlook->starts) << sub;
    // They are going to be written again.
    OnTheWay(sub, 0);
    Foreseen foreseen;
    foreseen.Add(Path("trust"), ForeseenFile());
    EXPECT_THAT(Names(foreseen), ElementsAre("file")) << sub;
  }
  // By whoever starts it.
  record_["start"] = "by-unit";
  EXPECT_THAT(Names(), IsEmpty());
}

}  // namespace
}  // namespace kplan
