#include "src/apply/saved_plan.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "src/apply/applied.h"
#include "src/base/files.h"
#include "src/base/paths.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr char kSecret[] = "{\"content\":\"hunter2\"}";

class SavedPlanTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "/saved-XXXXXX";
    ASSERT_NE(mkdtemp(&folder[0]), nullptr);
    ASSERT_EQ(chdir(folder.c_str()), 0);
    const uint32_t shared = graph_.AddShard("shared"), host = graph_.AddShard("web");
    const StepId source = graph_.AddStep(StepKind::kSource, shared, "source/web/conf",
                                         "{\"kind\":\"source\",\"path\":\"conf\"}", {});
    const StepId text = graph_.AddStep(StepKind::kRender, host, "render/web/secret", kSecret, {});
    graph_.AddSecret(text);
    graph_.AddStep(StepKind::kService, host, "service/web/web", "{}", {source, text});
    forecast_.steps.resize(3);
    forecast_.steps[0].fate = Fate::kChange;
    forecast_.steps[0].reasons = {{"content", "conf was edited"}};
    forecast_.steps[2].fate = Fate::kChange;
    forecast_.steps[2].restarts = true;
    forecast_.steps[2].reasons = {{"flags", "flags changed"}};
    forecast_.steps[2].changes = {{"flag --x", "1", "2"}};
    ASSERT_TRUE(WriteFile("conf", "one", 0644).ok());
  }

  SavedPlan Make() {
    absl::StatusOr<PlanKey> key = PlanKey::Make();
    EXPECT_TRUE(key.ok()) << key.status();
    SavedPlan plan = MakeSavedPlan(graph_, forecast_, GraphDigest(graph_), *key);
    plan.kplan = "0.1.0";
    plan.spec = "cluster.yaml";
    plan.limit = {"web"};
    return plan;
  }

  Graph graph_;
  Forecast forecast_;
};

TEST_F(SavedPlanTest, IsReadAsItWasWritten) {
  const SavedPlan plan = Make();
  ASSERT_TRUE(WriteSavedPlan("p", plan).ok());
  struct stat info;
  ASSERT_EQ(stat("p", &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(IsSavedPlan("p"));
  absl::StatusOr<SavedPlan> read = ReadSavedPlan("p");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(SavedPlanText(*read), SavedPlanText(plan));
  EXPECT_THAT(DifferencesOf(*read, Make()), IsEmpty());
  EXPECT_THAT(read->limit, ElementsAre("web"));
  EXPECT_EQ(read->steps[2].what, "restarts, flags changed, flag --x 1 -> 2");
  ASSERT_TRUE(WriteSavedPlan("p", plan).ok()) << "one may be written over";
}

TEST_F(SavedPlanTest, HoldsNoSecretAndNoDigestOfOne) {
  const std::string text = SavedPlanText(Make());
  EXPECT_THAT(text, Not(HasSubstr("hunter2")));
  EXPECT_THAT(text, Not(HasSubstr(std::string(graph_.steps()[1].digest()))));
  EXPECT_THAT(text, HasSubstr(std::string(graph_.steps()[2].digest())));
}

TEST_F(SavedPlanTest, CutShortAnywhereItIsNone) {
  const std::string text = SavedPlanText(Make());
  for (size_t size = 0; size < text.size(); ++size) {
    absl::StatusOr<SavedPlan> plan = ParseSavedPlan("p", absl::string_view(text).substr(0, size));
    ASSERT_FALSE(plan.ok()) << size;
    EXPECT_THAT(std::string(plan.status().message()), StartsWith("p:")) << size;
  }
}

TEST_F(SavedPlanTest, ALineThatIsGoneIsMissed) {
  const std::vector<std::string> lines = absl::StrSplit(SavedPlanText(Make()), '\n', absl::SkipEmpty());
  for (size_t gone = 0; gone < lines.size(); ++gone) {
    std::string text;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i != gone) absl::StrAppend(&text, lines[i], "\n");
    }
    EXPECT_FALSE(ParseSavedPlan("p", text).ok()) << gone;
  }
}

TEST_F(SavedPlanTest, BadOnesSayWhere) {
  const std::string good = SavedPlanText(Make());
  const std::string first = good.substr(0, good.find('\n') + 1);
  auto error = [&](const std::string& text) {
    absl::StatusOr<SavedPlan> plan = ParseSavedPlan("p", text);
    EXPECT_FALSE(plan.ok()) << text;
    return std::string(plan.status().message());
  };
  EXPECT_THAT(error("apiVersion: kplan.dev/v1\n"), StartsWith("p:1: this is no saved plan"));
  EXPECT_THAT(error(first + "{\"label\":1}\n"), StartsWith("p:2: "));
  EXPECT_THAT(error(first + "[[[[[[[[]]]]]]]]\n"), StartsWith("p:2: JSON of more than"));
  EXPECT_THAT(error(first + std::string(SavedPlan::kMaxLine + 1, ' ') + "\n"), StartsWith("p:2: the line"));
  EXPECT_THAT(error(first + "\xff\n"), StartsWith("p:2: "));
  EXPECT_THAT(error(good + "x"), HasSubstr("behind the end"));
  std::string newer = good;
  newer.replace(newer.find("\"kplan-plan\":1"), 14, "\"kplan-plan\":9");
  EXPECT_THAT(error(newer), HasSubstr("of version 9"));
}

TEST_F(SavedPlanTest, NothingElseIsWrittenOver) {
  for (const char* content : {"", "hosts: {}\n", "{\"graph\":1}"}) {
    ASSERT_TRUE(WriteFile("mine", content, 0644).ok());
    EXPECT_TRUE(absl::IsAlreadyExists(WriteSavedPlan("mine", Make()))) << content;
    EXPECT_EQ(*ReadFile("mine"), content);
  }
  ASSERT_TRUE(WriteSavedPlan("p", Make()).ok());
  ASSERT_EQ(symlink("p", "link"), 0);
  EXPECT_TRUE(absl::IsAlreadyExists(WriteSavedPlan("link", Make())));
  EXPECT_FALSE(WriteSavedPlan("/dev/full", Make()).ok());
}

TEST_F(SavedPlanTest, WhatDiffersIsSaidLabelFirst) {
  const SavedPlan saved = Make();
  auto differences = [&] { return DifferencesOf(saved, Make()); };
  // A file that was to be taken in anyway is another one now.
  ASSERT_TRUE(WriteFile("conf", "two", 0644).ok());
  EXPECT_THAT(differences(),
              ElementsAre(StartsWith("source/web/conf: what is there is not what the plan saw")));
  ASSERT_TRUE(WriteFile("conf", "one", 0644).ok());
  EXPECT_THAT(differences(), IsEmpty());
  forecast_.steps[2].fate = Fate::kFresh;
  EXPECT_THAT(differences(),
              ElementsAre("service/web/web: the plan has: restarts, flags changed, flag --x 1 -> 2; "
                          "now: nothing to do"));
  forecast_.steps[2].fate = Fate::kChange;
  forecast_.steps[2].changes[0].to = "3";
  EXPECT_THAT(differences(),
              ElementsAre("service/web/web: the plan has: flag --x 1 -> 2; now: flag --x 1 -> 3"));
  forecast_.steps[2].reasons.push_back({"unit", "unit changed"});
  forecast_.steps[2].changes[0].to = "2";
  EXPECT_THAT(differences(), ElementsAre("service/web/web: the plan has: nothing more; now: unit changed"));
  forecast_.steps[2].reasons.pop_back();
  forecast_.steps[2].changes[0].to = "2";
  forecast_.steps[1].fate = Fate::kUnknown;
  forecast_.steps[1].failure = "web does not answer";
  EXPECT_THAT(differences(), ElementsAre(HasSubstr("now: not known: web does not answer")));
}

TEST_F(SavedPlanTest, AnotherSecretIsSeen) {
  const SavedPlan saved = Make();
  Graph other;
  const uint32_t shared = other.AddShard("shared"), host = other.AddShard("web");
  other.AddStep(StepKind::kSource, shared, "source/web/conf", "{\"kind\":\"source\",\"path\":\"conf\"}", {});
  other.AddSecret(
      other.AddStep(StepKind::kRender, host, "render/web/secret", "{\"content\":\"hunter3\"}", {}));
  other.AddStep(StepKind::kService, host, "service/web/web", "{}", {0, 1});
  graph_ = std::move(other);
  EXPECT_THAT(DifferencesOf(saved, Make()),
              ElementsAre(StartsWith("render/web/secret: its record is another")));
}

TEST_F(SavedPlanTest, StepsThatCameAndWent) {
  const SavedPlan saved = Make();
  graph_.AddStep(StepKind::kKey, 0, "key/new", "{}", {});
  forecast_.steps.resize(4);
  EXPECT_THAT(DifferencesOf(saved, Make()), ElementsAre(StartsWith("key/new: it is not in the plan")));
  EXPECT_THAT(DifferencesOf(Make(), saved),
              ElementsAre(StartsWith("key/new: it is in the plan, and no longer")));
}

TEST_F(SavedPlanTest, OfAnotherKplanOrFolder) {
  SavedPlan saved = Make();
  saved.kplan = "0.0.9";
  EXPECT_THAT(DifferencesOf(saved, Make()),
              ElementsAre("kplan: the plan was saved by version 0.0.9, and this is 0.1.0"));
  saved = Make();
  ASSERT_EQ(unlink(paths::kPlanKey), 0);
  EXPECT_THAT(DifferencesOf(saved, Make()),
              ElementsAre(StartsWith("key: the plan was saved in another folder")));
}

TEST_F(SavedPlanTest, ADamagedKeyIsNoKey) {
  ASSERT_TRUE(PlanKey::Make().ok());
  for (const std::string& text : {std::string(), std::string("abc"), std::string(64, 'z')}) {
    ASSERT_TRUE(WriteFile(paths::kPlanKey, text, 0600).ok());
    EXPECT_TRUE(absl::IsDataLoss(PlanKey::Make().status()));
  }
}

TEST_F(SavedPlanTest, WhatIsNoTextIsSavedAllTheSame) {
  forecast_.steps[2].reasons = {{"x", "a\xff\x1b[2J\n\"b"}};
  const SavedPlan plan = Make();
  absl::StatusOr<SavedPlan> read = ParseSavedPlan("p", SavedPlanText(plan));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(DifferencesOf(*read, plan), IsEmpty());
}

}  // namespace
}  // namespace kplan
