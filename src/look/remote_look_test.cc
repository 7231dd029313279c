// What is foreseen of hosts over ssh. There are none: whoever contacted one would fail, and this machine has
// none of the paths.

#include "src/look/remote_look.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/look/forecast.h"
#include "src/look/three_hosts_testing.h"
#include "src/show/plan_report.h"
#include "src/why/explain.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

class RemoteLookTest : public testing::Test {
 protected:
  Forecast Look() { return MakeForecast(hosts_.graph(), absl::Now()); }

  // What is not fresh: "LABEL", and why in the step's words.
  std::map<std::string, std::string> Stale() {
    const Forecast forecast = Look();
    std::map<std::string, std::string> stale;
    for (StepId id = 0; id < forecast.steps.size(); ++id) {
      const StepForecast& step = forecast.steps[id];
      if (step.fate == Fate::kFresh) continue;
      stale[hosts_.graph().steps()[id].label] =
          step.fate == Fate::kCheck ? "check" : absl::StrCat(FateName(step.fate), ": ", WhatChanges(step));
    }
    return stale;
  }

  const StepForecast& Of(const Forecast& forecast, const std::string& label) {
    return forecast.steps[hosts_.Find(label)];
  }

  PlanReport Report(const Forecast& forecast) {
    Explainer explainer(hosts_.graph(), forecast, SpecHistory(), "cluster.yaml", "{}");
    return MakePlanReport(hosts_.graph(), forecast, HostSights(), &explainer);
  }

  ThreeHosts hosts_;
};

TEST_F(RemoteLookTest, NothingIsThereAtFirst) {
  const Forecast forecast = Look();
  for (const StepForecast& step : forecast.steps) EXPECT_EQ(step.fate, Fate::kChange);
  const StepForecast& send = Of(forecast, "send/etcd-2");
  ASSERT_EQ(send.reasons.size(), 1u);
  EXPECT_EQ(send.reasons[0].text, "ca.pem, etcd.service");
  EXPECT_EQ(send.note, "2 files, 15 bytes");
  const PlanReport report = Report(forecast);
  EXPECT_EQ(report.starts, 3u);
  EXPECT_EQ(report.restarts, 0u);
}

TEST_F(RemoteLookTest, AfterARunAllIsFresh) {
  hosts_.DoAll();
  EXPECT_THAT(Stale(), IsEmpty());
}

TEST_F(RemoteLookTest, TrustThatChangesTravelsAndRestartsEveryMember) {
  hosts_.DoAll();
  hosts_.trust = "trust 2\n";
  hosts_.Rebuild();
  const Forecast forecast = Look();
  EXPECT_THAT(Stale(), UnorderedElementsAre(
                           Pair("render/trust", HasSubstr("content")), Pair("send/etcd-1", "change: ca.pem"),
                           Pair("send/etcd-2", "change: ca.pem"), Pair("send/etcd-3", "change: ca.pem"),
                           Pair("file/etcd-1/etc/etcd/ca.pem", HasSubstr("content sha256:")),
                           Pair("file/etcd-2/etc/etcd/ca.pem", HasSubstr("content sha256:")),
                           Pair("file/etcd-3/etc/etcd/ca.pem", HasSubstr("content sha256:")),
                           Pair("rollout/etcd", "change: trust /etc/etcd/ca.pem changed")));
  const PlanReport report = Report(forecast);
  EXPECT_EQ(report.restarts, 3u);
  EXPECT_THAT(PlanSummary(report), HasSubstr("8 to run, 3 restarts, "));
  PlanBudget budget;
  budget.max_restarts = 2;
  std::vector<OverBudget> over = CheckBudget(hosts_.graph(), forecast, report, budget);
  ASSERT_EQ(over.size(), 1u);
  EXPECT_EQ(over[0].text, "3 restarts, and --max-restarts allows 2");
  EXPECT_THAT(over[0].steps, ElementsAre(hosts_.Find("rollout/etcd")));
  budget.max_restarts = 3;
  EXPECT_THAT(CheckBudget(hosts_.graph(), forecast, report, budget), IsEmpty());
}

TEST_F(RemoteLookTest, AServiceIsStartedReloadedAndRestartedForWhatItSays) {
  hosts_.web_config = "config 1\n";
  hosts_.Rebuild();
  hosts_.Generate();
  const std::string label = "service/etcd-2/web";
  EXPECT_TRUE(Of(Look(), label).starts);
  EXPECT_TRUE(Of(Look(), label + ".timer").starts);
  hosts_.DoAll();
  EXPECT_THAT(Stale(), IsEmpty());

  hosts_.web_config = "config 2\n";
  hosts_.Rebuild();
  Forecast forecast = Look();
  EXPECT_TRUE(Of(forecast, label).reloads);
  EXPECT_FALSE(Of(forecast, label).restarts);
  EXPECT_EQ(WhatChanges(Of(forecast, label)), "/etc/web/web.conf changed");
  const PlanReport report = Report(forecast);
  EXPECT_EQ(report.reloads, 1u);
  EXPECT_EQ(report.restarts, 0u);
  EXPECT_THAT(PlanSummary(report), HasSubstr(", 1 reload, "));
  EXPECT_THAT(PlanText(hosts_.graph(), forecast, report, "cluster.yaml"),
              HasSubstr("  ^ service/etcd-2/web"));

  // Delivered, and the run ended before the service was told: it is due all the same.
  hosts_.Generate();
  hosts_.Do("render/etcd-2/etc/web/web.conf");
  hosts_.Do("file/etcd-2/etc/web/web.conf");
  EXPECT_TRUE(Of(Look(), label).reloads);
  hosts_.Do(label);
  EXPECT_THAT(Stale(), IsEmpty());

  hosts_.web_config = "config 3\n";
  hosts_.web_program = "program 2\n";
  hosts_.web_timer = "timer 2\n";
  hosts_.Rebuild();
  forecast = Look();
  EXPECT_TRUE(Of(forecast, label).restarts);
  EXPECT_FALSE(Of(forecast, label).reloads);
  EXPECT_EQ(WhatChanges(Of(forecast, label)), "binary changed");
  EXPECT_TRUE(Of(forecast, label + ".timer").restarts);
  hosts_.DoAll();
  EXPECT_THAT(Stale(), IsEmpty());
}

TEST_F(RemoteLookTest, AFlagIsALineAMember) {
  hosts_.DoAll();
  hosts_.flags = {"--max-wals=10"};
  hosts_.unit = "unit 2\n";
  hosts_.Rebuild();
  const Forecast forecast = Look();
  const StepForecast& roll = Of(forecast, "rollout/etcd");
  ASSERT_EQ(roll.services.size(), 3u);
  EXPECT_EQ(LabelOf(roll.services[1]), "service/etcd-2/etcd");
  EXPECT_EQ(WhatFor(roll.services[1]), "restarts: flag --max-wals 5 -> 10");
  const std::string text = PlanText(hosts_.graph(), forecast, Report(forecast), "cluster.yaml");
  EXPECT_THAT(text, HasSubstr("! rollout/etcd "));
  EXPECT_THAT(text, HasSubstr("3 restarts, one after another\n"));
  EXPECT_THAT(text, HasSubstr("    ! service/etcd-2/etcd"));
  EXPECT_THAT(text, HasSubstr("restarts: flag --max-wals 5 -> 10\n"));
  const Json json = Json::parse(PlanJson(hosts_.graph(), forecast, Report(forecast), "cluster.yaml", ""));
  EXPECT_EQ(json["summary"]["restart"], 3);
  EXPECT_EQ(json["steps"].back()["services"][2]["label"], "service/etcd-3/etcd");
  EXPECT_EQ(json["steps"].back()["services"][2]["changes"][0]["to"], "10");
}

TEST_F(RemoteLookTest, AModeIsPutRightAndRestartsNobody) {
  hosts_.DoAll();
  hosts_.mode = "0640";
  hosts_.Rebuild();
  EXPECT_THAT(Stale(),
              UnorderedElementsAre(Pair("file/etcd-1/etc/etcd/ca.pem", "change: mode 0644 -> 0640"),
                                   Pair("file/etcd-2/etc/etcd/ca.pem", "change: mode 0644 -> 0640"),
                                   Pair("file/etcd-3/etc/etcd/ca.pem", "change: mode 0644 -> 0640")));
  // Once `gen` has written the new record, the old one is nowhere: there is no spec history here.
  hosts_.Generate();
  EXPECT_EQ(Stale()["file/etcd-1/etc/etcd/ca.pem"], "change: its record is another one than it was made by");
}

TEST_F(RemoteLookTest, AnotherAddressOfTheSameMachineStalesNothingOnIt) {
  hosts_.DoAll();
  hosts_.address = "10.0.9.1";
  hosts_.Rebuild();
  EXPECT_THAT(Stale(), UnorderedElementsAre(Pair("host/etcd-1", "change: ssh-host 10.0.0.11 -> 10.0.9.11"),
                                            Pair("host/etcd-2", "change: ssh-host 10.0.0.12 -> 10.0.9.12"),
                                            Pair("host/etcd-3", "change: ssh-host 10.0.0.13 -> 10.0.9.13")));
}

TEST_F(RemoteLookTest, FactsThatAreGoneAreAskedForAgain) {
  hosts_.DoAll();
  ASSERT_EQ(unlink(paths::HostFacts("etcd-2").c_str()), 0);
  // As `kplan step` notes it, the file is the step's; here the stamp says that it has to run.
  ASSERT_EQ(unlink(paths::Stamp("host/etcd-2").c_str()), 0);
  EXPECT_THAT(Stale()["host/etcd-2"], HasSubstr("what it said of itself is gone"));
}

TEST_F(RemoteLookTest, WhatWasDeliveredAndNotRolledIsStillOwed) {
  hosts_.DoAll();
  hosts_.trust = "trust 2\n";
  hosts_.Rebuild();
  hosts_.Generate();
  hosts_.Do("render/trust");
  for (const std::string host : ThreeHosts::kHosts) hosts_.Do(absl::StrCat("send/", host));
  hosts_.Do("file/etcd-1/etc/etcd/ca.pem");
  hosts_.Do("file/etcd-2/etc/etcd/ca.pem");
  hosts_.NoteFailed("rollout/etcd", "etcd-2 did not come back");
  const Forecast forecast = Look();
  const StepForecast& roll = Of(forecast, "rollout/etcd");
  EXPECT_EQ(roll.fate, Fate::kChange);
  // The file has yet to come to the third, which will be restarted for it, too.
  ASSERT_EQ(roll.services.size(), 3u);
  for (const ServiceOutlook& service : roll.services)
    EXPECT_EQ(WhatFor(service), "restarts: trust /etc/etcd/ca.pem changed");
  hosts_.Do("file/etcd-3/etc/etcd/ca.pem");
  hosts_.Do("rollout/etcd");
  EXPECT_THAT(Stale(), IsEmpty());
}

TEST_F(RemoteLookTest, WhatIsAtThosePathsOnThisMachineIsNobodysBusiness) {
  hosts_.DoAll();
  // As if a step of before, when the host was this machine, had left its note: a file that differs.
  const Step& step = hosts_.graph().steps()[hosts_.Find("file/etcd-1/etc/etcd/ca.pem")];
  JournalEntry entry = LastEntry(paths::Journal("etcd-1"), step.label);
  entry.files = {{"/etc/hostname", "another signature"}, {"/etc/etcd/ca.pem", "another signature"}};
  ASSERT_TRUE(AppendEntry(paths::Journal("etcd-1"), entry).ok());
  EXPECT_THAT(Stale(), IsEmpty());
}

TEST_F(RemoteLookTest, ALostJournalIsACheckByTheStamp) {
  hosts_.DoAll();
  ASSERT_EQ(unlink(paths::Journal("etcd-1").c_str()), 0);
  std::map<std::string, std::string> stale = Stale();
  EXPECT_EQ(
      stale.count("file/etcd-1/etc/etcd/ca.pem") == 0 || stale["file/etcd-1/etc/etcd/ca.pem"] == "check",
      true);
  EXPECT_EQ(stale.count("rollout/etcd"), 0u);
}

}  // namespace
}  // namespace kplan
