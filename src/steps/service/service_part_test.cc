// What some files of a service call for, and nothing else (ServiceRecord::only), with a real etcd.

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/host/process_info.h"
#include "src/step/outlook.h"
#include "src/steps/service/etcd_testing.h"

namespace kplan {
namespace {

constexpr char kTrust[] = "/etc/etcd/ca.pem";
constexpr char kPlace[] = "rootfs/etc/etcd/ca.pem", kWaits[] = "rootfs/etc/etcd/.ca.pem.kplan-next";
constexpr char kMarker[] = "rootfs/run/kplan/etcd.started";

class ServicePartTest : public EtcdTest {
 protected:
  void SetUp() override {
    EtcdTest::SetUp();
    if (IsSkipped()) return;
    part_ = service_;
    part_["only"] = {kTrust};
  }

  StepResult RunPart() { return MustRun(ServiceStep, Text(part_)); }

  Outlook LookAtPart() {
    const Foreseen foreseen;
    absl::StatusOr<Outlook> outlook =
        ServiceLook({"service/h/etcd", absl::Now(), foreseen}, *FromJson<ServiceRecord>(part_));
    EXPECT_TRUE(outlook.ok()) << outlook.status();
    return outlook.ok() ? *std::move(outlook) : Outlook();
  }

  std::string Both() { return absl::StrCat(Pki("ca.pem"), Pki("other-ca.pem")); }

  std::vector<std::string> Argv() {
    absl::StatusOr<std::vector<std::string>> argv = ArgvOf(Pid());
    return argv.ok() ? *std::move(argv) : std::vector<std::string>();
  }

  bool HasFlag(const std::string& flag) {
    const std::vector<std::string> argv = Argv();
    return std::find(argv.begin(), argv.end(), flag) != argv.end();
  }

  Json part_;
};

TEST_F(ServicePartTest, NothingIsDoneWhereTheseFilesAreAsTheyWere) {
  MustRun(ServiceStep, Text(service_));
  const pid_t pid = Pid();
  const std::string before = Everything("rootfs/run");
  part_["argv"].push_back({"--max-wals=7", ""});
  Write("rootfs/etc/etcd/kubernetes.pem", "another");
  EXPECT_EQ(RunPart().reason, "");
  EXPECT_EQ(Pid(), pid);
  EXPECT_EQ(Everything("rootfs/run"), before);
  EXPECT_TRUE(LookAtPart().reasons.empty());
}

TEST_F(ServicePartTest, WhatWaitsIsPutInPlaceAndAllElseStaysAsItWasStarted) {
  MustRun(ServiceStep, Text(service_));
  const pid_t pid = Pid();
  Write(kWaits, Both());
  part_["argv"].push_back({"--max-wals=7", ""});
  const Outlook look = LookAtPart();
  EXPECT_TRUE(look.restarts && !look.starts);
  ASSERT_EQ(look.reasons.size(), 1u);
  EXPECT_EQ(look.reasons[0].text, "trust /etc/etcd/ca.pem changed");
  EXPECT_EQ(Pid(), pid);

  EXPECT_EQ(RunPart().reason, "restarted: trust /etc/etcd/ca.pem changed");
  EXPECT_NE(Pid(), pid);
  EXPECT_TRUE(Alive(Pid()));
  EXPECT_EQ(Read(kPlace), Both());
  EXPECT_FALSE(Exists(kWaits));
  EXPECT_FALSE(HasFlag("--max-wals=7"));
  // The marker is about what runs now, so that neither the part nor the whole has more to do,
  const pid_t after = Pid();
  EXPECT_EQ(RunPart().reason, "");
  EXPECT_EQ(MustRun(ServiceStep, Text(service_)).reason, "");
  EXPECT_EQ(Pid(), after);
  // and the flags are still owed.
  service_["argv"].push_back({"--max-wals=7", ""});
  EXPECT_EQ(MustRun(ServiceStep, Text(service_)).reason, "restarted: flags changed");
  EXPECT_TRUE(HasFlag("--max-wals=7"));
}

TEST_F(ServicePartTest, WithoutAMarkerTheProcessItselfTells) {
  // Until the clocks that file times and start times are read from have clearly moved on.
  for (uint64_t start = TicksSinceBoot(); TicksSinceBoot() < start + 3;) usleep(1000);
  MustRun(ServiceStep, Text(service_));
  ASSERT_EQ(unlink(kMarker), 0);
  EXPECT_EQ(RunPart().reason, "");
  EXPECT_FALSE(Exists(kMarker));
  Write(kWaits, Both());
  EXPECT_EQ(RunPart().reason, "restarted: trust /etc/etcd/ca.pem changed");
  EXPECT_EQ(Read(kPlace), Both());
  EXPECT_EQ(RunPart().reason, "");
}

TEST_F(ServicePartTest, ARestartThatWasKilledIsDoneAgain) {
  MustRun(ServiceStep, Text(service_));
  const pid_t pid = Pid();
  Write(kWaits, Both());
  // In place, and then killed: the process runs on with what it had.
  ASSERT_EQ(rename(kWaits, kPlace), 0);
  EXPECT_TRUE(LookAtPart().restarts);
  EXPECT_EQ(RunPart().reason, "restarted: trust /etc/etcd/ca.pem changed");
  EXPECT_NE(Pid(), pid);
}

TEST_F(ServicePartTest, OneThatDoesNotRunIsStartedWithWhatIsThere) {
  MustRun(ServiceStep, Text(service_));
  Shell({"kill", "-9", absl::StrCat(Pid())});
  while (Alive(Pid())) usleep(1000);
  EXPECT_TRUE(LookAtPart().starts);
  EXPECT_EQ(RunPart().reason, "started: was not running");
  EXPECT_TRUE(Alive(Pid()));
}

}  // namespace
}  // namespace kplan
