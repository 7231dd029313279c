#include "src/ninja/ninja_file.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

std::string NinjaFileFor(const Graph& graph, const NinjaOptions& options) {
  std::string text;
  WriteNinjaFile(graph, options, [&](absl::string_view piece) { text.append(piece.data(), piece.size()); });
  return text;
}

TEST(EscapeNinjaPath, EscapesWhatSplitsOrExpands) {
  EXPECT_EQ(EscapeNinjaPath("a/b-c"), "a/b-c");
  EXPECT_EQ(EscapeNinjaPath("a b:c$d"), "a$ b$:c$$d");
}

TEST(NinjaFile, IsTheStampPattern) {
  Graph graph;
  uint32_t shared = graph.AddShard("shared");
  uint32_t worker = graph.AddShard("worker");
  StepId archive = graph.AddStep(StepKind::kArchive, shared, "archive/etcd", "{}", {});
  StepId file = graph.AddStep(StepKind::kFile, worker, "file/worker/etc/x", "{\"a\":1}", {archive});
  StepId service =
      graph.AddStep(StepKind::kService, worker, "service/worker/etcd", "{\"a\":2}", {archive}, {file});
  graph.AddWait(service, "a$b:1 answers\n, 90 s at most");
  graph.AddToGroup("worker", file);
  ASSERT_TRUE(graph.Finish().ok());
  std::string digests[3];
  for (int i = 0; i < 3; ++i) digests[i] = std::string(graph.steps()[i].digest());
  EXPECT_EQ(NinjaFileFor(graph, {"/usr/bin/kplan", "cluster.yaml"}),
            "# Written by kplan from cluster.yaml; do not edit.\n"
            "ninja_required_version = 1.10\n"
            "builddir = .kplan\n"
            "kplan = /usr/bin/kplan\n"
            "\n"
            "rule gen\n"
            "  command = $kplan gen --from-ninja --kplan $kplan $in\n"
            "  description = LOOK $in\n"
            "  generator = 1\n"
            "  restat = 1\n"
            "build .kplan/gen.stamp: gen cluster.yaml | .kplan/always\n"
            "build .kplan/always: phony\n"
            "build build.ninja: phony .kplan/gen.stamp\n"
            "\n"
            "rule step\n"
            "  command = $kplan step $shard $label $digest\n"
            "  description = $verb $label$wait\n"
            "  depfile = .kplan/deps/$label\n"
            "  deps = gcc\n"
            "  restat = 1\n"
            "\n"
            "build .kplan/stamps/archive/etcd: step\n"
            "  label = archive/etcd\n"
            "  shard = .kplan/steps/shared.json\n"
            "  digest = " +
                digests[0] +
                "\n"
                "  verb = FETCH\n"
                "  pool = console\n"
                "build archive/etcd: phony .kplan/stamps/archive/etcd\n"
                "\n"
                "build .kplan/stamps/file/worker/etc/x: step | .kplan/stamps/archive/etcd\n"
                "  label = file/worker/etc/x\n"
                "  shard = .kplan/steps/worker.json\n"
                "  digest = " +
                digests[1] +
                "\n"
                "  verb = INSTALL\n"
                "build file/worker/etc/x: phony .kplan/stamps/file/worker/etc/x\n"
                "\n"
                "build .kplan/stamps/service/worker/etcd: step | .kplan/stamps/archive/etcd || "
                ".kplan/stamps/file/worker/etc/x\n"
                "  label = service/worker/etcd\n"
                "  shard = .kplan/steps/worker.json\n"
                "  digest = " +
                digests[2] +
                "\n"
                "  verb = SERVICE\n"
                "  wait = $ (until a$$b:1 answers?, 90 s at most)\n"
                "build service/worker/etcd: phony .kplan/stamps/service/worker/etcd\n"
                "\n"
                "build worker: phony .kplan/stamps/file/worker/etc/x\n"
                "build all: phony .kplan/stamps/service/worker/etcd\n"
                "default all\n");
}

TEST(NinjaFile, StepsThatContactAHostShareAPool) {
  Graph graph;
  uint32_t shard = graph.AddShard("etcd-1");
  StepId host = graph.AddStep(StepKind::kHost, shard, "host/etcd-1", "{}", {});
  graph.AddContact(host);
  StepId render = graph.AddStep(StepKind::kRender, shard, "render/etcd-1/x", "{}", {});
  StepId rollout = graph.AddStep(StepKind::kRollout, shard, "rollout/etcd", "{}", {host, render});
  graph.AddWait(rollout, "every member is healthy");
  graph.AddContact(rollout);
  std::string text = NinjaFileFor(graph, {"/usr/bin/kplan", "cluster.yaml"});
  EXPECT_NE(text.find("\npool hosts\n  depth = 8\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  verb = HOST\n  pool = hosts\nbuild host/etcd-1"), std::string::npos) << text;
  EXPECT_NE(text.find("  verb = RENDER\nbuild render/"), std::string::npos) << text;
  // It tells of each member at once.
  EXPECT_NE(text.find("  verb = ROLL\n  wait = $ (until every member is healthy)\n  pool = console\nbuild "),
            std::string::npos)
      << text;
}

// Two members, of which one is done; what proves both, and somebody who comes after that.
TEST(NinjaFile, APartOfTheGraph) {
  Graph graph;
  const uint32_t shared = graph.AddShard("shared"), one = graph.AddShard("a"), other = graph.AddShard("b");
  const StepId file = graph.AddStep(StepKind::kFile, one, "file/a/x", "{}", {});
  const StepId left_out = graph.AddStep(StepKind::kFile, other, "file/b/x", "{}", {});
  const StepId roll = graph.AddStep(StepKind::kRollout, shared, "rollout/etcd", "{}", {file, left_out});
  graph.AddWait(roll, "all serve");
  const StepId proof = graph.AddStep(StepKind::kVerify, shared, "verify/etcd", "{}", {roll});
  const StepId web = graph.AddStep(StepKind::kService, one, "service/a/web", "{}", {file}, {proof});
  ASSERT_TRUE(graph.Finish().ok());
  Limit limit;
  limit.names = {"a"};
  limit.steps = {{file, {}, {}, {}}, {roll, {file}, {}, {"a"}}, {web, {file}, {roll}, {}}};
  NinjaOptions options = {"/usr/bin/kplan", "cluster.yaml"};
  options.limit = &limit;
  const std::string text = NinjaFileFor(graph, options),
                    whole = NinjaFileFor(graph, {"/usr/bin/kplan", "cluster.yaml"});
  auto has = [&](absl::string_view part) { return text.find(std::string(part)) != std::string::npos; };
  EXPECT_TRUE(has("build .kplan/limit.ninja: phony .kplan/gen.stamp\n")) << text;
  EXPECT_FALSE(has("build build.ninja:"));
  // Ninja keeps what it knows of all steps; the whole rollout is as ever, and nobody asks for it.
  EXPECT_TRUE(has("build .kplan/stamps/rollout/etcd: step | .kplan/stamps/file/a/x .kplan/stamps/file/b/x\n"))
      << text;
  EXPECT_TRUE(has("build .kplan/stamps/file/b/x: step\n"));
  EXPECT_TRUE(
      has("build .kplan/partial/rollout/etcd: part | .kplan/stamps/file/a/x\n  label = rollout/etcd\n"))
      << text;
  EXPECT_TRUE(has(
      "rule part\n  command = $kplan step $shard $label $digest\n  description = $verb $label$wait\nbuild "));
  EXPECT_TRUE(has(
      "build .kplan/stamps/service/a/web: step | .kplan/stamps/file/a/x || .kplan/partial/rollout/etcd\n"))
      << text;
  EXPECT_TRUE(has("build all: phony .kplan/stamps/service/a/web\ndefault all\n")) << text;
  // What ninja compares with its log is the same in both.
  for (const Step& step : graph.steps()) {
    const std::string values = absl::StrCat("  digest = ", step.digest(), "\n");
    EXPECT_NE(whole.find(values), std::string::npos);
    EXPECT_TRUE(has(values));
  }
}

TEST(NinjaFile, TheStubCanOnlyGenerate) {
  std::string stub = NinjaStub({"/usr/bin/kplan", "cluster.yaml"});
  EXPECT_NE(stub.find("build build.ninja: phony .kplan/gen.stamp\n"), std::string::npos);
  EXPECT_EQ(stub.find("rule step"), std::string::npos);
}

}  // namespace
}  // namespace kplan
