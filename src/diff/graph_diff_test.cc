#include "src/diff/graph_diff.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/lower/compile.h"
#include "src/show/plan_text.h"

namespace kplan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

std::string Example(const std::string& name) {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat("examples/", name, "/cluster.yaml"));
  EXPECT_TRUE(text.ok()) << text.status().message();
  return text.ok() ? *text : "";
}

class GraphDiffTest : public testing::Test {
 protected:
  // From OLD to the text in which FROM is TO.
  void Edit(const std::string& old, const std::string& from, const std::string& to,
            const SourceEdited& edited = nullptr) {
    Compare(old, absl::StrReplaceAll(old, {{from, to}}), edited);
    EXPECT_THAT(old, HasSubstr(from));
  }

  void Compare(const std::string& old, const std::string& now, const SourceEdited& edited = nullptr) {
    before_ = std::make_unique<SpecFile>(SpecFile::CompileText("old.yaml", old));
    after_ = std::make_unique<SpecFile>(SpecFile::CompileText("cluster.yaml", now));
    ASSERT_NE(before_->compiled(), nullptr) << before_->diagnostics().Format(false);
    ASSERT_NE(after_->compiled(), nullptr) << after_->diagnostics().Format(false);
    absl::StatusOr<SpecDiff> spec = SpecDiff::Between(old, now);
    ASSERT_TRUE(spec.ok());
    diff_ = DiffGraphs(before_->compiled()->graph, graph(), *spec, "cluster.yaml", edited);
  }

  const Graph& graph() const { return after_->compiled()->graph; }

  // "LABEL" and what is said of it, with its sign in front.
  std::map<std::string, std::string> Said() const {
    std::map<std::string, std::string> said;
    ViewOptions all;
    all.all = true;
    for (const PlanSection& section :
         MakePlanView(graph(), diff_.forecast, diff_.report, "cluster.yaml", all).sections) {
      for (const PlanLine& line : section.lines) {
        said[line.label] = absl::StrCat(std::string(1, line.sign), " ", line.what);
        for (const PlanLine& part : line.parts)
          said[part.label] = absl::StrCat(std::string(1, part.sign), " ", part.what);
      }
    }
    return said;
  }

  std::string Text() const {
    return PlanText(MakePlanView(graph(), diff_.forecast, diff_.report, "cluster.yaml"));
  }

  std::unique_ptr<SpecFile> before_, after_;
  GraphDiff diff_;
};

TEST_F(GraphDiffTest, TheSameTextIsNoDifference) {
  for (const char* name : {"tutorial", "cluster"}) {
    Compare(Example(name), Example(name));
    EXPECT_TRUE(diff_.report.empty());
    EXPECT_THAT(diff_.gone, IsEmpty());
    EXPECT_EQ(diff_.report.fresh, graph().steps().size());
  }
}

TEST_F(GraphDiffTest, CommentsAndOrderAreNone) {
  const std::string old = Example("tutorial");
  Compare(old, absl::StrCat("# another comment\n", old));
  EXPECT_TRUE(diff_.report.empty());
}

TEST_F(GraphDiffTest, AFlagRestarts) {
  const std::string old = absl::StrCat(Example("tutorial"), "  flags: {max-wals: 5}\n");
  Edit(old, "max-wals: 5", "max-wals: 10");
  const auto said = Said();
  EXPECT_THAT(said, Contains(Pair("service/worker/etcd", "! restarts: flag --max-wals 5 -> 10")));
  EXPECT_THAT(said, Contains(Pair("unit/worker/etcd", HasSubstr("flag --max-wals 5 -> 10"))));
  EXPECT_THAT(said, Contains(Pair("verify/etcd", "? proves it again")));
  EXPECT_EQ(diff_.report.restarts, 1u);
  EXPECT_THAT(Text(), HasSubstr("because etcd.flags.max-wals: 5 -> 10 (cluster.yaml:"));
  EXPECT_THAT(Text(), HasSubstr("3 changes, 1 to check, 1 restart, 13 the same\n"));
}

TEST_F(GraphDiffTest, ANameOfACertificateRestartsNothing) {
  Edit(Example("tutorial"), "hosts: [worker, ", "hosts: [worker, etcd.example.com, ");
  const auto said = Said();
  EXPECT_THAT(said, Contains(Pair("cert/kubernetes", "~ SAN + dns etcd.example.com")));
  EXPECT_THAT(said, Contains(Pair("service/worker/etcd", HasSubstr("= keeps running"))));
  EXPECT_EQ(diff_.report.restarts, 0u);
}

TEST_F(GraphDiffTest, AMemberMore) {
  const std::string old = Example("cluster");
  Compare(old,
          absl::StrReplaceAll(old, {{"members: [etcd-1, etcd-2, etcd-3]", "members: [etcd-1, etcd-2]"}}));
  EXPECT_THAT(diff_.gone, Not(IsEmpty()));
  EXPECT_THAT(diff_.gone, Contains(HasSubstr("etcd-3")));
}

TEST_F(GraphDiffTest, ANewKindOfKeyMakesAllAnew) {
  Edit(Example("tutorial"), "  kubernetes:", "  kubernetes:\n    key: {algo: ecdsa, size: 256}");
  const auto said = Said();
  EXPECT_THAT(said, Contains(Pair("key/kubernetes", "~ key rsa 2048 -> a new ecdsa 256 key")));
  EXPECT_THAT(said, Contains(Pair("cert/kubernetes", "~ usage - key encipherment, key + a new key")));
}

TEST_F(GraphDiffTest, EveryDifferenceOfRecordsIsTold) {
  // Whatever the edit: a step is in the difference exactly when its record is another one and its artifact
  // with it, or what it is made from; so no step whose record stays and whose inputs stay is in it.
  const std::string old = Example("cluster");
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"8760h", "720h"}, {"etcd-1", "etcd-9"}, {"quota-backend-bytes", "snapshot-count"}}) {
    const std::string now = absl::StrReplaceAll(old, {{from, to}});
    if (now == old) continue;
    SpecFile compiled = SpecFile::CompileText("cluster.yaml", now);
    if (compiled.compiled() == nullptr) continue;
    Compare(old, now);
    std::map<std::string, std::string> digests;
    for (const Step& step : before_->compiled()->graph.steps())
      digests[step.label] = std::string(step.digest());
    for (StepId id = 0; id < graph().steps().size(); ++id) {
      const Step& step = graph().steps()[id];
      const bool same = digests.count(step.label) > 0 && digests[step.label] == step.digest();
      const bool inputs_same = std::none_of(step.inputs.begin(), step.inputs.end(), [&](StepId input) {
        return diff_.forecast.steps[input].changes_digest;
      });
      if (!same || !inputs_same) continue;
      EXPECT_EQ(diff_.forecast.steps[id].fate, Fate::kFresh) << step.label;
    }
  }
}

}  // namespace
}  // namespace kplan
