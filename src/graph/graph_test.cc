#include "src/graph/graph.h"

#include "gtest/gtest.h"
#include "src/base/digest.h"
#include "src/base/record.h"

namespace kplan {
namespace {

TEST(Graph, KeepsOneRecordALine) {
  Graph graph;
  uint32_t shared = graph.AddShard("shared");
  StepId key = graph.AddStep(StepKind::kKey, shared, "ca/key", "{\"a\":1}", {});
  graph.AddStep(StepKind::kCaCert, shared, "ca/cert", "{\"b\":2}", {key});
  ASSERT_TRUE(graph.Finish().ok());
  EXPECT_EQ(graph.ShardText(graph.shards()[0]), "{\n\"ca/key\":{\"a\":1},\n\"ca/cert\":{\"b\":2}\n}\n");
  EXPECT_TRUE(ParseRecord(graph.ShardText(graph.shards()[0])).ok());
  EXPECT_EQ(graph.steps()[0].digest(), Sha256Hex("{\"a\":1}"));
  EXPECT_EQ(graph.Leaves(), std::vector<StepId>{1});
}

TEST(Graph, AnOrderOnlyInputIsNoLeaf) {
  Graph graph;
  uint32_t shared = graph.AddShard("shared");
  StepId a = graph.AddStep(StepKind::kKey, shared, "a", "{}", {});
  graph.AddStep(StepKind::kKey, shared, "b", "{}", {}, {a});
  ASSERT_TRUE(graph.Finish().ok());
  EXPECT_EQ(graph.Leaves(), std::vector<StepId>{1});
}

TEST(Graph, RefusesTwoMakers) {
  Graph graph;
  uint32_t shared = graph.AddShard("shared");
  graph.AddStep(StepKind::kKey, shared, "ca/key", "{}", {});
  graph.AddStep(StepKind::kKey, shared, "ca/key", "{}", {});
  EXPECT_EQ(graph.Finish().message(), "two steps make ca/key");
}

TEST(Graph, RefusesALabelThatIsAFolderOfLabels) {
  Graph graph;
  uint32_t shared = graph.AddShard("shared");
  graph.AddStep(StepKind::kKey, shared, "file/w/a/b/c", "{}", {});
  graph.AddStep(StepKind::kKey, shared, "file/w/a", "{}", {});
  EXPECT_EQ(graph.Finish().message(), "file/w/a is a label and a folder of labels");
}

TEST(Graph, RefusesAnInputThatComesLater) {
  Graph graph;
  uint32_t shared = graph.AddShard("shared");
  graph.AddStep(StepKind::kKey, shared, "a", "{}", {1});
  graph.AddStep(StepKind::kKey, shared, "b", "{}", {});
  EXPECT_FALSE(graph.Finish().ok());
}

TEST(Graph, RefusesAGroupWithALabelsName) {
  Graph graph;
  uint32_t shared = graph.AddShard("shared");
  StepId a = graph.AddStep(StepKind::kKey, shared, "pki", "{}", {});
  graph.AddToGroup("pki", a);
  EXPECT_FALSE(graph.Finish().ok());
}

}  // namespace
}  // namespace kplan
