#include "src/etcd/etcd_cluster.h"

#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/process.h"
#include "src/etcd/etcdctl.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// As etcdctl 3.4.23 prints it; the last one was added by hand and never started.
constexpr char kMemberList[] =
    R"({"header":{"cluster_id":14841639068965178418,"member_id":10276657743932975437,"raft_term":2},)"
    R"("members":[{"ID":10276657743932975437,"name":"etcd-1","peerURLs":["https://b:2380","https://a:2380"],)"
    R"("clientURLs":["https://a:2379"]},{"ID":255,"name":"etcd-2","peerURLs":["https://c:2380"],)"
    R"("isLearner":true},{"ID":16,"peerURLs":["https://d:2380"]}]})";

TEST(Etcdctl, MemberList) {
  absl::StatusOr<MemberList> list = ParseMemberList(kMemberList);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->cluster_id, "cdf818194e3a8c32");
  ASSERT_EQ(list->members.size(), 3u);
  EXPECT_EQ(list->members[0].id, "8e9e05c52164694d");
  EXPECT_EQ(list->members[0].name, "etcd-1");
  EXPECT_THAT(list->members[0].peer_urls, ElementsAre("https://a:2380", "https://b:2380"));
  EXPECT_THAT(list->members[0].client_urls, ElementsAre("https://a:2379"));
  EXPECT_FALSE(list->members[0].learner);
  EXPECT_EQ(list->members[1].id, "ff");
  EXPECT_TRUE(list->members[1].learner);
  EXPECT_THAT(list->members[1].client_urls, ElementsAre());
  EXPECT_EQ(list->members[2].name, "");
}

TEST(Etcdctl, EndpointStatus) {
  absl::StatusOr<std::vector<EndpointStatus>> all = ParseEndpointStatus(
      R"([{"Endpoint":"https://a:2379","Status":{"header":{"cluster_id":14841639068965178418,)"
      R"("member_id":10276657743932975437,"revision":61,"raft_term":2},"version":"3.4.23","dbSize":24576,)"
      R"("leader":255,"raftIndex":64,"raftTerm":2,"raftAppliedIndex":63,"dbSizeInUse":24576}},)"
      R"({"Endpoint":"https://b:2379","Status":{"header":{"cluster_id":1,"member_id":2},"version":"3.4.23",)"
      R"("raftIndex":5,"errors":["etcdserver: no leader"]}},)"
      R"({"Endpoint":"https://c:2379","Status":{"header":{"cluster_id":1,"member_id":3},"version":"3.6.5",)"
      R"("downgradeInfo":{"enabled":true,"targetVersion":"3.5.0"}}},)"
      R"({"Endpoint":"https://d:2379","Status":{"header":{"cluster_id":1,"member_id":4},"version":"3.6.5",)"
      R"("downgradeInfo":{"targetVersion":"3.5.0"}}}])");
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 4u);
  const EndpointStatus& a = (*all)[0];
  EXPECT_EQ(a.endpoint, "https://a:2379");
  EXPECT_EQ(a.cluster_id, "cdf818194e3a8c32");
  EXPECT_EQ(a.member_id, "8e9e05c52164694d");
  EXPECT_EQ(a.leader_id, "ff");
  EXPECT_EQ(a.version, "3.4.23");
  EXPECT_EQ(a.raft_term, 2u);
  EXPECT_EQ(a.raft_index, 64u);
  EXPECT_EQ(a.raft_applied_index, 63u);
  EXPECT_EQ((*all)[1].leader_id, "") << "it knows none";
  EXPECT_THAT((*all)[1].errors, ElementsAre("etcdserver: no leader"));
  EXPECT_EQ((*all)[1].downgrade_target, "");
  EXPECT_EQ((*all)[2].downgrade_target, "3.5.0");
  EXPECT_EQ((*all)[3].downgrade_target, "") << "it was enabled, and is not any more";
}

TEST(Etcdctl, WhatItDidNotPrintIsAnError) {
  for (const char* text :
       {"", "{", "[]", "{}", "null", "8e9e05c52164694d, started, etcd", R"({"header":{},"members":[]})",
        R"({"header":{"cluster_id":1},"members":{}})", R"({"header":{"cluster_id":1},"members":[3]})",
        R"({"header":{"cluster_id":-1},"members":[]})", R"({"header":{"cluster_id":"1"},"members":[]})",
        R"({"header":[],"members":[{"ID":1}]})"}) {
    absl::StatusOr<MemberList> list = ParseMemberList(text);
    EXPECT_EQ(list.status().code(), absl::StatusCode::kDataLoss) << text;
  }
  for (const char* text : {"", "{}", "null", "[3]", "[{}]", R"([{"Status":{}}])",
                           R"([{"Status":{"header":3}}])", R"([{"Status":{"header":{"cluster_id":1}}}])"}) {
    EXPECT_EQ(ParseEndpointStatus(text).status().code(), absl::StatusCode::kDataLoss) << text;
  }
}

TEST(Etcdctl, ErrorsSayWhatHappened) {
  const Etcdctl etcdctl = {"/bin/sh", "ca", "cert", "key"};
  EXPECT_EQ(*RunEtcdctl(etcdctl, {"https://a", "https://b"}, {"-c", "echo $ETCDCTL_API $0 $1"}),
            "3 --endpoints=https://a,https://b --cacert=ca\n");
  EXPECT_EQ(RunEtcdctl(etcdctl, {}, {"-c", "echo out; echo oh no >&2; exit 3"}).status().message(),
            "exit 3: oh no");
  EXPECT_EQ(RunEtcdctl(etcdctl, {}, {"-c", "sleep 60"}, absl::Seconds(1)).status().message(),
            "no answer within 1 s");
  EXPECT_TRUE(absl::IsNotFound(RunEtcdctl({"/no/etcdctl", "", "", ""}, {}, {}).status()));
}

// Anybody may be behind an endpoint that answers.
TEST(EtcdctlLine, IsReadBackByAShell) {
  EXPECT_EQ(EtcdctlLine({"rootfs/usr/local/bin/etcdctl", "pki/ca.pem", "pki/root.pem", "pki/root-key.pem"},
                        {"https://10.0.0.11:2379", "https://10.0.0.12:2379"}, {"member", "list"}),
            "rootfs/usr/local/bin/etcdctl --endpoints=https://10.0.0.11:2379,https://10.0.0.12:2379 "
            "--cacert=pki/ca.pem --cert=pki/root.pem --key=pki/root-key.pem member list");
  const Etcdctl odd = {"echo", "my ca;$(reboot).pem", "a'b.pem", "`c`.pem"};
  absl::StatusOr<RunResult> read =
      kplan::Run({"/bin/sh", "-c", EtcdctlLine(odd, {"https://[::1]:2379"}, {"get", "*"})}, {});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(
      read->out,
      "--endpoints=https://[::1]:2379 --cacert=my ca;$(reboot).pem --cert=a'b.pem --key=`c`.pem get *\n");
}

TEST(Etcdctl, WhatAClusterSaysIsBoundedAndHarmless) {
  absl::StatusOr<MemberList> list = ParseMemberList(
      R"({"header":{"cluster_id":1},"members":[{"ID":2,"name":"a\u001b]0;title\u0007\nb","peerURLs":["\u009b2J"]}]})");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->members[0].name, "a\\x1b]0;title\\x07\\x0ab");
  EXPECT_THAT(list->members[0].peer_urls, ElementsAre("\\xc2\\x9b2J"));
  absl::StatusOr<std::vector<EndpointStatus>> all = ParseEndpointStatus(
      R"([{"Status":{"header":{"cluster_id":1,"member_id":2},"version":"3\u202e","errors":["\u001b[2J"]}}])");
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->front().version, "3\\xe2\\x80\\xae");
  EXPECT_THAT(all->front().errors, ElementsAre("\\x1b[2J"));
  const std::string deep = R"({"header":{"cluster_id":1},"members":)" + std::string(500000, '[');
  EXPECT_EQ(ParseMemberList(deep).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(ParseMemberList("\x1b[2J").status().message()), HasSubstr("printed: \\x1b[2J"));
  // Of a client that logs each try the end says why.
  const Etcdctl etcdctl = {"/bin/sh", "", "", ""};
  const std::string said(
      RunEtcdctl(etcdctl, {}, {"-c", "head -c 900000 /dev/zero >&2; printf 'the \033[1mreason' >&2; exit 3"})
          .status()
          .message());
  EXPECT_LT(said.size(), size_t{64} << 10);
  EXPECT_THAT(said, testing::EndsWith("the \\x1b[1mreason"));
}

Json GoodRecord() {
  return Json{{"cacert", "pki/ca.pem"},
              {"cert", "pki/root.pem"},
              {"cluster-id", "bc"},
              {"etcdctl", "archives/etcdctl"},
              {"key", "pki/root-key.pem"},
              {"members",
               {{{"client-urls", {"https://b:2379", "https://a:2379"}},
                 {"data", "/var/lib/etcd"},
                 {"host", "etcd-1"},
                 {"id", "a"},
                 {"name", "one"},
                 {"peer-urls", {"https://b:2380", "https://a:2380"}},
                 {"probe", "https://127.0.0.1:1"},
                 {"remote", true},
                 {"root", "/"}}}}};
}

absl::StatusOr<PlannedCluster> Read(const Json& json) {
  absl::StatusOr<SurveyRecord> record = FromJson<SurveyRecord>(json);
  if (!record.ok()) return record.status();
  return ReadPlannedCluster(record->cluster, record->version);
}

TEST(PlannedCluster, OfARecord) {
  absl::StatusOr<PlannedCluster> cluster = Read(GoodRecord());
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ(cluster->cluster_id, "bc");
  EXPECT_EQ(cluster->etcdctl.program, "archives/etcdctl");
  EXPECT_EQ(cluster->etcdctl.cacert, "pki/ca.pem");
  EXPECT_EQ(cluster->etcdctl.cert, "pki/root.pem");
  EXPECT_EQ(cluster->etcdctl.key, "pki/root-key.pem");
  ASSERT_EQ(cluster->members.size(), 1u);
  const PlannedMember& member = cluster->members[0];
  EXPECT_EQ(member.host, "etcd-1");
  EXPECT_EQ(member.name, "one");
  EXPECT_EQ(member.id, "a");
  EXPECT_EQ(member.data, "/var/lib/etcd");
  EXPECT_EQ(member.root, "/");
  EXPECT_TRUE(member.remote);
  EXPECT_EQ(member.probe, "https://127.0.0.1:1");
  EXPECT_THAT(member.peer_urls, ElementsAre("https://a:2380", "https://b:2380"));
  EXPECT_THAT(member.client_urls, ElementsAre("https://a:2379", "https://b:2379"));

  Json record = GoodRecord();
  EXPECT_EQ(cluster->initial_state, "");
  record["initial-cluster-state"] = "existing";
  EXPECT_EQ(Read(record)->initial_state, "existing");
  record["etcdctl"] = "";
  EXPECT_EQ(Read(record)->etcdctl.program, "etcdctl");
}

TEST(PlannedCluster, RecordsThatLackSomething) {
  for (const char* key : {"cacert", "cert", "cluster-id", "etcdctl", "key", "members"}) {
    Json record = GoodRecord();
    record.erase(key);
    EXPECT_THAT(Read(record).status().message(), HasSubstr(key));
  }
  for (const char* key : {"data", "host", "id", "name", "probe", "remote", "root"}) {
    Json record = GoodRecord();
    record["members"][0].erase(key);
    EXPECT_THAT(Read(record).status().message(), HasSubstr(key));
  }
  for (const Json& members : {Json(), Json::array(), Json::array({3}), Json("x")}) {
    Json record = GoodRecord();
    record["members"] = members;
    EXPECT_FALSE(Read(record).ok()) << members;
  }
}

TEST(LiveCluster, TheOneThatKnowsMostCounts) {
  LiveCluster live;
  EXPECT_EQ(live.List("bc"), nullptr);
  auto add = [&](const std::string& cluster, const std::string& leader, uint64_t index) {
    MemberAnswer answer;
    EndpointStatus status;
    status.cluster_id = cluster;
    status.leader_id = leader;
    status.raft_index = index;
    MemberList list;
    list.cluster_id = cluster;
    list.members.resize(index);
    answer.status = status;
    answer.list = list;
    live.answers.push_back(answer);
  };
  live.answers.emplace_back();
  add("bc", "", 9);
  EXPECT_EQ(live.List("bc"), nullptr) << "no leader";
  add("other", "a", 8);
  EXPECT_EQ(live.List("bc"), nullptr) << "another cluster";
  add("bc", "1", 2);
  add("bc", "2", 4);
  add("bc", "3", 3);
  live.answers.back().list = absl::UnavailableError("gone");
  add("bc", "4", 1);
  ASSERT_NE(live.List("bc"), nullptr);
  EXPECT_EQ(live.List("bc")->members.size(), 4u);
  EXPECT_EQ(live.Leader("bc"), "2");
}

TEST(LiveCluster, WhereNobodyListensIsKnownAtOnce) {
  absl::StatusOr<PlannedCluster> cluster = Read(GoodRecord());
  ASSERT_TRUE(cluster.ok());
  const absl::Time begun = absl::Now();
  LiveCluster live = AskLiveCluster(*cluster);
  EXPECT_LT(absl::Now() - begun, absl::Seconds(2));
  ASSERT_EQ(live.answers.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(live.answers[0].status.status())) << live.answers[0].status.status();
  EXPECT_FALSE(live.answers[0].list.ok());
}

}  // namespace
}  // namespace kplan
