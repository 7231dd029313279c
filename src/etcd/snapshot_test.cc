// Snapshots of a real cluster, and from which of its members.

#include "src/etcd/snapshot.h"

#include <signal.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/etcd/etcd_cluster_testing.h"
#include "src/etcd/hash_kv.h"
#include "src/etcd/snapshot_folder.h"
#include "src/step/step_testing.h"
#include "src/steps/service/etcd_testing.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A member of the cluster "c1" that answers.
EndpointStatus Status(const std::string& id, const std::string& leader, uint64_t applied) {
  EndpointStatus status;
  status.cluster_id = "c1";
  status.member_id = id;
  status.leader_id = leader;
  status.raft_index = status.raft_applied_index = applied;
  return status;
}

std::vector<size_t> SourcesOf(const std::vector<absl::StatusOr<EndpointStatus>>& statuses) {
  PlannedCluster cluster;
  cluster.cluster_id = "c1";
  LiveCluster live;
  for (const auto& status : statuses) {
    live.answers.emplace_back();
    live.answers.back().status = status;
  }
  return SnapshotSources(cluster, live);
}

TEST(SnapshotSources, AFollowerThatHasCaughtUpThenTheLeader) {
  EXPECT_THAT(SourcesOf({Status("a", "a", 5000), Status("b", "a", 4990), Status("c", "a", 4995)}),
              ElementsAre(2, 1, 0));
  EXPECT_THAT(SourcesOf({Status("a", "a", 5000), Status("b", "a", 3000), Status("c", "a", 4995)}),
              ElementsAre(2, 0, 1));
  EXPECT_THAT(SourcesOf({Status("a", "a", 5)}), ElementsAre(0));
}

TEST(SnapshotSources, WhoKnowsNoLeaderIsTheLast) {
  EXPECT_THAT(SourcesOf({Status("a", "", 5000), Status("b", "b", 4000), Status("c", "b", 10)}),
              ElementsAre(1, 2, 0));
  EXPECT_THAT(SourcesOf({Status("a", "", 5000), Status("b", "", 6000)}), ElementsAre(1, 0));
}

TEST(SnapshotSources, NobodyElses) {
  EndpointStatus other = Status("a", "a", 5000), learner = Status("b", "c", 5000),
                 corrupt = Status("10", "c", 5000);
  other.cluster_id = "c2";
  learner.learner = true;
  corrupt.errors = {"memberID:16 alarm:CORRUPT "};
  EndpointStatus leader = Status("c", "c", 5000);
  leader.errors = corrupt.errors;  // all members say it of that one
  EXPECT_THAT(SourcesOf({other, learner, corrupt, leader}), ElementsAre(3));
  EXPECT_THAT(SourcesOf({absl::UnavailableError("off"), absl::UnavailableError("off")}), IsEmpty());
}

class SnapshotTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    if (EtcdFolder().empty()) GTEST_SKIP() << "no etcd here";
    trio_ = std::make_unique<EtcdTrio>(working_folder_);
    cluster_ = trio_->Planned("root");
    trio_->Start();
    trio_->AwaitHealth();
  }

  std::unique_ptr<EtcdTrio> trio_;
  PlannedCluster cluster_;
};

TEST_F(SnapshotTest, FromAFollowerAndAllThatWasWrittenBefore) {
  trio_->Lead(1);
  SnapshotPolicy policy;
  policy.folder = "backup/snapshots";
  policy.keep = 2;
  std::vector<std::string> names;
  for (int round = 0; round < 4; ++round) {
    trio_->Etcdctl({"put", "key", absl::StrCat(round)}, round % 3);
    absl::StatusOr<TakenSnapshot> taken = TakeSnapshot(cluster_, policy);
    ASSERT_TRUE(taken.ok()) << taken.status();
    EXPECT_EQ(taken->info.revision, round + 2);
    EXPECT_NE(taken->member, "etcd-2");
    EXPECT_FALSE(taken->without_quorum);
    EXPECT_EQ(ModeOf(taken->info.path), 0600u);
    EXPECT_THAT(taken->removed, SizeIs(round < 2 ? 0 : 1));
    EXPECT_THAT(taken->Describe(),
                AllOf(HasSubstr(absl::StrCat(": revision ", round + 2, ", ")), HasSubstr(", from etcd-")));
    names.push_back(taken->info.path.substr(policy.folder.size() + 1));
    EXPECT_EQ(ParseSnapshotName(names.back())->revision, round + 2);
  }
  EXPECT_THAT(List("backup/snapshots"), ElementsAre(names[2], names[3]));

  EXPECT_TRUE(absl::IsAlreadyExists(TakeSnapshotAs(cluster_, "backup/snapshots/" + names[3]).status()));
  absl::StatusOr<TakenSnapshot> taken = TakeSnapshotAs(cluster_, "mine.db");
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->info.path, "mine.db");
  EXPECT_TRUE(absl::IsNotFound(TakeSnapshotAs(cluster_, "missing/mine.db").status()));

  // What the members say of their stores.
  absl::StatusOr<HashKvs> hashes = AskHashKvs(cluster_, 4);
  ASSERT_TRUE(hashes.ok()) << hashes.status();
  EXPECT_THAT(*hashes, SizeIs(3));
  EXPECT_TRUE(CompareHashKvs(cluster_, *hashes, 4).ok());
  EXPECT_THAT(std::string(CompareHashKvs(cluster_, *hashes, 99).message()), HasSubstr("and not 99"));
  ++(*hashes)[1].hash;
  EXPECT_THAT(std::string(CompareHashKvs(cluster_, *hashes, 4).message()), HasSubstr("etcd-2: its hash is"));
  hashes->pop_back();
  EXPECT_THAT(std::string(CompareHashKvs(cluster_, *hashes, 4).message()), HasSubstr("etcd-3: no member"));
  EXPECT_EQ(*CountKeys(cluster_, 5), 1);
  EXPECT_EQ(*CountKeys(cluster_, 1), 0);
}

TEST_F(SnapshotTest, WhileMembersAreDown) {
  trio_->Etcdctl({"put", "key", "value"});
  SnapshotPolicy policy;
  policy.folder = "snapshots";
  trio_->Lead(0);
  trio_->Signal(1, SIGKILL);
  absl::StatusOr<TakenSnapshot> taken = TakeSnapshot(cluster_, policy);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->member, "etcd-3");

  // The last one knows no leader after an election timeout, and gives what it has.
  trio_->Signal(2, SIGKILL);
  const absl::Time until = absl::Now() + absl::Seconds(30);
  while (AskLiveCluster(cluster_).answers[0].has_leader()) ASSERT_LT(absl::Now(), until);
  taken = TakeSnapshot(cluster_, policy);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_TRUE(taken->without_quorum);
  EXPECT_EQ(taken->info.revision, 2);
  EXPECT_THAT(taken->Describe(), HasSubstr("no member serves"));

  trio_->Signal(0, SIGKILL);
  taken = TakeSnapshot(cluster_, policy);
  EXPECT_TRUE(absl::IsUnavailable(taken.status()));
  EXPECT_THAT(std::string(taken.status().message()),
              AllOf(HasSubstr("no member gives one: etcd-1 (https://127.0.0.2:"), HasSubstr("; etcd-3 (")));
  EXPECT_THAT(List("snapshots"), SizeIs(2));
}

}  // namespace
}  // namespace kplan
