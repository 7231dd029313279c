#include "src/look/limited_forecast.h"

#include "gmock/gmock.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ServiceOutlook Restarting(const std::string& host, const std::string& why) {
  ServiceOutlook service;
  service.host = host;
  service.service = "etcd";
  service.restarts = true;
  service.reasons = {{"flags", why}};
  return service;
}

// A key, and a rollout that would restart two members and start a third.
class LimitedForecastTest : public testing::Test {
 protected:
  void SetUp() override {
    const uint32_t shard = graph_.AddShard("shared");
    graph_.AddStep(StepKind::kKey, shard, "ca/key", "{}", {});
    graph_.AddStep(StepKind::kRollout, shard, "rollout/etcd", "{}", {0});
    graph_.AddStep(StepKind::kVerify, shard, "verify/etcd", "{}", {1});
    forecast_.steps.resize(3);
    StepForecast& roll = forecast_.steps[1];
    roll.fate = Fate::kChange;
    roll.restarts = roll.starts = true;
    roll.note = "after a snapshot";
    roll.reasons = {{"flags", "flags changed"}, {"not-running", "was not running"}};
    roll.services = {Restarting("a", "flags changed"), Restarting("b", "unit changed"), Restarting("c", "")};
    roll.services[2].restarts = false;
    roll.services[2].starts = true;
    roll.services[2].reasons = {{"not-running", "was not running"}};
    forecast_.steps[2].fate = Fate::kCheck;
    limit_.steps = {{0, {}, {}, {}}, {1, {0}, {}, {"b"}}};
  }

  StepForecast& Kept() {
    KeepNamedServices(limit_, &forecast_);
    return forecast_.steps[1];
  }

  Graph graph_;
  Limit limit_;
  Forecast forecast_;
};

TEST_F(LimitedForecastTest, OnlyTheNamedAreRestarted) {
  const StepForecast& roll = Kept();
  EXPECT_EQ(roll.fate, Fate::kChange);
  EXPECT_TRUE(roll.restarts && !roll.starts);
  ASSERT_EQ(roll.services.size(), 1u);
  EXPECT_EQ(roll.services[0].host, "b");
  EXPECT_EQ(Join(roll.reasons), "unit changed");
  EXPECT_EQ(roll.note, "after a snapshot");
}

TEST_F(LimitedForecastTest, NoSnapshotForAStart) {
  limit_.steps[1].hosts = {"c"};
  const StepForecast& roll = Kept();
  EXPECT_TRUE(roll.starts && !roll.restarts);
  EXPECT_EQ(roll.note, "");
}

TEST_F(LimitedForecastTest, WithNothingLeftItIsFresh) {
  limit_.steps[1].hosts = {"d"};
  EXPECT_EQ(Kept().fate, Fate::kFresh);
}

TEST_F(LimitedForecastTest, WhatWouldFailStillWould) {
  for (Fate fate : {Fate::kFail, Fate::kWait, Fate::kUnknown}) {
    forecast_.steps[1].fate = fate;
    forecast_.steps[1].failure = "behind survey/etcd";
    limit_.steps[1].hosts = {"d"};
    EXPECT_EQ(Kept().fate, fate);
    EXPECT_EQ(Kept().failure, "behind survey/etcd");
  }
}

TEST_F(LimitedForecastTest, AWholeStepStaysAsItIs) {
  limit_.steps[1].hosts.clear();
  EXPECT_EQ(Kept().services.size(), 3u);
}

TEST_F(LimitedForecastTest, WhatIsOwed) {
  const Owed owed = OwedBy(graph_, limit_, forecast_);
  EXPECT_EQ(owed.steps, 2u) << "the rollout, for the others, and the verdict";
  EXPECT_THAT(owed.services, ElementsAre("service/a/etcd", "service/c/etcd"));
  EXPECT_EQ(owed.Text(), "2 steps; to be started or restarted: service/a/etcd, service/c/etcd");
  forecast_.steps[2].fate = Fate::kUnknown;
  EXPECT_EQ(OwedBy(graph_, limit_, forecast_).unknown, 1u);
}

TEST_F(LimitedForecastTest, NothingIsOwedWhenAllIsIn) {
  limit_.steps = {{0, {}, {}, {}}, {1, {0}, {}, {}}, {2, {1}, {}, {}}};
  const Owed owed = OwedBy(graph_, limit_, forecast_);
  EXPECT_TRUE(owed.empty());
  EXPECT_THAT(owed.services, IsEmpty());
}

}  // namespace
}  // namespace kplan
