// A service that reads files again when it is told to, with a program of the test's own: a shell that writes
// down what it is told. Looked at, then done, then compared.

#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/host/process_info.h"
#include "src/host/service_marker.h"
#include "src/step/host_outlook_testing.h"
#include "src/steps/service/service_info.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kMarker[] = "rootfs/run/kplan/web.started";
constexpr char kConfig[] = "rootfs/etc/web/web.conf";

// It heeds SIGHUP from when the file `allow` is there; "r" in `told` for each time.
constexpr char kProgram[] = R"(
while ! test -e allow; do sleep 0.01; done
trap 'printf r >> told' HUP
printf . > ready
while :; do sleep 0.02; done
)";

class ReloadTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    Foresight::folders = {"rootfs/run", "rootfs/etc"};
    Write("rootfs/etc/web/program", kProgram);
    Write("rootfs/etc/web/plugin", "p");
    Write(kConfig, "a");
    Write("rootfs/allow", "");
    service_ = {{"answers", Json::array()},
                {"argv", StringPairs{{"/bin/sh", ""}, {"", "/etc/web/program"}}},
                {"environment", Json::array()},
                {"kind", "service"},
                {"manager", "process"},
                {"name", "web"},
                {"reload-on", {"/etc/web/web.conf"}},
                {"restart-on", {"/etc/web/plugin"}},
                {"root", "./rootfs"},
                {"timeout", 10},
                {"unit", "/etc/systemd/system/web.service"}};
    AwaitNextTick();
  }
  void TearDown() override {
    EXPECT_TRUE(StopService("process", "rootfs", "web").ok());
    StepTest::TearDown();
  }

  // Until the clocks that file times and start times are read from have clearly moved on.
  static void AwaitNextTick() {
    for (uint64_t start = TicksSinceBoot(); TicksSinceBoot() < start + 3;) usleep(1000);
  }

  static bool Await(bool (*done)()) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!done()) {
      if (absl::Now() > deadline) return false;
      usleep(2000);
    }
    return true;
  }
  static void AwaitReady() {
    ASSERT_TRUE(Await([] { return Exists("rootfs/ready"); }));
  }

  // What the step did, as its look said; "failed" when it did.
  std::string Do() {
    absl::StatusOr<Outlook> outlook =
        Foresight::LookThenRun({{ServiceStep, ServiceLook, service_}}, &digests_)[0];
    if (!outlook.ok()) return std::string("failed: ") + std::string(outlook.status().message());
    if (outlook->reasons.empty()) return "";
    const char* verb = outlook->starts     ? "start"
                       : outlook->restarts ? "restart"
                       : outlook->reloads  ? "reload"
                                           : "?";
    return absl::StrCat(verb, ": ", outlook->reasons[0].text);
  }
  void Start() {
    unlink("rootfs/ready");
    ASSERT_EQ(Do(), "start: was not running");
    AwaitReady();
  }

  // How often it was told, once it was told TIMES.
  static size_t Told(size_t times) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    auto told = [] { return Exists("rootfs/told") ? Read("rootfs/told").size() : 0; };
    while (told() < times && absl::Now() < deadline) usleep(2000);
    return told();
  }
  static std::string Pid() { return Read("rootfs/run/web.pid"); }

  Json service_;
  std::map<size_t, std::string> digests_;
};

TEST_F(ReloadTest, AChangeHasItReadItsFilesAgainOnce) {
  Start();
  EXPECT_EQ(Do(), "");
  const std::string pid = Pid(), digest = digests_[0];
  Write(kConfig, "b");
  EXPECT_EQ(Do(), "reload: /etc/web/web.conf changed");
  EXPECT_EQ(Told(1), 1u);
  EXPECT_EQ(Pid(), pid);
  // Another artifact: what proves that it serves is stale.
  EXPECT_NE(digests_[0], digest);
  EXPECT_EQ(Do(), "");
  EXPECT_EQ(Told(1), 1u);
}

TEST_F(ReloadTest, ARestartReadsEverythingAnew) {
  Start();
  const std::string pid = Pid();
  Write(kConfig, "b");
  Write("rootfs/etc/web/plugin", "q");
  EXPECT_EQ(Do(), "restart: /etc/web/plugin changed");
  EXPECT_NE(Pid(), pid);
  EXPECT_EQ(Do(), "");
  EXPECT_EQ(Told(0), 0u);
}

TEST_F(ReloadTest, ADebtIsNotLostWhateverBecomesOfTheFile) {
  unlink("rootfs/allow");
  ASSERT_EQ(Do(), "start: was not running");
  Write(kConfig, "b");
  // It was not told yet: as if kplan had been killed in front of the signal.
  EXPECT_THAT(ErrorOf(ServiceStep, service_.dump()), HasSubstr("does not handle SIGHUP"));
  EXPECT_THAT(Do(), HasSubstr("failed: web (process"));
  // As it was at the start; but nobody knows any more what the service has read.
  Write(kConfig, "a");
  Write("rootfs/allow", "");
  AwaitReady();
  EXPECT_EQ(Do(), "reload: /etc/web/web.conf changed");
  EXPECT_EQ(Told(1), 1u);
  EXPECT_EQ(Do(), "");
}

// A marker as it is in front of the reload.
TEST_F(ReloadTest, KilledAfterItWasToldItIsToldAgain) {
  Start();
  std::optional<ServiceMarker> marker = ReadMarker("rootfs", "web");
  ASSERT_TRUE(marker.has_value());
  ASSERT_EQ(marker->files.erase("/etc/web/web.conf"), 1u);
  ASSERT_TRUE(WriteMarker("rootfs", "web", *marker).ok());
  EXPECT_EQ(Do(), "reload: /etc/web/web.conf changed");
  EXPECT_EQ(Told(1), 1u);
  EXPECT_EQ(Do(), "");
}

TEST_F(ReloadTest, WithoutAMarkerDoubtMeansAReload) {
  Start();
  ASSERT_EQ(unlink(kMarker), 0);
  EXPECT_EQ(Do(), "");  // it was started clearly after its files were written
  EXPECT_EQ(Told(0), 0u);
  AwaitNextTick();
  Write(kConfig, "a");
  EXPECT_EQ(Do(), "");  // the marker knows that it is the same
  ASSERT_EQ(unlink(kMarker), 0);
  EXPECT_EQ(Do(), "reload: /etc/web/web.conf changed");
  EXPECT_EQ(Told(1), 1u);
  EXPECT_EQ(Do(), "");
}

TEST_F(ReloadTest, AFileThatBecameOneOfItsIsRead) {
  Start();
  Write("rootfs/etc/web/more.conf", "m");
  service_["reload-on"].push_back("/etc/web/more.conf");
  EXPECT_EQ(Do(), "reload: /etc/web/more.conf changed");
  EXPECT_EQ(Do(), "");
  // From what calls for a restart to what calls for a reload: what it has read stays known.
  service_["restart-on"] = Json::array();
  service_["reload-on"].push_back("/etc/web/plugin");
  EXPECT_EQ(Do(), "");
  EXPECT_EQ(Told(1), 1u);
}

TEST_F(ReloadTest, WhatIsToComeIsForeseen) {
  Start();
  Foreseen foreseen;
  ForeseenFile file;
  file.content = "c";
  foreseen.Add("./rootfs/etc/web/web.conf", file);
  absl::StatusOr<Outlook> outlook = Foresight::Look({ServiceStep, ServiceLook, service_}, foreseen);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_TRUE(outlook->reloads);
  EXPECT_FALSE(outlook->restarts || outlook->starts);
  EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("file"));
  EXPECT_TRUE(outlook->changes_digest);
}

TEST_F(ReloadTest, StatusTellsOfWhatItHasNotRead) {
  Start();
  Write(kConfig, "b");
  absl::StatusOr<ServiceInfo> info = ServiceInfoOf(*FromJson<ServiceRecord>(service_));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_THAT(info->older, ElementsAre("/etc/web/web.conf"));
}

TEST_F(ReloadTest, TheMarkerGivesNoSecretAway) {
  Start();
  EXPECT_EQ(ModeOf(kMarker), 0644u);
  Write(kConfig, "password", 0600);
  ASSERT_EQ(chmod(kConfig, 0600), 0);
  EXPECT_EQ(Do(), "reload: /etc/web/web.conf changed");
  EXPECT_EQ(ModeOf(kMarker), 0600u);
  EXPECT_THAT(Read(kMarker), HasSubstr(Sha256Hex("password")));
}

TEST_F(ReloadTest, RefusesWhatMakesNoSense) {
  service_["start"] = "by-unit";
  EXPECT_THAT(ErrorOf(ServiceStep, service_.dump()), HasSubstr("without systemd"));
  service_["start"] = "never";
  EXPECT_THAT(ErrorOf(ServiceStep, service_.dump()), HasSubstr("start: there is no"));
}

}  // namespace
}  // namespace kplan
