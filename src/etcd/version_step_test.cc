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
  return VersionProblem(cluster, live);
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
  EXPECT_NE(Problem({"3.6.5", "3.6.5", "3.6.5"}, "3.4.26", "3.5.0"), "");
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
  EXPECT_EQ(VersionProblem(cluster, live), "") << "it is none of ours";
}

}  // namespace
}  // namespace kplan
