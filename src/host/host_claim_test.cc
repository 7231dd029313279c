#include "src/host/host_claim.h"

#include <stdlib.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/files.h"
#include "src/host/process_info.h"

namespace kplan {
namespace {

TEST(StateOfClaimTest, EveryCase) {
  const auto state = [](const HostClaim& claim, const char* gone = "") {
    return StateOfClaim(claim, "me", gone, "boot", 100);
  };
  EXPECT_EQ(StateOfClaim(std::nullopt, "me", "", "boot", 100), ClaimState::kFree);
  EXPECT_EQ(state({"me", "boot", 101}), ClaimState::kOurs);
  EXPECT_EQ(state({"me", "boot", 100}), ClaimState::kFree);
  EXPECT_EQ(state({"me", "before", 101}), ClaimState::kFree);
  EXPECT_EQ(state({"you", "boot", 101}), ClaimState::kTaken);
  EXPECT_EQ(state({"you", "boot", 101}, "he"), ClaimState::kTaken);
  EXPECT_EQ(state({"you", "boot", 101}, "you"), ClaimState::kFree);
  EXPECT_EQ(state({"you", "boot", 100}), ClaimState::kFree);
  EXPECT_EQ(state({"you", "before", 101}), ClaimState::kFree);
}

class HostClaimTest : public testing::Test {
 protected:
  HostClaimTest() {
    std::string pattern = absl::StrCat(getenv("TEST_TMPDIR"), "/claim-XXXXXX");
    root_ = mkdtemp(pattern.data());
  }
  ClaimState Take(const char* holder, const char* gone = "", int64_t seconds = 100) {
    absl::StatusOr<ClaimResult> result = TakeHostClaim(root_, "c1", holder, gone, seconds);
    EXPECT_TRUE(result.ok()) << result.status();
    holder_ = result.ok() ? result->holder : "";
    return result.ok() ? result->before : ClaimState::kTaken;
  }
  std::string Path() const { return absl::StrCat(root_, "/run/kplan/etcd-c1.claim"); }

  std::string root_, holder_;
};

TEST_F(HostClaimTest, IsTakenKeptAndGivenBack) {
  EXPECT_EQ(Take("me"), ClaimState::kFree);
  EXPECT_EQ(Take("me"), ClaimState::kOurs);
  EXPECT_EQ(Take("you"), ClaimState::kTaken);
  EXPECT_EQ(holder_, "me");
  EXPECT_TRUE(DropHostClaim(root_, "c1", "you").ok());
  EXPECT_EQ(Take("you"), ClaimState::kTaken);
  EXPECT_TRUE(DropHostClaim(root_, "c1", "me").ok());
  EXPECT_NE(access(Path().c_str(), F_OK), 0);
  EXPECT_TRUE(DropHostClaim(root_, "c1", "me").ok());
  EXPECT_EQ(Take("you"), ClaimState::kFree);
  EXPECT_EQ(holder_, "you");
}

TEST_F(HostClaimTest, OneThatIsOverOrGoneIsNobodys) {
  EXPECT_EQ(Take("me", "", 0), ClaimState::kFree);
  EXPECT_EQ(Take("you"), ClaimState::kFree);
  EXPECT_EQ(Take("he", "me"), ClaimState::kTaken);
  EXPECT_EQ(Take("he", "you"), ClaimState::kFree);
}

TEST_F(HostClaimTest, WhatIsNoClaimIsNone) {
  EXPECT_EQ(Take("me"), ClaimState::kFree);
  EXPECT_TRUE(WriteFile(Path(), "{\"boot\":", 0644).ok());
  EXPECT_EQ(Take("you"), ClaimState::kFree);
}

TEST_F(HostClaimTest, AClusterIsNoPath) {
  for (const char* cluster : {"", "../x", "a/b", "a b"})
    EXPECT_TRUE(absl::IsInvalidArgument(TakeHostClaim(root_, cluster, "me", "", 1).status())) << cluster;
}

}  // namespace
}  // namespace kplan
