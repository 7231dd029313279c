#include "src/etcd/peer_reach.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const absl::Status kSilent = absl::DeadlineExceededError("no answer to a TCP connection");
const absl::Status kRefused = absl::UnavailableError("cannot connect: Connection refused");
const absl::Status kNotAsked = absl::AbortedError("host etcd-3: cannot be reached");

class FindPeerGapsTest : public testing::Test {
 protected:
  FindPeerGapsTest() : reach_(3) {
    for (PeerReach& each : reach_) each.from_member.resize(3);
  }

  std::vector<std::string> Texts() const {
    std::vector<std::string> texts;
    for (const PeerGap& gap : FindPeerGaps({"etcd-1", "etcd-2", "etcd-3"}, {2380, 2380, 2381}, reach_))
      texts.push_back(gap.text);
    return texts;
  }

  std::vector<PeerReach> reach_;  // all reach all
};

TEST_F(FindPeerGapsTest, None) { EXPECT_THAT(Texts(), IsEmpty()); }

TEST_F(FindPeerGapsTest, OneWay) {
  reach_[0].from_member[1] = kSilent;
  EXPECT_THAT(Texts(), ElementsAre("etcd-2 does not reach etcd-1:2380 (no answer to a TCP connection); "
                                   "etcd-1 itself and etcd-3 do"));
  reach_[0].from_here = absl::OkStatus();
  EXPECT_THAT(Texts(), ElementsAre("etcd-2 does not reach etcd-1:2380 (no answer to a TCP connection); "
                                   "etcd-1 itself, etcd-3 and this machine do"));
}

TEST_F(FindPeerGapsTest, BothWays) {
  reach_[1].from_member[2] = kSilent;
  reach_[2].from_member[1] = kRefused;
  EXPECT_THAT(Texts(), ElementsAre("etcd-3 does not reach etcd-2:2380 (no answer to a TCP connection); "
                                   "etcd-1 and etcd-2 itself do",
                                   "etcd-2 does not reach etcd-3:2381 (cannot connect: Connection refused); "
                                   "etcd-1 and etcd-3 itself do"));
}

TEST_F(FindPeerGapsTest, WhereNobodyListensIsNoFirewall) {
  for (absl::Status& status : reach_[0].from_member) status = kRefused;
  reach_[0].from_here = kRefused;
  EXPECT_THAT(Texts(), IsEmpty());
}

TEST_F(FindPeerGapsTest, WhoWasNotAskedSaysNothing) {
  reach_[0].from_member = {absl::OkStatus(), kSilent, kNotAsked};
  EXPECT_THAT(Texts(), ElementsAre("etcd-2 does not reach etcd-1:2380 (no answer to a TCP connection); "
                                   "etcd-1 itself does"));
  reach_[0].from_member = {kNotAsked, kSilent, kNotAsked};
  EXPECT_THAT(Texts(), IsEmpty());
}

TEST(TryPeers, AsksEveryPairOnce) {
  const std::vector<PeerReach> reach = TryPeers(
      2, [](size_t from, size_t to) { return absl::UnknownError(std::to_string(from * 10 + to)); },
      [](size_t to) { return absl::UnknownError("here " + std::to_string(to)); });
  EXPECT_THAT(reach[0].from_member, ElementsAre(absl::UnknownError("0"), absl::UnknownError("10")));
  EXPECT_THAT(reach[1].from_member, ElementsAre(absl::UnknownError("1"), absl::UnknownError("11")));
  EXPECT_EQ(reach[1].from_here, absl::UnknownError("here 1"));
}

}  // namespace
}  // namespace kplan
