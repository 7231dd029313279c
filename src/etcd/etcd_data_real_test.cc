// What ReadEtcdData says of the data of a real etcd, and AskLiveCluster of that etcd itself.

#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/etcd/etcd_cluster.h"
#include "src/etcd/etcd_data.h"
#include "src/etcd/facts/etcd_ids.h"
#include "src/etcd/member_read.h"
#include "src/probe/tls_probe.h"
#include "src/steps/service/etcd_testing.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

class EtcdDataRealTest : public EtcdTest {
 protected:
  void SetUp() override {
    EtcdTest::SetUp();
    if (IsSkipped()) return;
    peer_url_ = absl::StrCat("http://127.0.0.1:", FreePort());
    Json kept = Json::array();
    for (const Json& argument : service_["argv"]) {
      if (argument[0].get<std::string>().rfind("--listen-peer-urls", 0) != 0) kept.push_back(argument);
    }
    for (const std::string& flag :
         {absl::StrCat("--listen-peer-urls=", peer_url_),
          absl::StrCat("--initial-advertise-peer-urls=", peer_url_),
          absl::StrCat("--initial-cluster=etcd=", peer_url_), std::string("--initial-cluster-token=prod-1"),
          std::string("--snapshot-count=10")}) {
      kept.push_back({flag, ""});
    }
    service_["argv"] = kept;
    member_id_ = PredictedMemberId({peer_url_}, "prod-1");
    cluster_id_ = PredictedClusterId({member_id_});
    const std::string url = absl::StrCat("https://127.0.0.1:", port_);
    cluster_.cluster_id = cluster_id_;
    cluster_.etcdctl = {"rootfs/usr/local/bin/etcdctl", "pki/ca.pem", "pki/leaf.pem", "pki/leaf-key.pem"};
    PlannedMember member;
    member.host = member.name = "etcd";
    member.id = member_id_;
    member.data = "/var/lib/etcd";
    member.root = "./rootfs";
    member.probe = url;
    member.peer_urls = {peer_url_};
    member.client_urls = {url};
    cluster_.members.push_back(member);
  }

  static EtcdData Data() {
    absl::StatusOr<EtcdData> data = ReadEtcdData("./rootfs", "/var/lib/etcd");
    EXPECT_TRUE(data.ok()) << data.status();
    return data.ok() ? *data : EtcdData();
  }

  void ExpectOurIds(const EtcdData& data) {
    EXPECT_EQ(data.strange, "");
    EXPECT_TRUE(data.initialised);
    EXPECT_EQ(data.member_id, member_id_);
    EXPECT_EQ(data.cluster_id, cluster_id_);
  }

  // The port answers before etcd has made its log.
  void Start() {
    MustRun(ServiceStep, Text(service_));
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (AskLiveCluster(cluster_).List(cluster_id_) == nullptr) {
      ASSERT_LT(absl::Now(), deadline) << "no leader";
    }
  }

  uint64_t AppliedIndex() {
    LiveCluster live = AskLiveCluster(cluster_);
    EXPECT_TRUE(live.answers[0].status.ok()) << live.answers[0].status.status();
    return live.answers[0].status.ok() ? live.answers[0].status->raft_applied_index : 0;
  }

  void Put(int count, int size) {
    for (int i = 0; i < count; ++i) {
      absl::StatusOr<std::string> put =
          RunEtcdctl(cluster_.etcdctl, {cluster_.members[0].probe},
                     {"put", absl::StrCat("key-", i), std::string(static_cast<size_t>(size), 'v')});
      ASSERT_TRUE(put.ok()) << put.status();
    }
  }

  std::string peer_url_, member_id_, cluster_id_;
  PlannedCluster cluster_;
};

TEST_F(EtcdDataRealTest, IdsAndCommitWhileItRunsAndAfter) {
  EXPECT_FALSE(Data().initialised);
  Start();
  EtcdData running = Data();
  ExpectOurIds(running);
  EXPECT_GT(running.commit, 1u) << "a leader was elected";
  EXPECT_FALSE(running.snapshot);

  // Read again and again while it writes; etcdctl is the slow one.
  bool stop = false;
  size_t reads = 0;
  uint64_t last = 0;
  std::thread reader([&] {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
      EtcdData data = Data();
      ExpectOurIds(data);
      EXPECT_GE(data.commit, last) << "it never goes back";
      last = data.commit;
      ++reads;
    }
  });
  Put(200, 1000);
  __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
  reader.join();
  EXPECT_GT(reads, 20u);

  EtcdData full = Data();
  ExpectOurIds(full);
  EXPECT_GT(full.commit, 200u);
  EXPECT_TRUE(full.snapshot) << "--snapshot-count=10";
  EXPECT_LE(full.commit, AppliedIndex());

  ASSERT_EQ(kill(Pid(), SIGKILL), 0);
  ASSERT_TRUE(StopService("process", "rootfs", "etcd").ok());
  EtcdData after = Data();
  ExpectOurIds(after);
  EXPECT_GE(after.commit, full.commit);
}

TEST_F(EtcdDataRealTest, WhatIsAskedOfItIsNotInItsLogButItsHealth) {
  Start();
  absl::StatusOr<HostPort> target = ParseHttpsUrl(cluster_.members[0].probe);
  ASSERT_TRUE(target.ok());
  const std::string ca = Read("pki/ca.pem");
  const ClientIdentity client = {Read("pki/leaf.pem"), Secret(Read("pki/leaf-key.pem"))};
  const auto versions = [] {
    absl::StatusOr<EtcdData> data = ReadEtcdData("./rootfs", "/var/lib/etcd", /*versions=*/true);
    EXPECT_TRUE(data.ok()) << data.status();
    return data.value_or(EtcdData());
  };
  const auto ask = [&](const ProbeRequest& request) {
    absl::StatusOr<ProbeResult> probe =
        ProbeTls(*target, ca, client, absl::Now() + absl::Seconds(10), request);
    EXPECT_TRUE(probe.ok()) << probe.status();
    EXPECT_EQ(HttpStatus(probe->response), 200) << probe->response;
    return probe->response;
  };
  // What it writes by itself when it has started.
  const std::string version = AskLiveCluster(cluster_).answers[0].status->version;
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (versions().version.empty()) ASSERT_LT(absl::Now(), deadline) << "no version of the cluster";
  EXPECT_EQ(versions().version, absl::StrCat(version.substr(0, version.rfind('.')), ".0"));

  const uint64_t before = AppliedIndex();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(HasRead(ask(QuorumReadRequest())));
    ask(VersionRequest());
    AskLiveCluster(cluster_);
    EXPECT_TRUE(ReadByEtcdctl(cluster_.etcdctl, cluster_.members[0].probe, absl::Seconds(10)).ok());
  }
  EXPECT_EQ(AppliedIndex(), before);
  EXPECT_EQ(versions().refused_by_36, 0u);

  ProbeRequest health;
  health.path = "/health";
  ask(health);
  if (version.rfind("3.4.", 0) == 0) {
    EXPECT_EQ(versions().refused_by_36, before + 1);
    Put(30, 10);  // --snapshot-count=10
    EXPECT_EQ(versions().refused_by_36, 0u) << "left behind";
  }
}

TEST_F(EtcdDataRealTest, ASecondSegment) {
  Start();
  const std::string log = "rootfs/var/lib/etcd/member/wal";
  // etcd begins another segment at 64 MB; an argument has at most 128 KiB.
  for (int round = 0; round < 100 && List(log).size() < 3; ++round) Put(10, 120000);
  ASSERT_EQ(List(log).size(), 3u) << "two segments, and the next one's room";
  EtcdData data = Data();
  ExpectOurIds(data);
  EXPECT_GT(data.commit, 500u);
  EXPECT_TRUE(data.snapshot);
}

TEST_F(EtcdDataRealTest, TheClusterSaysWhoItIs) {
  LiveCluster live = AskLiveCluster(cluster_);
  EXPECT_TRUE(absl::IsUnavailable(live.answers[0].status.status())) << live.answers[0].status.status();
  EXPECT_EQ(live.List(cluster_id_), nullptr);
  Start();
  live = AskLiveCluster(cluster_);
  const MemberAnswer& answer = live.answers[0];
  ASSERT_TRUE(answer.status.ok()) << answer.status.status();
  ASSERT_TRUE(answer.list.ok()) << answer.list.status();
  EXPECT_EQ(answer.status->member_id, member_id_);
  EXPECT_EQ(answer.status->cluster_id, cluster_id_);
  EXPECT_EQ(answer.status->leader_id, member_id_);
  EXPECT_NE(answer.status->version, "");
  EXPECT_EQ(live.Leader(cluster_id_), member_id_);
  EXPECT_EQ(live.List("1234"), nullptr) << "of another cluster nothing counts";
  const MemberList* list = live.List(cluster_id_);
  ASSERT_NE(list, nullptr);
  ASSERT_EQ(list->members.size(), 1u);
  EXPECT_EQ(list->members[0].id, member_id_);
  EXPECT_EQ(list->members[0].name, "etcd");
  EXPECT_THAT(list->members[0].peer_urls, testing::ElementsAre(peer_url_));
  EXPECT_THAT(list->members[0].client_urls, testing::ElementsAre(cluster_.members[0].probe));

  // A client that etcd turns away learns nothing.
  cluster_.etcdctl.cacert = "pki/other-ca.pem";
  live = AskLiveCluster(cluster_);
  EXPECT_FALSE(live.answers[0].status.ok());
  EXPECT_EQ(live.List(cluster_id_), nullptr);
}

TEST_F(EtcdDataRealTest, ALogThatIsCutAnywhereNeverHasOtherIds) {
  Start();
  Put(30, 100);
  ASSERT_TRUE(StopService("process", "rootfs", "etcd").ok());
  const std::string path = "rootfs/var/lib/etcd/member/wal/0000000000000000-0000000000000000.wal";
  uint64_t last = 0;
  for (off_t size : {0, 1, 8, 16, 17, 24, 32, 40, 55, 56, 57, 64, 100, 200, 300, 500, 1000, 3000, 64000000}) {
    Shell({"cp", "--sparse=always", path, "copy"});
    ASSERT_EQ(truncate("copy", size), 0);
    Shell({"mv", "copy", "folder-copy"});
    Shell({"mkdir", "--parents", "other/var/lib/etcd/member/wal"});
    Shell({"mv", "folder-copy", absl::StrCat("other/", path.substr(7))});
    absl::StatusOr<EtcdData> data = ReadEtcdData("other", "/var/lib/etcd");
    ASSERT_TRUE(data.ok());
    if (size < 56) {
      EXPECT_NE(data->strange, "") << size;
      EXPECT_EQ(data->member_id, "");
    } else {
      ExpectOurIds(*data);
      EXPECT_GE(data->commit, last);
      last = data->commit;
    }
  }
  EXPECT_GT(last, 30u);
}

}  // namespace
}  // namespace kplan
