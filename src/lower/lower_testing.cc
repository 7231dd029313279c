#include "src/lower/lower_testing.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "src/lower/lower.h"
#include "src/model/resolve.h"
#include "src/spec/spec.h"

namespace kplan {

Graph GraphOf(const std::string& text) {
  SourceFile source("cluster.yaml", text);
  Diagnostics diagnostics(&source);
  Spec spec;
  EXPECT_TRUE(ReadSpec(&diagnostics, &spec));
  Cluster cluster = Resolve(spec, &diagnostics);
  EXPECT_EQ(diagnostics.Format(false), "");
  absl::StatusOr<Graph> graph = Lower(cluster);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::map<std::string, std::string> InputsOf(const Graph& graph) {
  std::map<std::string, std::string> inputs;
  for (const Step& step : graph.steps()) {
    std::string& text = inputs[step.label];
    for (StepId input : step.inputs) absl::StrAppend(&text, " ", graph.steps()[input].label);
    if (!step.after.empty()) text += " ||";
    for (StepId input : step.after) absl::StrAppend(&text, " ", graph.steps()[input].label);
  }
  return inputs;
}

std::set<std::string> Changed(const Graph& a, const Graph& b) {
  std::map<std::string, std::string> old;
  for (const Step& step : a.steps()) old[step.label] = std::string(step.digest());
  std::set<std::string> changed;
  for (const Step& step : b.steps()) {
    if (old[step.label] != step.digest()) changed.insert(step.label);
  }
  return changed;
}

Json RecordOf(const Graph& graph, const std::string& label) {
  for (const Step& step : graph.steps()) {
    if (step.label == label) return Json::parse(step.record);
  }
  ADD_FAILURE() << "there is no step " << label;
  return Json();
}

}  // namespace kplan
