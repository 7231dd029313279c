#include "src/show/graph_view.h"

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "src/show/graph_testing.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(GraphView, HasHostsStagesStatesAndEdges) {
  GraphSample sample;
  GraphView view = sample.View();
  EXPECT_THAT(view.hosts, ElementsAre("shared", "worker"));
  ASSERT_EQ(view.nodes.size(), 7u);
  const GraphNode& file = view.nodes[sample.file];
  EXPECT_EQ(file.label, "file/worker/etc/web.pem");
  EXPECT_EQ(file.host, 1u);
  EXPECT_EQ(file.stage, 9);
  EXPECT_EQ(file.state, StepState::kStale);
  EXPECT_THAT(file.inputs, ElementsAre(sample.leaf));
  EXPECT_THAT(file.after, IsEmpty());
  EXPECT_THAT(view.nodes[sample.service].after, ElementsAre(sample.folder));
  EXPECT_EQ(view.nodes[sample.key].state, StepState::kFresh);
  EXPECT_EQ(view.nodes[sample.folder].state, StepState::kFailed);
  EXPECT_EQ(view.nodes[sample.service].state, StepState::kWaiting);
}

TEST(GraphView, SaysWhy) {
  GraphSample sample;
  sample.forecast.steps[sample.verdict].fate = Fate::kFail;
  GraphView view = sample.View();
  EXPECT_THAT(view.nodes[sample.key].reasons, IsEmpty());
  EXPECT_THAT(view.nodes[sample.leaf].reasons, ElementsAre("SAN differs: added dns b", "its record changed"));
  EXPECT_THAT(view.nodes[sample.file].reasons, ElementsAre("cert/web changes"));
  EXPECT_THAT(view.nodes[sample.folder].reasons, ElementsAre("failed the last time: no space left"));
  EXPECT_THAT(view.nodes[sample.service].reasons,
              ElementsAre("never ran", "waits: behind dir/worker/var/lib/web"));
  EXPECT_THAT(view.nodes[sample.verdict].reasons,
              ElementsAre("never ran", "would fail: behind dir/worker/var/lib/web"));
}

TEST(GraphView, DriftAndTimeSpeakForThemselvesOnlyWhenNothingElseDoes) {
  GraphSample sample;
  StepForecast& step = sample.forecast.steps[sample.file];
  step.causes = {{Cause::Kind::kDrift, 0}, {Cause::Kind::kTime, 0}, {Cause::Kind::kStamp, 0}};
  EXPECT_THAT(sample.View().nodes[sample.file].reasons,
              ElementsAre("not as it was left", "due", "the notes of its last run are gone"));
  step.reasons = {{"mode", "mode is 0644, should be 0600"}};
  EXPECT_THAT(sample.View().nodes[sample.file].reasons,
              ElementsAre("mode is 0644, should be 0600", "the notes of its last run are gone"));
}

TEST(GraphView, TellsAnInputThatChangedFromOneThatWill) {
  GraphSample sample;
  sample.forecast.steps[sample.leaf].changes_digest = false;
  EXPECT_THAT(sample.View().nodes[sample.file].reasons, ElementsAre("cert/web changed since it ran"));
}

TEST(GraphView, HasTheLastRun) {
  GraphSample sample;
  GraphView view = sample.View();
  EXPECT_EQ(view.nodes[sample.key].last_run, 1769770000000);
  EXPECT_EQ(view.nodes[sample.key].last_run_result, "missing");
  EXPECT_EQ(view.nodes[sample.folder].last_run_result, "failed: no space left");
  EXPECT_EQ(view.nodes[sample.leaf].last_run, 0);
}

TEST(GraphView, ReasonsAreCleanText) {
  GraphSample sample;
  sample.forecast.steps[sample.leaf].reasons = {
      {"x", "a\x1b[31m \xff\xfe \xe2\x80\xae \xc2\x9b\n\t\xc3\xa9"}};
  EXPECT_EQ(sample.View().nodes[sample.leaf].reasons[0], "a\uFFFD[31m \uFFFD\uFFFD \uFFFD \uFFFD\n\t\u00E9");
}

TEST(GraphView, OfAPartHasItsHostsAndItsEdgesOnly) {
  GraphSample sample;
  GraphView view = MakeGraphView(sample.graph, sample.forecast, {sample.file, sample.service}, absl::Now());
  EXPECT_THAT(view.hosts, ElementsAre("worker"));
  ASSERT_EQ(view.nodes.size(), 2u);
  EXPECT_THAT(view.nodes[0].inputs, IsEmpty());
  EXPECT_THAT(view.nodes[1].inputs, ElementsAre(0));
  EXPECT_THAT(view.nodes[1].after, IsEmpty());
}

TEST(StepsAround, GoesBothWaysButNotSideways) {
  GraphSample sample;
  EXPECT_THAT(StepsAround(sample.graph, {sample.file}),
              ElementsAre(sample.key, sample.ca, sample.leaf, sample.file, sample.service, sample.verdict));
  // Over an order-only edge, too; and what the service is made from is no affair of the folder's.
  EXPECT_THAT(StepsAround(sample.graph, {sample.folder}),
              ElementsAre(sample.folder, sample.service, sample.verdict));
  EXPECT_THAT(StepsAround(sample.graph, {}), IsEmpty());
}

TEST(FindSteps, FindsLabelsAndGroups) {
  GraphSample sample;
  EXPECT_THAT(*FindSteps(sample.graph, "cert/web"), ElementsAre(sample.leaf));
  EXPECT_THAT(*FindSteps(sample.graph, "worker"), ElementsAre(sample.file, sample.folder, sample.service));
}

TEST(FindSteps, SuggestsWhatWasMeant) {
  GraphSample sample;
  absl::StatusOr<std::vector<StepId>> found = FindSteps(sample.graph, "cert/wed");
  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(found.status().message(),
            "there is no artifact and no group \"cert/wed\"; did you mean \"cert/web\"?");
  EXPECT_EQ(FindSteps(sample.graph, "something").status().message(),
            "there is no artifact and no group \"something\"");
}

TEST(Stages, AnInputIsNeverInALaterStage) {
  GraphSample sample;
  GraphView view = sample.View();
  for (const GraphNode& node : view.nodes) {
    for (uint32_t input : node.inputs) EXPECT_LE(view.nodes[input].stage, node.stage) << node.label;
  }
}

TEST(GraphView, TellsWhatServicesFeel) {
  GraphSample sample;
  sample.forecast.steps[sample.service].starts = true;
  sample.forecast.steps[sample.service].restarts = true;
  // A step about several: what is felt most stands for it, and a host that it leaves alone is not told.
  sample.forecast.steps[sample.verdict].services.resize(3);
  ServiceOutlook* services = sample.forecast.steps[sample.verdict].services.data();
  services[0].host = "a", services[0].service = "etcd", services[0].starts = true;
  services[1].host = "b", services[1].service = "etcd", services[1].reloads = true;
  services[2].host = "c", services[2].service = "etcd";
  const GraphView view = sample.View();
  EXPECT_EQ(view.nodes[sample.leaf].effect, Effect::kNone);
  EXPECT_EQ(view.nodes[sample.service].effect, Effect::kRestart);
  EXPECT_TRUE(view.nodes[sample.service].touches.empty());
  const GraphNode& several = view.nodes[sample.verdict];
  EXPECT_EQ(several.effect, Effect::kReload);
  ASSERT_EQ(several.touches.size(), 2u);
  EXPECT_EQ(several.touches[0].service, "etcd on a");
  EXPECT_EQ(several.touches[0].effect, Effect::kStart);
  EXPECT_EQ(several.touches[1].service, "etcd on b");
}

TEST(GraphView, SaysWhatEachHostIsFor) {
  GraphSample sample;
  const uint32_t other = sample.graph.AddShard("other");
  for (const char* label :
       {"unit/other/web", "unit/other/api", "unit/other/backup.timer", "service/other/api"}) {
    const StepKind kind = absl::StartsWith(label, "unit") ? StepKind::kUnit : StepKind::kService;
    sample.graph.AddStep(kind, other, label, "{}", {});
    sample.forecast.steps.emplace_back();
  }
  sample.forecast.journals.emplace_back();
  const GraphView view = sample.View();
  EXPECT_THAT(view.hosts, ElementsAre("shared", "worker", "other"));
  EXPECT_THAT(view.roles, ElementsAre("", "web", "api, web"));
}

}  // namespace
}  // namespace kplan
