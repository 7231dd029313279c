#include "src/etcd/version_step.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::HasSubstr;

// What is said when members that run VERSIONS shall run PLANNED; "" in VERSIONS: it does not answer.
std::string Problem(const std::vector<std::string>& versions, const std::string& planned,
                    const std::string& downgrade_target = "") {
  PlannedCluster cluster;
  cluster.cluster_id = "c1";
  cluster.version = planned;
  LiveCluster live;
  for (const std::string& version : versions) {
    PlannedMember member;
    member.name = absl::StrCat("etcd-", cluster.members.size() + 1);
    cluster.members.push_back(member);
    MemberAnswer answer;
    if (!version.empty()) {
      EndpointStatus status;
      status.cluster_id = "c1";
      status.version = version;
      status.downgrade_target = downgrade_target;
      answer.status = status;
    }
    live.answers.push_back(answer);
  }
  return VersionProblem(cluster, {cluster.members.size(), absl::UnknownError("not asked")}, live);
}

// Data of a cluster of VERSION; "": it does not say.
EtcdData DataOf(const std::string& version) {
  EtcdData data;
  data.initialised = true;
  data.cluster_id = "c1";
  data.version = version;
  return data;
}

// What is said when nobody answers, and the members have FOUND and shall run PLANNED.
std::string ProblemOfData(const std::vector<absl::StatusOr<EtcdData>>& found, const std::string& planned) {
  PlannedCluster cluster;
  cluster.cluster_id = "c1";
  cluster.version = planned;
  LiveCluster live;
  live.answers.resize(found.size());
  cluster.members.resize(found.size());
  for (size_t i = 0; i < found.size(); ++i) cluster.members[i].name = absl::StrCat("etcd-", i + 1);
  return VersionProblem(cluster, found, live);
}

TEST(VersionStep, WithinAMinorVersionAnythingGoes) {
  EXPECT_EQ(Problem({"3.4.15", "3.4.15", "3.4.15"}, "3.4.37"), "");
  EXPECT_EQ(Problem({"3.4.37", "3.4.37", "3.4.37"}, "3.4.15"), "");
  EXPECT_EQ(Problem({"3.6.5"}, "3.6.0"), "");
}

TEST(VersionStep, OneMinorVersionAtATime) {
  EXPECT_EQ(Problem({"3.4.15", "3.4.15", "3.4.15"}, "3.5.16"), "");
  EXPECT_EQ(Problem({"3.5.16", "3.4.15", ""}, "3.5.16"), "") << "the rest of an upgrade";
  const std::string two = Problem({"3.5.30", "3.4.15", "3.5.30"}, "3.6.1");
  EXPECT_THAT(two, HasSubstr("etcd-2 runs etcd 3.4.15, and cluster.yaml has version 3.6.1"));
  EXPECT_THAT(two, HasSubstr("one minor version at a time"));
  EXPECT_THAT(two, HasSubstr("the newest 3.5"));
  EXPECT_NE(Problem({"3.3.25"}, "3.5.0"), "");
  // One that is silent cannot make it better.
  EXPECT_NE(Problem({"", "3.4.15", ""}, "3.6.1"), "");
}

TEST(VersionStep, To36OnlyFromWhereItIsSafe) {
  EXPECT_THAT(Problem({"3.5.30", "3.5.30", "3.5.25"}, "3.6.1"), HasSubstr("etcd-3 runs etcd 3.5.25"));
  EXPECT_EQ(Problem({"3.5.26", "3.5.30", "3.5.27"}, "3.6.1"), "");
  EXPECT_EQ(Problem({"3.5.26", "3.6.1", "3.5.26"}, "3.6.1"), "");
}

TEST(VersionStep, BackOnlyWhileNotAllHaveGone) {
  const std::string back = Problem({"3.5.16", "3.5.17", "3.5.16"}, "3.4.37");
  EXPECT_THAT(back, HasSubstr("etcd-1 runs etcd 3.5.16, and cluster.yaml has version 3.4.37"));
  EXPECT_THAT(back, HasSubstr("Write version: 3.5.16"));
  EXPECT_EQ(back.find("downgrade enable"), std::string::npos) << "3.5 has no such thing";
  EXPECT_EQ(Problem({"3.5.16", "3.4.37", "3.5.16"}, "3.4.37"), "") << "the cluster is still a 3.4";
  EXPECT_EQ(Problem({"3.5.16", "", "3.5.16"}, "3.4.37"), "") << "the third may be a 3.4";
}

TEST(VersionStep, BackFrom36WhenThatWasEnabled) {
  EXPECT_THAT(Problem({"3.6.5", "3.6.5", "3.6.5"}, "3.5.26"), HasSubstr("`etcdctl downgrade enable 3.5`"));
  EXPECT_EQ(Problem({"3.6.5", "3.6.5", "3.6.5"}, "3.5.26", "3.5.0"), "");
  const std::string two = Problem({"3.6.5", "3.6.5", "3.6.5"}, "3.4.26", "3.5.0");
  EXPECT_THAT(two, HasSubstr("no further back than 3.5 can be allowed"));
  EXPECT_EQ(two.find("downgrade enable"), std::string::npos) << "etcd 3.6 refuses that";
}

TEST(VersionStep, TheDataTellsItOfThoseThatAreSilent) {
  const EtcdData data_34 = DataOf("3.4.0"), data_35 = DataOf("3.5.0"), data_36 = DataOf("3.6.0");
  EXPECT_EQ(ProblemOfData({data_34}, "3.4.37"), "");
  EXPECT_EQ(ProblemOfData({data_34}, "3.5.30"), "");
  EXPECT_THAT(ProblemOfData({data_34}, "3.6.1"),
              HasSubstr("the data of etcd-1 is of a cluster of etcd 3.4, and cluster.yaml has version 3.6.1: "
                        "etcd goes one minor version at a time. Write the newest 3.5 first"));
  const std::string back = ProblemOfData({data_35}, "3.4.37");
  EXPECT_THAT(back,
              HasSubstr("etcd does not start with the data of a later minor version. Write the newest 3.5"));
  EXPECT_EQ(back.find("downgrade enable"), std::string::npos);
  EXPECT_THAT(ProblemOfData({data_36}, "3.5.30"), HasSubstr("`etcdctl downgrade enable 3.5`"));
  EtcdData allowed = data_36;
  allowed.downgrade = "3.5.0";
  EXPECT_EQ(ProblemOfData({allowed}, "3.5.30"), "");
  // Whoever was away while the others went on is behind, and whoever knows most tells where the cluster is.
  EXPECT_NE(ProblemOfData({data_35, data_34, data_35}, "3.6.1"), "");
  EXPECT_NE(ProblemOfData({data_34, data_35, data_34}, "3.4.37"), "");
  EXPECT_EQ(ProblemOfData({data_34, data_34, data_34}, "3.4.37"), "");
}

TEST(VersionStep, DataThatDoesNotSayIsNotJudged) {
  EtcdData another = DataOf("3.5.0");
  another.cluster_id = "another";
  EtcdData none = DataOf("3.5.0");
  none.initialised = false;
  for (const EtcdData& data : {DataOf(""), DataOf("garbage"), another, none})
    EXPECT_EQ(ProblemOfData({data}, "3.4.37"), "");
  EXPECT_EQ(ProblemOfData({absl::UnavailableError("no answer")}, "3.4.37"), "");
}

TEST(VersionStep, OneThatIsDownDoesNotMakeTheWayBackFree) {
  PlannedCluster cluster;
  cluster.cluster_id = "c1";
  cluster.version = "3.4.37";
  cluster.members.resize(3);
  LiveCluster live;
  live.answers.resize(3);
  EndpointStatus status;
  status.cluster_id = "c1";
  status.version = "3.5.16";
  live.answers[0].status = live.answers[1].status = status;
  // All have run 3.5: the cluster is of 3.5, and the one that is down has that in its data, too.
  EXPECT_NE(VersionProblem(cluster, {DataOf("3.5.0"), DataOf("3.5.0"), DataOf("3.5.0")}, live), "");
  // It went down before it had its turn.
  EXPECT_EQ(VersionProblem(cluster, {DataOf("3.4.0"), DataOf("3.4.0"), DataOf("3.4.0")}, live), "");
}

TEST(VersionStep, WhatEtcd36RefusesInALog) {
  EtcdData data = DataOf("3.5.0");
  data.refused_by_36 = 7;
  EXPECT_EQ(ProblemOfData({data}, "3.5.30"), "");
  const std::string problem = ProblemOfData({DataOf("3.5.0"), data, data}, "3.6.1");
  EXPECT_THAT(problem, HasSubstr("the logs of etcd-2 and etcd-3 have entries of the v2 API"));
  EXPECT_THAT(problem, HasSubstr("flags: {snapshot-count: 2}"));
  EXPECT_THAT(ProblemOfData({data}, "3.6.1"), HasSubstr("the log of etcd-1 has entries"));

  PlannedCluster cluster;
  cluster.cluster_id = "c1";
  cluster.version = "3.6.1";
  cluster.members.resize(1);
  LiveCluster live;
  live.answers.resize(1);
  EndpointStatus status;
  status.cluster_id = "c1";
  status.version = "3.6.0";
  live.answers[0].status = status;
  EXPECT_EQ(VersionProblem(cluster, {data}, live), "") << "it got over it";
  status.version = "3.5.30";
  live.answers[0].status = status;
  EXPECT_NE(VersionProblem(cluster, {data}, live), "");
}

TEST(VersionStep, WhatIsNotKnownIsNotJudged) {
  EXPECT_EQ(Problem({"", "", ""}, "3.6.1"), "");
  EXPECT_EQ(Problem({"3.4.15"}, ""), "") << "a record without a version";
  EXPECT_EQ(Problem({"3.5.0-pre"}, "3.4.15"), "");
  PlannedCluster cluster;
  cluster.cluster_id = "another";
  cluster.version = "3.6.1";
  cluster.members.resize(1);
  LiveCluster live;
  live.answers.resize(1);
  EndpointStatus status;
  status.cluster_id = "c1";
  status.version = "3.4.15";
  live.answers[0].status = status;
  EXPECT_EQ(VersionProblem(cluster, {EtcdData()}, live), "") << "it is none of ours";
}

}  // namespace
}  // namespace kplan
