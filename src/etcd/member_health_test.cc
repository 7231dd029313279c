#include "src/etcd/member_health.h"

#include "gmock/gmock.h"

namespace kplan {
namespace {

MemberAnswer Status(const std::string& leader, std::vector<std::string> errors = {}) {
  MemberAnswer answer;
  answer.status = EndpointStatus();
  answer.status->leader_id = leader;
  answer.status->errors = std::move(errors);
  return answer;
}

TEST(HealthOf, WhatTheMemberSaysOfItselfDecides) {
  const HealthAnswer healthy = {HealthAnswer::kHealthy, ""}, unhealthy = {HealthAnswer::kUnhealthy, "503"},
                     none = {HealthAnswer::kNone, "refused"};
  EXPECT_EQ(HealthOf(healthy, MemberAnswer()), MemberState::kServes);
  EXPECT_EQ(HealthOf(healthy, Status("")), MemberState::kServes);
  EXPECT_EQ(HealthOf(none, Status("a1")), MemberState::kSilent);
  EXPECT_EQ(HealthOf(none, MemberAnswer()), MemberState::kSilent);
  EXPECT_EQ(HealthOf(unhealthy, MemberAnswer()), MemberState::kSilent);
  EXPECT_EQ(HealthOf(unhealthy, Status("", {"etcdserver: no leader"})), MemberState::kOut);
  EXPECT_EQ(HealthOf(unhealthy, Status("a1")), MemberState::kSilent);  // its read timed out: who knows
}

TEST(HealthOf, AnAlarmIsNoLoss) {
  const HealthAnswer unhealthy = {HealthAnswer::kUnhealthy, "503"};
  EXPECT_EQ(HealthOf(unhealthy, Status("a1", {"memberID:161 alarm:NOSPACE "})), MemberState::kServes);
  EXPECT_EQ(HealthOf(unhealthy, Status("", {"memberID:161 alarm:NOSPACE "})), MemberState::kOut);
}

TEST(LastIndex, OfThoseThatAnswered) {
  LiveCluster live;
  EXPECT_EQ(LastIndex(live), 0u);
  live.answers = {Status("a1"), MemberAnswer(), Status("a1")};
  live.answers[0].status->raft_index = 7;
  live.answers[2].status->raft_index = 9;
  EXPECT_EQ(LastIndex(live), 9u);
}

TEST(OpenClusterView, NeedsItsCertificatesAndHttps) {
  PlannedCluster cluster;
  cluster.members.resize(1);
  cluster.members[0].probe = "http://127.0.0.1:2379";
  EXPECT_TRUE(absl::IsInvalidArgument(OpenClusterView(cluster).status()));
  cluster.members[0].probe = "https://127.0.0.1:2379";
  cluster.etcdctl.cacert = "nowhere/ca.pem";
  EXPECT_TRUE(absl::IsNotFound(OpenClusterView(cluster).status()));
}

}  // namespace
}  // namespace kplan
