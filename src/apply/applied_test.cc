#include "src/apply/applied.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A folder of its own, and no plan that is applied in the environment.
class AppliedTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "/applied-XXXXXX";
    ASSERT_NE(mkdtemp(&folder[0]), nullptr);
    ASSERT_EQ(chdir(folder.c_str()), 0);
    unsetenv(kApplyVariable);
    shared_ = graph_.AddShard("shared");
    host_ = graph_.AddShard("etcd-1");
    key_ = graph_.AddStep(StepKind::kKey, shared_, "ca/key", "{}", {});
    file_ = graph_.AddStep(StepKind::kFile, host_, "file/etcd-1/x", "{\"a\":1}", {key_});
    roll_ = graph_.AddStep(StepKind::kRollout, shared_, "rollout/etcd", "{}", {file_});
  }
  void TearDown() override { unsetenv(kApplyVariable); }

  void Apply(const std::string& token, const std::vector<StepId>& steps, const Limit* limit = nullptr) {
    absl::StatusOr<AppliedLock> lock = AppliedLock::Take();
    ASSERT_TRUE(lock.ok()) << lock.status();
    AppliedPlan plan = {token, GraphDigest(graph_),
                        limit == nullptr ? std::vector<std::string>() : limit->names};
    absl::Status status = WriteApplied(plan, graph_, steps, limit);
    ASSERT_TRUE(status.ok()) << status;
  }

  std::string Refusal(const char* shard, const char* label) {
    absl::StatusOr<Leave> leave = LeaveFor(shard, label);
    EXPECT_FALSE(leave.ok()) << label;
    return std::string(leave.status().message());
  }

  Graph graph_;
  uint32_t shared_ = 0, host_ = 0;
  StepId key_ = 0, file_ = 0, roll_ = 0;
};

TEST_F(AppliedTest, WithoutAnApplyEverythingMayRun) {
  EXPECT_FALSE(LeaveFor("shared", "ca/key")->applied);
  EXPECT_FALSE(AppliedNow()->has_value());
  Apply("aa", {key_});
  EXPECT_FALSE(LeaveFor("etcd-1", "file/etcd-1/x")->applied) << "a ninja that no apply has started";
}

TEST_F(AppliedTest, OnlyWhatIsInThePlan) {
  Apply("aa", {key_});
  setenv(kApplyVariable, "aa", 1);
  EXPECT_TRUE(LeaveFor("shared", "ca/key")->applied);
  EXPECT_THAT(LeaveFor("shared", "ca/key")->hosts, IsEmpty());
  EXPECT_THAT(Refusal("shared", "rollout/etcd"), HasSubstr("not in the plan that is applied"));
  EXPECT_THAT(Refusal("etcd-1", "file/etcd-1/x"), HasSubstr("not in the plan that is applied"));
  EXPECT_EQ((*AppliedNow())->graph, GraphDigest(graph_));
}

TEST_F(AppliedTest, AnEarlierPlanSaysNothing) {
  Apply("aa", {key_, file_});
  Apply("bb", {key_});
  setenv(kApplyVariable, "bb", 1);
  EXPECT_THAT(Refusal("etcd-1", "file/etcd-1/x"), HasSubstr("not in the plan that is applied"));
  for (const char* token : {"aa", "x", "../../etc/passwd", "\n"}) {
    setenv(kApplyVariable, token, 1);
    EXPECT_THAT(Refusal("shared", "ca/key"), HasSubstr("unset it")) << token;
    EXPECT_FALSE(AppliedNow().ok());
  }
}

TEST_F(AppliedTest, APartIsForItsHosts) {
  Limit limit;
  limit.names = {"etcd-1"};
  limit.steps = {{key_, {}, {}, {}}, {roll_, {}, {}, {"etcd-1"}}};
  Apply("aa", {key_, roll_}, &limit);
  setenv(kApplyVariable, "aa", 1);
  EXPECT_THAT(LeaveFor("shared", "rollout/etcd")->hosts, ElementsAre("etcd-1"));
  EXPECT_THAT((*AppliedNow())->limit, ElementsAre("etcd-1"));
}

TEST_F(AppliedTest, OneApplyAtATime) {
  absl::StatusOr<AppliedLock> lock = AppliedLock::Take();
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE(absl::IsUnavailable(AppliedLock::Take().status()));
}

TEST_F(AppliedTest, NobodyElseReadsIt) {
  Apply("aa", {key_});
  for (const std::string& path : {std::string(paths::kApplied), paths::AppliedShard("shared")}) {
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 077, 0u);
  }
}

TEST_F(AppliedTest, TokensAreNew) {
  EXPECT_EQ(NewToken()->size(), 32u);
  EXPECT_NE(*NewToken(), *NewToken());
}

TEST_F(AppliedTest, TheGraphsDigestSeesWhatDependsOnWhat) {
  Graph other;
  uint32_t shared = other.AddShard("shared"), host = other.AddShard("etcd-1");
  StepId key = other.AddStep(StepKind::kKey, shared, "ca/key", "{}", {});
  StepId file = other.AddStep(StepKind::kFile, host, "file/etcd-1/x", "{\"a\":1}", {}, {key});
  other.AddStep(StepKind::kRollout, shared, "rollout/etcd", "{}", {file});
  EXPECT_NE(GraphDigest(other), GraphDigest(graph_));
}

}  // namespace
}  // namespace kplan
