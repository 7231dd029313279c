// A real etcd gets the data of a snapshot, with a kill at every point of that.

#include "src/etcd/restore.h"

#include <unistd.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/etcd/facts/etcd_ids.h"
#include "src/etcd/snapshot.h"
#include "src/step/outlook.h"
#include "src/step/questions.h"
#include "src/steps/service/etcd_testing.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kData[] = "rootfs/var/lib/etcd";

// This machine, where whoever works can be killed.
class LocalHosts : public HostAccess {
 public:
  absl::StatusOr<StepResult> RunStep(const std::string&, const std::string& label,
                                     const Json& record) override {
    phases.push_back(record.value("phase", WordOf(record)));
    if (before_ == phases.size()) return absl::AbortedError("killed");
    const StepContext context = {label, absl::Now(), this};
    const StepFunction step = WordOf(record) == ServiceRecord::kWord
                                  ? RunAs<ServiceRecord, ServiceStep>
                                  : RunAs<RestorePartRecord, RestorePartStep>;
    absl::StatusOr<StepResult> result = step(context, record);
    if (after_ == phases.size()) return absl::AbortedError("killed");
    return result;
  }

  absl::StatusOr<Json> Ask(const std::string&, const Json& question) override {
    if (!reachable) return absl::UnavailableError("no route to host");
    const std::string kind = WordOf(question);
    if (kind == "etcd-data") return EtcdDataJson(*FromJson<EtcdDataQuestion>(question));
    EXPECT_EQ(kind, "service-look");
    absl::StatusOr<Outlook> look =
        ServiceLook({"", absl::Now(), Foreseen()}, FromJson<ServiceLookQuestion>(question)->service);
    if (!look.ok()) return look.status();
    ServiceLookAnswer answer;
    answer.running = !look->starts;
    answer.starts = look->starts;
    return ToJson(answer);
  }

  // Before the call with that number, from 1 on, or after it; 0: not at all.
  void KillBefore(size_t call) { before_ = phases.size() + call, after_ = 0; }
  void KillAfter(size_t call) { after_ = phases.size() + call, before_ = 0; }
  void KillNot() { before_ = after_ = 0; }

  std::vector<std::string> phases;
  bool reachable = true;

 private:
  size_t before_ = 0, after_ = 0;
};

class RestoreTest : public EtcdTest {
 protected:
  void SetUp() override {
    EtcdTest::SetUp();
    if (IsSkipped()) return;
    const std::string peer_url = absl::StrCat("http://127.0.0.1:", FreePort());
    Json argv = Json::array();
    for (const Json& argument : service_["argv"]) {
      if (argument[0].get<std::string>().rfind("--listen-peer-urls", 0) != 0) argv.push_back(argument);
    }
    for (const char* flag :
         {"--listen-peer-urls=", "--initial-advertise-peer-urls=", "--initial-cluster=etcd="})
      argv.push_back({absl::StrCat(flag, peer_url), ""});
    argv.push_back({"--initial-cluster-token=prod-1", ""});
    service_["argv"] = argv;

    PlannedMember member;
    member.host = member.name = "etcd";
    member.id = PredictedMemberId({peer_url}, "prod-1");
    member.data = "/var/lib/etcd";
    member.root = "./rootfs";
    member.probe = absl::StrCat("https://127.0.0.1:", port_);
    member.peer_urls = {peer_url};
    member.client_urls = {member.probe};
    plan_.cluster.cluster_id = PredictedClusterId({member.id});
    plan_.cluster.etcdctl = {"rootfs/usr/local/bin/etcdctl", "pki/ca.pem", "pki/leaf.pem",
                             "pki/leaf-key.pem"};
    plan_.cluster.members = {member};
    plan_.token = "prod-1";
    plan_.snapshot_name = "a.db";
    plan_.services = {*FromJson<ServiceRecord>(service_)};
    plan_.folders = {{"0700", ""}};
    plan_.timeout = absl::Seconds(30);
    absl::StatusOr<std::unique_ptr<ClusterView>> view = OpenClusterView(plan_.cluster);
    ASSERT_TRUE(view.ok()) << view.status();
    view_ = *std::move(view);

    MustRun(ServiceStep, Text(service_));
    Put("key", "snapshot");
    absl::StatusOr<TakenSnapshot> taken = TakeSnapshotAs(plan_.cluster, "a.db");
    ASSERT_TRUE(taken.ok()) << taken.status();
    snapshot_ = taken->info;
  }

  std::string Etcdctl(const std::vector<std::string>& words) {
    absl::StatusOr<std::string> out =
        RunEtcdctl(plan_.cluster.etcdctl, {plan_.cluster.members[0].probe}, words);
    EXPECT_TRUE(out.ok()) << out.status();
    return out.ok() ? *out : "";
  }
  void Put(const std::string& key, const std::string& value) {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (!AskLiveCluster(plan_.cluster).answers[0].has_leader()) ASSERT_LT(absl::Now(), until);
    Etcdctl({"put", key, value});
  }

  absl::Status Restore() {
    told_.clear();
    return RestoreCluster(plan_, snapshot_, &hosts_, view_.get(),
                          [&](const std::string& line) { told_ += line + "\n"; });
  }

  RestorePlan plan_;
  SnapshotInfo snapshot_;
  std::unique_ptr<ClusterView> view_;
  LocalHosts hosts_;
  std::string told_;
};

TEST_F(RestoreTest, LiveDataIsShownReplacedAndKept) {
  Put("key", "later");
  absl::StatusOr<RestoreLook> look = LookBeforeRestore(plan_, &hosts_);
  ASSERT_TRUE(look.ok()) << look.status();
  EXPECT_EQ(
      WhatRestoreReplaces(plan_, *look, snapshot_),
      "  etcd runs, has data\n  the cluster is at revision 3, the snapshot at revision 2: 1 would be lost\n");
  const pid_t pid = Pid();
  absl::Status status = Restore();
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_GT(hosts_.phases.size(), 5u);
  const auto started = hosts_.phases.begin() + 5;
  EXPECT_THAT(std::vector<std::string>(hosts_.phases.begin(), started),
              ElementsAre("prepare", "stop", "hold", "swap", "release"));
  EXPECT_THAT(std::vector<std::string>(started, hosts_.phases.end()), Each("service"));
  EXPECT_NE(Pid(), pid);
  EXPECT_EQ(Etcdctl({"get", "key", "--print-value-only"}), "snapshot\n");
  EXPECT_THAT(told_,
              AllOf(StartsWith("prepared etcd: revision 2"),
                    HasSubstr("\netcd: ./rootfs/var/lib/etcd has the snapshot's data; what was there is "
                              "/var/lib/etcd.before-restore-"),
                    HasSubstr("\nthe member serves revision 2, 1 key, with the hash ")));
  EXPECT_EQ(List("rootfs/var/lib").size(), 2u);
  EXPECT_EQ(ModeOf(kData), 0700u);
}

TEST_F(RestoreTest, NothingIsReplacedWhereNothingIs) {
  RestorePartRecord stop;
  stop.phase = RestorePartRecord::kStop;
  stop.restore = "x";
  stop.root = "./rootfs";
  stop.data = "/var/lib/etcd";
  stop.service = plan_.services[0];
  ASSERT_TRUE(RestorePartStep({}, stop).ok());
  Shell({"rm", "-r", kData});
  absl::StatusOr<RestoreLook> look = LookBeforeRestore(plan_, &hosts_);
  ASSERT_TRUE(look.ok()) << look.status();
  EXPECT_EQ(WhatRestoreReplaces(plan_, *look, snapshot_), "");
  absl::Status status = Restore();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Etcdctl({"get", "key", "--print-value-only"}), "snapshot\n");
  EXPECT_THAT(List("rootfs/var/lib"), ElementsAre("etcd"));
}

TEST_F(RestoreTest, CutOffAnywhereASecondRunCompletes) {
  for (bool after : {false, true}) {
    for (size_t call = 1; call <= 6; ++call) {
      Put("key", "later");
      const size_t begun = hosts_.phases.size();
      after ? hosts_.KillAfter(call) : hosts_.KillBefore(call);
      const absl::Status cut = Restore();
      ASSERT_FALSE(cut.ok());
      EXPECT_THAT(std::string(cut.message()), HasSubstr("\n  next: "));
      hosts_.KillNot();
      const std::string phase = hosts_.phases[begun + call - 1];
      const bool held = !ReadEtcdData("./rootfs", "/var/lib/etcd")->held.empty();
      EXPECT_EQ(held, (phase == "hold" && after) || phase == "swap" || (phase == "release" && !after))
          << phase << after;
      absl::StatusOr<EtcdData> data = ReadEtcdData("./rootfs", "/var/lib/etcd");
      EXPECT_TRUE(data->initialised);
      const absl::Status status = Restore();
      ASSERT_TRUE(status.ok()) << phase << after << ": " << status;
      EXPECT_EQ(Etcdctl({"get", "key", "--print-value-only"}), "snapshot\n") << phase << after;
      EXPECT_FALSE(Exists("rootfs/var/lib/.etcd.kplan-restore"));
    }
  }
}

TEST_F(RestoreTest, WhatFailsWhileItPreparesChangesNothing) {
  Put("key", "later");
  const pid_t pid = Pid();
  plan_.folders[0].mode = "0700";
  snapshot_.revision = 7;  // another one than the file has
  absl::Status status = Restore();
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("host etcd: what was restored has revision 2, and the snapshot has revision 7"),
                    HasSubstr("nothing was stopped or replaced")));
  EXPECT_EQ(Pid(), pid);
  EXPECT_THAT(List("rootfs/var/lib"), ElementsAre("etcd"));

  ASSERT_EQ(rename("rootfs/usr/local/bin/etcdctl", "kept"), 0);
  plan_.cluster.etcdctl.program = "./kept";
  status = Restore();
  EXPECT_THAT(std::string(status.message()), HasSubstr("is not there; run ninja first"));
  EXPECT_EQ(Etcdctl({"get", "key", "--print-value-only"}), "later\n");
  EXPECT_THAT(List("rootfs/var/lib"), ElementsAre("etcd"));
}

TEST_F(RestoreTest, AHostThatCannotBeAskedAndIdsThatAreNotThePlans) {
  hosts_.reachable = false;
  EXPECT_THAT(std::string(LookBeforeRestore(plan_, &hosts_).status().message()),
              AllOf(HasSubstr("nothing was touched"), HasSubstr("etcd: no route to host")));
  plan_.token = "prod-2";
  EXPECT_THAT(std::string(Restore().message()),
              HasSubstr("with the token \"prod-2\", and the plan has member"));
  EXPECT_THAT(hosts_.phases, ElementsAre());
}

}  // namespace
}  // namespace kplan
