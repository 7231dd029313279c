#include "src/show/graph_testing.h"

#include <stdlib.h>

#include <numeric>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace kplan {

GraphSample::GraphSample() {
  // The host first: the view puts what hosts share before it.
  const uint32_t worker = graph.AddShard("worker");
  const uint32_t shared = graph.AddShard("shared");
  key = graph.AddStep(StepKind::kKey, shared, "ca/key", R"({"kind":"key"})", {});
  ca = graph.AddStep(StepKind::kCaCert, shared, "ca/cert", R"({"kind":"ca-cert"})", {key});
  leaf = graph.AddStep(StepKind::kCert, shared, "cert/web", R"({"hosts":["a","b"],"kind":"cert"})", {ca});
  file = graph.AddStep(StepKind::kFile, worker, "file/worker/etc/web.pem", R"({"kind":"install"})", {leaf});
  folder = graph.AddStep(StepKind::kDir, worker, "dir/worker/var/lib/web", R"({"kind":"dir"})", {});
  service = graph.AddStep(StepKind::kService, worker, "service/worker/web", R"({"kind":"service"})", {file},
                          {folder});
  verdict = graph.AddStep(StepKind::kVerify, shared, "verify/web", R"({"kind":"verify"})", {service});
  graph.AddToGroup("worker", file);
  graph.AddToGroup("worker", service);
  graph.AddToGroup("worker", folder);

  forecast.steps.resize(graph.steps().size());
  StepForecast& changed = forecast.steps[leaf];
  changed.fate = Fate::kChange;
  changed.changes_digest = true;
  changed.causes = {{Cause::Kind::kSpec, 0}};
  changed.reasons = {{"names", "SAN differs: added dns b"}};
  forecast.steps[file].fate = Fate::kChange;
  forecast.steps[file].causes = {{Cause::Kind::kInput, leaf}};
  forecast.steps[folder].fate = Fate::kChange;
  forecast.steps[folder].causes = {{Cause::Kind::kFailed, 0}};
  for (StepId step : {service, verdict}) {
    forecast.steps[step].fate = Fate::kWait;
    forecast.steps[step].causes = {{Cause::Kind::kFirst, 0}};
    forecast.steps[step].failure = "behind dir/worker/var/lib/web";
  }
  // By the journal's own functions: its form is nobody else's business.
  for (const std::string& shard : {std::string("worker"), std::string("shared")}) {
    std::string folder = testing::TempDir() + "/graph-XXXXXX";
    EXPECT_NE(mkdtemp(&folder[0]), nullptr);
    JournalEntry entry;
    entry.at = 1769770000000;  // 2026-01-30 10:46:40 UTC
    entry.failed = shard == "worker";
    entry.label = entry.failed ? "dir/worker/var/lib/web" : "ca/key";
    entry.reason = entry.failed ? "no space left" : "missing";
    EXPECT_TRUE(AppendEntry(folder + "/journal", entry).ok());
    forecast.journals.push_back(Journal::Read(folder + "/journal"));
  }
}

GraphView GraphSample::View() const {
  std::vector<StepId> all(graph.steps().size());
  std::iota(all.begin(), all.end(), 0);
  return MakeGraphView(graph, forecast, all, absl::FromUnixSeconds(1769860800));
}

std::string GraphText(void (*write)(const GraphView&, TextSink), const GraphView& view) {
  std::string text;
  write(view, [&text](absl::string_view piece) { absl::StrAppend(&text, piece); });
  return text;
}

}  // namespace kplan
