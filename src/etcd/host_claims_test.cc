// Claims on three hosts, which answer as real ones do.

#include "src/etcd/host_claims.h"

#include <stdlib.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/clock_testing.h"
#include "src/etcd/claim_answer.h"
#include "src/etcd/lock_holder.h"
#include "src/host/host_claim.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Hosts : public HostAccess {
 public:
  absl::StatusOr<StepResult> RunStep(const std::string&, const std::string&, const Json&) override {
    return absl::InternalError("no step is done");
  }
  absl::StatusOr<Json> Ask(const std::string& host, const Json& json) override {
    if (host == lost) return absl::UnavailableError("no route to host");
    absl::StatusOr<ClaimQuestion> question = FromJson<ClaimQuestion>(json);
    if (!question.ok()) return question.status();
    absl::StatusOr<ClaimAnswer> answer = AnswerClaim(*question);
    if (!answer.ok()) return answer.status();
    return ToJson(*answer);
  }
  std::string lost;
};

class HostClaimsTest : public testing::Test {
 protected:
  HostClaimsTest() {
    cluster_.cluster_id = "c1";
    for (int i = 1; i <= 3; ++i) {
      std::string pattern = absl::StrCat(getenv("TEST_TMPDIR"), "/host-XXXXXX");
      PlannedMember member;
      member.host = absl::StrCat("etcd-", i);
      member.root = mkdtemp(pattern.data());
      cluster_.members.push_back(std::move(member));
    }
  }
  std::unique_ptr<ClusterLock> Claims() {
    return MakeHostClaims(cluster_, &hosts_, absl::Seconds(300), &clock_);
  }
  // Who has the claim on host I; "": nobody.
  std::string HolderOn(size_t i) {
    absl::StatusOr<ClaimResult> result = TakeHostClaim(cluster_.members[i].root, "c1", "test", "", 1);
    EXPECT_TRUE(result.ok()) << result.status();
    if (result->before == ClaimState::kTaken) return result->holder;
    EXPECT_TRUE(DropHostClaim(cluster_.members[i].root, "c1", "test").ok());
    return "";
  }

  PlannedCluster cluster_;
  Hosts hosts_;
  FakeClock clock_;
  std::vector<std::string> told_;
  ClusterLock::Tell tell_ = [this](const std::string& line) { told_.push_back(line); };
};

TEST_F(HostClaimsTest, AllAreHadKeptAndGivenBack) {
  auto claims = Claims();
  EXPECT_EQ(claims->Hold("a first", tell_).value(), false);
  EXPECT_EQ(claims->Hold("a first", tell_).value(), true);
  for (size_t i = 0; i < 3; ++i) EXPECT_THAT(HolderOn(i), HasSubstr("a first"));
  claims.reset();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(HolderOn(i), "");
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(HostClaimsTest, TheSecondWaitsAndHasNoneMeanwhile) {
  // Of the last host alone.
  LockHolder other = LockHolderNow("a first");
  ASSERT_TRUE(TakeHostClaim(cluster_.members[2].root, "c1", other.ToText(), "", 300).ok());
  clock_.After(absl::Seconds(2), [&] {
    EXPECT_EQ(HolderOn(0), "");
    EXPECT_EQ(HolderOn(1), "");
    EXPECT_TRUE(DropHostClaim(cluster_.members[2].root, "c1", other.ToText()).ok());
  });
  EXPECT_EQ(Claims()->Hold("a second", tell_).value(), false);
  EXPECT_GE(clock_.waited(), absl::Seconds(2));
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0], absl::StrCat("somebody else takes members of this cluster away: ", other.Describe(),
                                   "; waits for that"));
}

TEST_F(HostClaimsTest, OneThatEndedOnThisMachineIsNotWaitedFor) {
  LockHolder gone = LockHolderNow("one that was killed");
  gone.run.process.start_ticks += 1;
  for (const PlannedMember& member : cluster_.members)
    ASSERT_TRUE(TakeHostClaim(member.root, "c1", gone.ToText(), "", 300).ok());
  EXPECT_EQ(Claims()->Hold("a second", tell_).value(), false);
  EXPECT_EQ(clock_.waits(), 0u);
}

TEST_F(HostClaimsTest, WhatWasLostIsNotHad) {
  auto claims = Claims();
  EXPECT_EQ(claims->Hold("a first", tell_).value(), false);
  const std::string holder = HolderOn(1);
  ASSERT_TRUE(DropHostClaim(cluster_.members[1].root, "c1", holder).ok());
  EXPECT_EQ(claims->Hold("a first", tell_).value(), false);
  EXPECT_EQ(claims->Hold("a first", tell_).value(), true);
}

TEST_F(HostClaimsTest, AHostThatIsLostIsAnError) {
  hosts_.lost = "etcd-2";
  auto claims = Claims();
  EXPECT_TRUE(absl::IsUnavailable(claims->Hold("a first", tell_).status()));
  claims.reset();
  EXPECT_EQ(HolderOn(0), "");
}

}  // namespace
}  // namespace kplan
