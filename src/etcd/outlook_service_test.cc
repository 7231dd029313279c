// The look at a service: whether it will be started or started again, and on whose account, is what the step
// then does.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/base/journal.h"
#include "src/host/process_info.h"
#include "src/host/service_marker.h"
#include "src/host/waiting_file.h"
#include "src/step/host_outlook_testing.h"
#include "src/steps/service/etcd_testing.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kMarker[] = "rootfs/run/kplan/etcd.started";

class ServiceOutlookTest : public EtcdTest {
 protected:
  void SetUp() override {
    EtcdTest::SetUp();
    if (IsSkipped()) return;
    // etcd writes to its data and its log.
    Foresight::folders = {"rootfs/run", "rootfs/etc", "rootfs/usr", "pki"};
    trust_ = {{"from", "pki/ca.pem"},       {"kind", "install"},  {"mode", "0644"},
              {"path", "/etc/etcd/ca.pem"}, {"root", "./rootfs"}, {"secret", false}};
    ASSERT_TRUE(MakeFolders("build").ok());
    Shell({"cp", "rootfs/usr/local/bin/etcd", "build/etcd"});
    program_ = {{"from", "build/etcd"},          {"kind", "install"},  {"mode", "0755"},
                {"path", "/usr/local/bin/etcd"}, {"root", "./rootfs"}, {"secret", false}};
    AwaitNextTick();
  }

  // Looks at what goes to the host and at the service, runs them, and compares; the names of the service's
  // reasons.
  std::string LookThenRun() {
    const std::vector<LookedStep> steps = {
        {FileStep, FileLook, trust_}, {FileStep, FileLook, program_}, {ServiceStep, ServiceLook, service_}};
    absl::StatusOr<Outlook> outlook = Foresight::LookThenRun(steps, &digests_)[2];
    if (!outlook.ok()) return "failed";
    outlook_ = *std::move(outlook);
    EXPECT_FALSE(outlook_.starts && outlook_.restarts);
    EXPECT_EQ(outlook_.reasons.empty(), !outlook_.starts && !outlook_.restarts);
    return absl::StrJoin(NamesOf(outlook_.reasons), " ");
  }

  static void AwaitNextTick() {
    for (uint64_t start = TicksSinceBoot(); TicksSinceBoot() < start + 3;) usleep(1000);
  }

  Json trust_, program_;
  std::map<size_t, std::string> digests_;
  Outlook outlook_;
};

TEST_F(ServiceOutlookTest, StartsAndThenNothing) {
  EXPECT_EQ(LookThenRun(), "not-running");
  EXPECT_TRUE(outlook_.starts);
  EXPECT_THAT(outlook_.changes, IsEmpty());
  EXPECT_EQ(LookThenRun(), "");
  EXPECT_NE(outlook_.digest, "");
}

TEST_F(ServiceOutlookTest, EveryReasonByMarkerAndByEvidence) {
  auto append = [](const std::string& path) {
    UniqueFd fd(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    ASSERT_EQ(write(fd.get(), "x", 1), 1);
  };
  int n = 0;
  auto other_trust = [&] { Write("pki/ca.pem", absl::StrCat(Pki("ca.pem"), ++n, "\n")); };
  auto other_environment = [&] { service_["environment"] = {absl::StrCat("GOGC=", 50 + ++n)}; };
  const struct {
    std::function<void()> make;
    const char *by_marker, *by_evidence;
  } situations[] = {
      {[] {}, "", ""},
      {other_trust, "trust", "trust"},
      // Written again with the same: only the marker knows that.
      {[] { chmod("rootfs/etc/etcd/ca.pem", 0600); }, "", "trust"},
      {[&] { append("build/etcd"); }, "binary", "binary"},
      {[] { chmod("rootfs/usr/local/bin/etcd", 0700); }, "", ""},
      {[&] {
         service_["argv"].push_back({absl::StrCat("--max-wals=", ++n), ""});
       },
       "flags", "flags"},
      {other_environment, "flags", "flags"},
      {[&] {
         other_trust();
         append("build/etcd");
         other_environment();
       },
       "binary trust flags", "flags binary trust"},
      {[] { ASSERT_EQ(*StopService("process", "rootfs", "etcd"), true); }, "not-running", "not-running"},
  };
  // What the files wait for changes when they come to their place, and nothing of why.
  for (const auto& situation : situations) {
    for (const auto& [marked, waits] :
         std::vector<std::pair<bool, bool>>{{true, false}, {false, false}, {true, true}, {false, true}}) {
      for (Json* file : {&trust_, &program_}) {
        file->erase("waits-for");
        if (waits) (*file)["waits-for"] = {{"manager", "process"}, {"name", "etcd"}};
      }
      LookThenRun();
      // Started clearly after its files were written, so that they are no reason to doubt.
      ASSERT_EQ(*StopService("process", "rootfs", "etcd"), true);
      AwaitNextTick();
      ASSERT_EQ(LookThenRun(), "not-running");
      ASSERT_EQ(LookThenRun(), "");
      situation.make();
      if (!marked) {
        ASSERT_EQ(unlink(kMarker), 0);
      }
      EXPECT_EQ(LookThenRun(), marked ? situation.by_marker : situation.by_evidence)
          << (marked ? "with" : "without") << " the marker, " << (waits ? "and waits" : "and does not wait");
      EXPECT_FALSE(HasWaiting("rootfs", "/etc/etcd/ca.pem") || HasWaiting("rootfs", "/usr/local/bin/etcd"));
    }
  }
}

TEST_F(ServiceOutlookTest, AChangeThatWaitsAndIsTakenBack) {
  for (Json* file : {&trust_, &program_}) (*file)["waits-for"] = {{"manager", "process"}, {"name", "etcd"}};
  auto places = [] {
    return FileSignature("rootfs/etc/etcd/ca.pem") + FileSignature("rootfs/usr/local/bin/etcd");
  };
  LookThenRun();
  for (const bool marked : {true, false}) {
    ASSERT_EQ(*StopService("process", "rootfs", "etcd"), true);
    AwaitNextTick();
    LookThenRun();
    if (!marked) {
      ASSERT_EQ(unlink(kMarker), 0);
    }
    const pid_t pid = Pid();
    const std::string before = places();
    Write("pki/ca.pem", Pki("ca.pem") + Pki("other-ca.pem"));
    Shell({"sh", "-c", "echo x >> build/etcd"});
    for (const Json* file : {&trust_, &program_}) MustRun(FileStep, Text(*file));
    EXPECT_EQ(Pid(), pid);
    // Another run comes to it.
    absl::StatusOr<Outlook> outlook = Foresight::Look({ServiceStep, ServiceLook, service_});
    ASSERT_TRUE(outlook.ok()) << outlook.status();
    EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("binary", "trust"));
    EXPECT_TRUE(outlook->restarts);
    Write("pki/ca.pem", Read("rootfs/etc/etcd/ca.pem"));
    Shell({"cp", "rootfs/usr/local/bin/etcd", "build/etcd"});
    EXPECT_EQ(LookThenRun(), "") << (marked ? "with" : "without") << " the marker";
    EXPECT_EQ(Pid(), pid);
    EXPECT_EQ(places(), before);
  }
}

TEST_F(ServiceOutlookTest, FlagsFromTheRunningInstance) {
  LookThenRun();
  service_["argv"].push_back({"--max-wals=10", ""});
  service_["environment"].push_back("GOGC=50");
  EXPECT_EQ(LookThenRun(), "flags");
  EXPECT_TRUE(outlook_.restarts);
  EXPECT_THAT(LinesOf(outlook_.changes), ElementsAre("flag --max-wals:  -> 10", "environment GOGC:  -> 50"));
  service_["argv"].back() = {"--max-wals=5", ""};
  service_["environment"].erase(1);
  EXPECT_EQ(LookThenRun(), "flags");
  EXPECT_THAT(LinesOf(outlook_.changes), ElementsAre("flag --max-wals: 10 -> 5", "environment GOGC: 50 -> "));
}

TEST_F(ServiceOutlookTest, ARestartThatWasNotFinished) {
  LookThenRun();
  std::optional<ServiceMarker> marker = ReadMarker("rootfs", "etcd");
  ASSERT_TRUE(marker.has_value());
  marker->replaces = marker->instance;
  marker->instance.clear();
  ASSERT_TRUE(WriteMarker("rootfs", "etcd", *marker).ok());
  EXPECT_EQ(LookThenRun(), "unfinished-restart");
  EXPECT_TRUE(outlook_.restarts);
}

TEST_F(ServiceOutlookTest, AFileOfWhichNothingIsKnownIsAReason) {
  LookThenRun();
  Foreseen foreseen;
  foreseen.Add("./rootfs/etc/etcd/ca.pem", ForeseenFile());
  foreseen.Add("./rootfs/usr/local/bin/etcd", ForeseenFile());
  absl::StatusOr<Outlook> outlook = Foresight::Look({ServiceStep, ServiceLook, service_}, foreseen);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("binary", "trust"));
  EXPECT_TRUE(outlook->restarts);
  EXPECT_EQ(outlook->digest, "");
}

TEST_F(ServiceOutlookTest, ARootThatIsToCome) {
  service_["root"] = "./other";
  Foreseen foreseen;
  absl::StatusOr<Outlook> outlook = Foresight::Look({ServiceStep, ServiceLook, service_}, foreseen);
  EXPECT_EQ(std::string(outlook.status().message()), ErrorOf(ServiceStep, Text(service_)));
  foreseen.Add("./other/etc/etcd/ca.pem", ForeseenFile());
  outlook = Foresight::Look({ServiceStep, ServiceLook, service_}, foreseen);
  EXPECT_THAT(std::string(outlook.status().message()), HasSubstr("./other/usr/local/bin/etcd"));
  foreseen.Add("./other/usr/local/bin/etcd", ForeseenFile());
  outlook = Foresight::Look({ServiceStep, ServiceLook, service_}, foreseen);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(NamesOf(outlook->reasons), ElementsAre("not-running"));
  EXPECT_TRUE(outlook->starts);
}

TEST_F(ServiceOutlookTest, FailuresAreTheSteps) {
  LookThenRun();
  const Json good = service_;
  for (const char* manager : {"systemd", "upstart"}) {
    service_["manager"] = manager;
    EXPECT_EQ(LookThenRun(), "failed");
  }
  service_ = good;
  service_["restart-on"].push_back("/nowhere");
  EXPECT_EQ(LookThenRun(), "failed");
  service_ = good;
  service_.erase("timeout");
  EXPECT_EQ(LookThenRun(), "failed");
}

TEST_F(ServiceOutlookTest, NoneIsItsFiles) {
  service_["manager"] = "none";
  EXPECT_EQ(LookThenRun(), "");
  EXPECT_EQ(LookThenRun(), "");
  EXPECT_FALSE(outlook_.changes_digest);
  Write("pki/ca.pem", Pki("other-ca.pem"));
  EXPECT_EQ(LookThenRun(), "");
  EXPECT_TRUE(outlook_.changes_digest);
}

TEST_F(ServiceOutlookTest, AVerdictNeedsItsFiles) {
  LookThenRun();
  const LookedStep verify = {VerifyStep, VerifyLook, verify_};
  auto outlooks = Foresight::LookThenRun({verify}, &digests_);
  ASSERT_TRUE(outlooks[0].ok()) << outlooks[0].status();
  EXPECT_THAT(outlooks[0]->reasons, IsEmpty());
  EXPECT_TRUE(outlooks[0]->changes_digest);

  ASSERT_EQ(rename("rootfs/etc/etcd/kubernetes-key.pem", "key"), 0);
  outlooks = Foresight::LookThenRun({verify}, &digests_);
  EXPECT_THAT(std::string(outlooks[0].status().message()), HasSubstr("kubernetes-key.pem"));
  Foreseen foreseen;
  foreseen.Add("./rootfs/etc/etcd/kubernetes-key.pem", ForeseenFile());
  EXPECT_TRUE(Foresight::Look(verify, foreseen).ok());
  ASSERT_EQ(rename("key", "rootfs/etc/etcd/kubernetes-key.pem"), 0);

  ASSERT_EQ(unlink("rootfs/usr/local/bin/etcdctl"), 0);
  absl::StatusOr<Outlook> outlook = Foresight::Look(verify);
  EXPECT_THAT(std::string(outlook.status().message()), HasSubstr("rootfs/usr/local/bin/etcdctl"));
  EXPECT_THAT(ErrorOf(VerifyStep, Text(verify_)), HasSubstr("verification failed: etcdctl\n"));
  foreseen.Add("./rootfs/usr/local/bin/etcdctl", ForeseenFile());
  EXPECT_TRUE(Foresight::Look(verify, foreseen).ok());

  verify_["root"] = "./other";
  EXPECT_FALSE(Foresight::Look({VerifyStep, VerifyLook, verify_}).ok());
}

}  // namespace
}  // namespace kplan
