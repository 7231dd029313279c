#include "src/look/contact.h"

#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/look/forecast.h"
#include "src/look/look.h"
#include "src/look/three_hosts_testing.h"
#include "src/look/traversal.h"
#include "src/show/status_view.h"
#include "src/steps/service/standing_question.h"

namespace kplan {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Answers as a host does, by the same function, with its folder in the place of "/".
class FolderHosts : public HostAccess {
 public:
  absl::StatusOr<StepResult> RunStep(const std::string&, const std::string&, const Json&) override {
    ADD_FAILURE() << "asking is not doing";
    return absl::InternalError("no");
  }

  absl::StatusOr<Json> Ask(const std::string& host, const Json& question) override {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      asked.push_back(host);
    }
    if (down == host) return absl::UnavailableError("etcd-2 (ops@10.0.0.12): no route to it");
    absl::StatusOr<StandingQuestion> asked_of = FromJson<StandingQuestion>(question);
    if (!asked_of.ok()) return asked_of.status();
    for (Json& record : asked_of->records) {
      EXPECT_FALSE(record.contains("host"));
      record["root"] = ThreeHosts::Place(host);
    }
    const std::vector<StandingQuestion::Service> services = std::exchange(asked_of->services, {});
    absl::StatusOr<StandingAnswer> answer = AnswerStanding(*asked_of);
    if (!answer.ok()) return answer.status();
    for (const StandingQuestion::Service& service : services) {
      EXPECT_EQ(service.record.host, "");
      EXPECT_EQ(service.settled, settled);
      const bool runs = stopped != host;
      StandingAnswer::Service seen;
      seen.process = runs ? 4711 : 0;
      seen.running = runs;
      seen.since = runs ? 1700000000 : 0;
      if (!runs) seen.reasons = {{"not-running", "was not running"}};
      seen.starts = !runs;
      if (older == host) seen.reasons = {{"unit", "unit changed"}};
      seen.restarts = older == host;
      answer->services.push_back(std::move(seen));
    }
    return ToJson(*answer);
  }

  std::string down, stopped, older;  // hosts
  bool settled = true;
  std::vector<std::string> asked;

 private:
  std::mutex mutex_;
};

class ContactTest : public testing::Test {
 protected:
  std::vector<Journal> Journals() const {
    std::vector<Journal> journals;
    for (const Shard& shard : plan_.graph().shards())
      journals.push_back(Journal::Read(paths::Journal(shard.name)));
    return journals;
  }

  // "LABEL: reasons" of what drifted, "HOST: problem" of who does not answer.
  std::vector<std::string> Visit() {
    std::vector<std::string> lines;
    sights_ = VisitHosts(plan_.graph(), Journals(), &hosts_);
    for (const HostVisit& visit : sights_.visits()) {
      if (!visit.problem.empty()) lines.push_back(absl::StrCat(visit.host, ": ", visit.problem));
      for (const Drift& drift : visit.drifts)
        lines.push_back(absl::StrCat(plan_.graph().steps()[drift.step].label, ": ", drift.Text()));
    }
    return lines;
  }

  Forecast Foretell(const Contact& contact = {}) {
    sights_ = VisitHosts(plan_.graph(), Journals(), &hosts_, contact);
    return MakeForecast(plan_.graph(), Journals(), sights_, absl::Now());
  }

  std::string Status(const Contact& contact = {}) {
    const Forecast forecast = Foretell(contact);
    return StatusText(plan_.graph(), MakeStatusReport(plan_.graph(), forecast, {}, absl::Now(), sights_), {},
                      absl::Now());
  }

  // "LABEL FATE" of all that is not fresh.
  std::vector<std::string> Fates(const Forecast& forecast) const {
    std::vector<std::string> fates;
    for (StepId id = 0; id < plan_.graph().steps().size(); ++id) {
      const Fate fate = forecast.steps[id].fate;
      if (fate != Fate::kFresh)
        fates.push_back(absl::StrCat(plan_.graph().steps()[id].label, " ", FateName(fate)));
    }
    return fates;
  }

  ThreeHosts plan_;
  FolderHosts hosts_;
  HostSights sights_;
};

TEST_F(ContactTest, HostsThatWereNeverReachedAreNotAsked) {
  EXPECT_THAT(Visit(), IsEmpty());
  EXPECT_THAT(hosts_.asked, IsEmpty());
}

// Their first contact is tried again, and that is all that is to be said of them.
TEST_F(ContactTest, HostsThatCouldNotBeReachedTheFirstTimeAreNotAsked) {
  for (const char* host : ThreeHosts::kHosts)
    plan_.NoteFailed(absl::StrCat("host/", host), "sudo wants a password");
  EXPECT_THAT(Visit(), IsEmpty());
  EXPECT_THAT(hosts_.asked, IsEmpty());
}

TEST_F(ContactTest, WhatStandsAsItWasLeftIsFine) {
  plan_.DoAll();
  EXPECT_THAT(Visit(), IsEmpty());
  EXPECT_EQ(hosts_.asked.size(), 3u);
}

TEST_F(ContactTest, FindsWhatSomebodyDidThere) {
  plan_.DoAll();
  ASSERT_TRUE(WriteFile("hosts/etcd-1/etc/etcd/ca.pem", "somebody's\n", 0644).ok());
  ASSERT_EQ(chmod("hosts/etcd-2/var/lib/etcd", 0755), 0);
  ASSERT_EQ(unlink("hosts/etcd-3/etc/systemd/system/etcd.service"), 0);
  hosts_.stopped = "etcd-3";
  EXPECT_THAT(Visit(), ElementsAre("file/etcd-1/etc/etcd/ca.pem: content is not what was delivered",
                                   "dir/etcd-2/var/lib/etcd: mode was 0755, is 0700",
                                   "unit/etcd-3/etcd: missing", "rollout/etcd: etcd on etcd-3 does not run"));
}

TEST_F(ContactTest, OneThatIsDownIsNamedAndTheOthersAreLookedAt) {
  plan_.DoAll();
  ASSERT_EQ(unlink("hosts/etcd-3/etc/etcd/ca.pem"), 0);
  hosts_.down = "etcd-2";
  EXPECT_THAT(Visit(), ElementsAre("etcd-2: etcd-2 (ops@10.0.0.12): no route to it",
                                   "file/etcd-3/etc/etcd/ca.pem: missing"));
}

TEST_F(ContactTest, WhatTheNextRunChangesAnywayIsNoDrift) {
  plan_.DoAll();
  plan_.mode = "0640";
  plan_.Rebuild();
  plan_.Generate();
  ASSERT_TRUE(WriteFile("hosts/etcd-1/etc/etcd/ca.pem", "somebody's\n", 0644).ok());
  EXPECT_THAT(Visit(), IsEmpty());
}

TEST_F(ContactTest, AHostThatGenHasNotSeenIsNotTakenForThisMachine) {
  plan_.DoAll();
  ASSERT_EQ(unlink(paths::Shard("etcd-2").c_str()), 0);
  EXPECT_THAT(Visit(), ElementsAre(HasSubstr("etcd-2: the plan in .kplan does not say how it is reached")));
  EXPECT_THAT(hosts_.asked, Not(testing::Contains("etcd-2")));
}

TEST_F(ContactTest, WhatDriftedIsToBeDoneAndNothingElseIs) {
  plan_.DoAll();
  ASSERT_TRUE(WriteFile("hosts/etcd-1/etc/etcd/ca.pem", "somebody's\n", 0644).ok());
  const Forecast forecast = Foretell();
  // Its stamp goes, so ninja looks at what is behind it once more.
  EXPECT_THAT(Fates(forecast), ElementsAre("file/etcd-1/etc/etcd/ca.pem change", "rollout/etcd check"));
  const StepForecast& file = forecast.steps[plan_.Find("file/etcd-1/etc/etcd/ca.pem")];
  EXPECT_EQ(Join(file.reasons), "content is not what was delivered");
  ASSERT_EQ(file.causes.size(), 1u);
  EXPECT_EQ(file.causes[0].kind, Cause::Kind::kDrift);
}

TEST_F(ContactTest, WhatItsStepWouldNotReplaceWouldFail) {
  plan_.DoAll();
  ASSERT_EQ(unlink("hosts/etcd-2/etc/etcd/ca.pem"), 0);
  ASSERT_EQ(symlink("/dev/null", "hosts/etcd-2/etc/etcd/ca.pem"), 0);
  const Forecast forecast = Foretell();
  EXPECT_THAT(Fates(forecast), ElementsAre("file/etcd-2/etc/etcd/ca.pem fail", "rollout/etcd wait"));
  EXPECT_THAT(forecast.steps[plan_.Find("file/etcd-2/etc/etcd/ca.pem")].failure, HasSubstr("symbolic link"));
}

TEST_F(ContactTest, TheHostsSayWhichServicesAreTouched) {
  plan_.DoAll();
  hosts_.stopped = "etcd-1";
  hosts_.older = "etcd-3";
  const Forecast forecast = Foretell();
  EXPECT_THAT(Fates(forecast), ElementsAre("rollout/etcd change"));
  const StepForecast& rollout = forecast.steps[plan_.Find("rollout/etcd")];
  ASSERT_EQ(rollout.services.size(), 2u);
  EXPECT_EQ(rollout.services[0].host, "etcd-1");
  EXPECT_TRUE(rollout.services[0].starts);
  EXPECT_EQ(rollout.services[1].host, "etcd-3");
  EXPECT_TRUE(rollout.services[1].restarts);
  EXPECT_EQ(Join(rollout.services[1].reasons), "unit changed");
}

// By their notes all three would be restarted; two have been, before the rollout stopped.
TEST_F(ContactTest, AfterARolloutThatStoppedOnlyWhatIsLeftIsTouched) {
  plan_.DoAll();
  plan_.unit = "unit 2\n";
  plan_.Rebuild();
  plan_.Generate();
  for (const char* host : ThreeHosts::kHosts) {
    for (const char* label : {"render/", "unit/"}) {
      const std::string of = absl::StrCat(label, host, "/etc");
      for (const Step& step : plan_.graph().steps())
        if (absl::StartsWith(step.label, of)) plan_.Do(step.label);
    }
  }
  plan_.NoteFailed("rollout/etcd", "etcd-3 did not come up");
  hosts_.settled = false;
  hosts_.older = "etcd-2";
  const Forecast forecast = Foretell();
  const StepForecast& rollout = forecast.steps[plan_.Find("rollout/etcd")];
  EXPECT_EQ(rollout.fate, Fate::kChange);
  ASSERT_EQ(rollout.services.size(), 1u);
  EXPECT_EQ(rollout.services[0].host, "etcd-2");
}

TEST_F(ContactTest, OfAHostThatIsSilentNothingIsCalledFresh) {
  plan_.DoAll();
  hosts_.down = "etcd-2";
  const Forecast forecast = Foretell();
  EXPECT_THAT(Fates(forecast), ElementsAre("host/etcd-2 unknown", "send/etcd-2 unknown",
                                           "file/etcd-2/etc/etcd/ca.pem unknown", "unit/etcd-2/etcd unknown",
                                           "dir/etcd-2/var/lib/etcd unknown", "rollout/etcd unknown"));
  EXPECT_EQ(forecast.steps[plan_.Find("rollout/etcd")].failure, "etcd-2 does not answer");
  EXPECT_EQ(forecast.StateOf(plan_.graph(), plan_.Find("host/etcd-2")), StepState::kUnknown);
  EXPECT_EQ(sights_.Summary(), "etcd-2 does not answer");
  EXPECT_TRUE(sights_.any_silent());
}

TEST_F(ContactTest, NorOfOneThatNobodyAsked) {
  plan_.DoAll();
  ASSERT_EQ(unlink("hosts/etcd-3/etc/etcd/ca.pem"), 0);
  const Forecast forecast = Foretell({/*asks=*/false});
  EXPECT_THAT(hosts_.asked, IsEmpty());
  EXPECT_EQ(forecast.steps[plan_.Find("file/etcd-3/etc/etcd/ca.pem")].fate, Fate::kUnknown);
  EXPECT_EQ(sights_.Summary(), "3 hosts not asked");
  EXPECT_FALSE(sights_.any_silent());
}

TEST_F(ContactTest, AnAnswerCountsForAsLongAsIsSaid) {
  plan_.DoAll();
  const absl::Time start = absl::Now();
  auto visit = [&](absl::Duration after) {
    hosts_.asked.clear();
    sights_ =
        VisitHosts(plan_.graph(), Journals(), &hosts_, {/*asks=*/true, absl::Minutes(10)}, start + after);
    return hosts_.asked.size();
  };
  hosts_.stopped = "etcd-2";
  EXPECT_EQ(visit(absl::ZeroDuration()), 3u);
  // What had something amiss is asked again, and nobody else.
  EXPECT_EQ(visit(absl::Minutes(9)), 1u);
  EXPECT_EQ(sights_.Summary(), "what hosts said is up to 9 min old");
  EXPECT_EQ(sights_.WhyUnknown(plan_.Find("host/etcd-1")), "");
  EXPECT_EQ(visit(absl::Minutes(10)), 3u);
  // The clock was set back.
  EXPECT_EQ(visit(absl::Minutes(-1)), 3u);
  EXPECT_EQ(VisitHosts(plan_.graph(), Journals(), &hosts_, {}, start).Summary(), "");
  hosts_.stopped = "";
  hosts_.down = "etcd-3";
  EXPECT_EQ(visit(absl::Minutes(11)), 3u);
  EXPECT_EQ(visit(absl::Minutes(12)), 1u) << "one that is silent is asked again";
}

TEST_F(ContactTest, TheStampsOfWhatDriftedGo) {
  plan_.DoAll();
  ASSERT_EQ(unlink("hosts/etcd-3/etc/etcd/ca.pem"), 0);
  sights_ = VisitHosts(plan_.graph(), Journals(), &hosts_);
  EXPECT_THAT(LookForStale(plan_.graph(), Journals(), sights_, absl::Now()),
              ElementsAre("file/etcd-3/etc/etcd/ca.pem: missing"));
  struct stat info;
  EXPECT_NE(stat(paths::Stamp("file/etcd-3/etc/etcd/ca.pem").c_str(), &info), 0);
  EXPECT_EQ(stat(paths::Stamp("file/etcd-1/etc/etcd/ca.pem").c_str(), &info), 0);
}

TEST_F(ContactTest, StatusSaysWhatTheHostsSaid) {
  plan_.DoAll();
  hosts_.down = "etcd-2";
  ASSERT_EQ(unlink("hosts/etcd-3/etc/etcd/ca.pem"), 0);
  const std::string text = Status();
  EXPECT_THAT(text, HasSubstr("etcd-1: 6 fresh, asked just now\n"));
  EXPECT_THAT(text, HasSubstr("; it does not answer: etcd-2 (ops@10.0.0.12): no route to it\n"));
  EXPECT_THAT(text, ContainsRegex("file/etcd-2/etc/etcd/ca.pem +unknown  etcd-2 does not answer\n"));
  EXPECT_THAT(text, ContainsRegex("file/etcd-3/etc/etcd/ca.pem +stale  missing\n"));
  EXPECT_THAT(text, HasSubstr("services: 2 of 2 run, of 1 the host does not answer\n"));
  EXPECT_THAT(text, HasSubstr("service/etcd-1/etcd  process 4711  since 2023-11-14 22:13 UTC\n"));
  EXPECT_THAT(text, HasSubstr("service/etcd-2/etcd  no answer     last seen running on "));
  EXPECT_THAT(text, HasSubstr("; run ninja; etcd-2 does not answer\n"));
}

TEST_F(ContactTest, OfflineAsksThisMachine) {
  plan_.here = "etcd-2";
  plan_.Rebuild();
  plan_.Generate();
  plan_.DoAll();
  ASSERT_EQ(chmod("hosts/etcd-1/var/lib/etcd", 0755), 0);
  ASSERT_EQ(chmod("hosts/etcd-2/var/lib/etcd", 0755), 0);
  const Forecast forecast = Foretell({/*asks=*/false});
  EXPECT_THAT(hosts_.asked, ElementsAre("etcd-2"));
  EXPECT_EQ(sights_.SummaryOfUnasked(), "2 hosts not asked");
  EXPECT_TRUE(sights_.DriftOf(plan_.Find("dir/etcd-1/var/lib/etcd")).empty());
  EXPECT_FALSE(sights_.DriftOf(plan_.Find("dir/etcd-2/var/lib/etcd")).empty());
  EXPECT_EQ(sights_.WhyUnknown(plan_.Find("dir/etcd-1/var/lib/etcd")), "etcd-1 was not asked");
  EXPECT_EQ(sights_.WhyUnknown(plan_.Find("dir/etcd-2/var/lib/etcd")), "");
  const StatusReport report = MakeStatusReport(plan_.graph(), forecast, {}, absl::Now(), sights_);
  EXPECT_THAT(StatusText(plan_.graph(), report, {}, absl::Now()), HasSubstr("this machine, by sudo"));
}

TEST_F(ContactTest, StatusSaysWhenServicesThatWereNotAskedWereSeen) {
  plan_.DoAll();
  const Forecast forecast = Foretell({/*asks=*/false});
  const StatusReport report = MakeStatusReport(plan_.graph(), forecast, {}, absl::Now(), sights_);
  EXPECT_TRUE(report.all_fresh()) << "nobody wanted to know";
  const std::string text = StatusText(plan_.graph(), report, {}, absl::Now());
  EXPECT_THAT(text,
              ContainsRegex("rollout/etcd +unknown  etcd-1 was not asked; 3 members, last seen running on "));
  EXPECT_THAT(text, HasSubstr("services: 3 not asked\n"));
  EXPECT_THAT(text, HasSubstr("  service/etcd-2/etcd  not asked  last seen running on "));
  EXPECT_THAT(text, HasSubstr("; 3 hosts not asked\n"));
  const Json json = Json::parse(StatusJson(plan_.graph(), forecast, report, absl::Now(), true));
  EXPECT_EQ(json["services"][0]["running"], nullptr);
  EXPECT_NE(json["services"][0]["last-seen"], nullptr);
  EXPECT_EQ(json["hosts"][1]["asked"], false);
}

}  // namespace
}  // namespace kplan
