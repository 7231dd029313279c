#include "src/show/status_view.h"

#include <stdlib.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/record.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::Not;

// A plan of HOSTS hosts with a file each, below a key that they share.
class StatusViewTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "/status-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    ASSERT_EQ(chdir(folder.c_str()), 0);
  }

  void Make(int hosts) {
    const uint32_t shared = graph_.AddShard("shared");
    graph_.AddStep(StepKind::kKey, shared, "key/x",
                   R"({"algo":"rsa","ca":false,"kind":"key","path":"pki/x-key.pem","size":2048})", {});
    for (int i = 0; i < hosts; ++i) {
      const std::string host = absl::StrCat("h", i);
      const uint32_t shard = graph_.AddShard(host);
      graph_.AddStep(StepKind::kFile, shard, absl::StrCat("file/", host, "/etc/x"),
                     R"({"kind":"install","path":"/etc/x","root":"r"})", {0});
    }
    graph_.AddShard("empty");
    forecast_.steps.resize(graph_.steps().size());
    forecast_.journals.resize(graph_.shards().size());
    for (const Step& step : graph_.steps()) {
      forecast_.journals[step.shard] =
          Journal::Parse(absl::StrCat(step.label, "\t1700000000000\t0\trecord\tdigest\t\t0\t0\t\t\t\n"));
    }
  }

  void Fail(StepId id, const std::string& reason) {
    const Step& step = graph_.steps()[id];
    forecast_.journals[step.shard] = Journal::Parse(
        absl::StrCat(step.label, "\t1700000000000\t1\trecord\tdigest\t", reason, "\t0\t0\t\t\t\n"));
    forecast_.steps[id].fate = Fate::kCheck;
    forecast_.steps[id].causes = {{Cause::Kind::kFailed, 0}};
  }

  std::string Text(StatusStyle style = {}, std::vector<std::string> leftovers = {}) {
    const absl::Time now = absl::FromUnixSeconds(1700000000);
    return StatusText(graph_, MakeStatusReport(graph_, forecast_, leftovers, now, HostSights()), style, now);
  }

  Graph graph_;
  Forecast forecast_;
};

TEST_F(StatusViewTest, StatesAndWhy) {
  Make(4);
  forecast_.steps[1].fate = Fate::kChange;
  forecast_.steps[1].reasons = {{"content", "content differs"}, {"mode", "mode is 0666, should be 0644"}};
  Fail(2, "cannot install:\\nno space\x1b[31m");
  forecast_.steps[3].fate = Fate::kWait;
  forecast_.steps[3].failure = "behind key/x";
  forecast_.steps[4].fate = Fate::kCheck;
  forecast_.steps[4].causes = {{Cause::Kind::kSpec, 0}, {Cause::Kind::kInput, 0}};
  EXPECT_EQ(Text(),
            "shared: 1 fresh\n"
            "  key/x  fresh  rsa 2048\n"
            "h0: 1 stale\n"
            "  file/h0/etc/x  stale  content differs; mode is 0666, should be 0644\n"
            "h1: 1 failed\n"
            "  file/h1/etc/x  failed  failed on 2023-11-14 22:13 UTC: cannot install:\n"
            "h2: 1 waiting\n"
            "  file/h2/etc/x  waiting  behind key/x\n"
            "h3: 1 stale\n"
            "  file/h3/etc/x  stale  cluster.yaml changed, key/x changes\n"
            "\n"
            "2 stale, 1 failed, 1 waiting, 1 fresh; run ninja\n");
}

TEST_F(StatusViewTest, NothingOfAFileReachesTheTerminalAsACommand) {
  Make(1);
  Fail(1, "bad \x1b[31m \xff \xe2\x80\xae end");
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr(R"(bad \x1b[31m \xff \xe2\x80\xae end)"));
}

TEST_F(StatusViewTest, ManyHostsAreALineEach) {
  Make(9);
  forecast_.steps[5].fate = Fate::kCheck;
  forecast_.steps[5].causes = {{Cause::Kind::kDrift, 0}};
  EXPECT_EQ(Text(),
            "shared: 1 fresh\nh0: 1 fresh\nh1: 1 fresh\nh2: 1 fresh\nh3: 1 fresh\n"
            "h4: 1 stale\n  file/h4/etc/x  stale  it was touched\n"
            "h5: 1 fresh\nh6: 1 fresh\nh7: 1 fresh\nh8: 1 fresh\n"
            "\n1 stale, 9 fresh; run ninja\n");
  EXPECT_THAT(Text({/*all=*/true, /*color=*/false}), HasSubstr("h7: 1 fresh\n  file/h7/etc/x  fresh\n"));
}

TEST_F(StatusViewTest, EightHostsAreShownInFull) {
  Make(8);
  EXPECT_THAT(Text(), HasSubstr("h7: 1 fresh\n  file/h7/etc/x  fresh\n"));
}

TEST_F(StatusViewTest, LeftoversAreCounted) {
  Make(1);
  EXPECT_THAT(Text({}, {"file/a/x"}), HasSubstr("\n1 leftover of earlier plans; "));
  EXPECT_THAT(Text({}, {"a", "b"}), HasSubstr("\n2 leftovers of earlier plans; "));
  EXPECT_THAT(Text(), Not(HasSubstr("leftover")));
}

TEST_F(StatusViewTest, ColoursAreForTerminals) {
  Make(1);
  EXPECT_THAT(Text(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(Text({/*all=*/false, /*color=*/true}), HasSubstr("key/x  \x1b[32mfresh\x1b[0m  rsa 2048\n"));
}

TEST_F(StatusViewTest, Json) {
  Make(1);
  Fail(1, "no space");
  const absl::Time now = absl::FromUnixSeconds(1700000000);
  const StatusReport report = MakeStatusReport(graph_, forecast_, {"old"}, now, HostSights());
  EXPECT_FALSE(report.all_fresh());
  const std::string line = StatusJson(graph_, forecast_, report, now, /*compact=*/true);
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const Json json = Json::parse(line);
  EXPECT_EQ(json["all-fresh"], false);
  EXPECT_EQ(json["counts"], Json::parse(R"({"failed":1,"fresh":1,"stale":0,"unknown":0,"waiting":0})"));
  EXPECT_EQ(json["leftovers"], Json::parse(R"(["old"])"));
  EXPECT_EQ(json["hosts"][1]["steps"][0], Json::parse(R"({"causes":[{"cause":"failed"}],
      "detail":"failed on 2023-11-14 22:13 UTC: no space","label":"file/h0/etc/x","last-failed":true,
      "last-run":"2023-11-14T22:13:20Z","reasons":[],"state":"failed","verb":"INSTALL"})"));
}

}  // namespace
}  // namespace kplan
