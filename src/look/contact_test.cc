#include "src/look/contact.h"

#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/base/paths.h"
#include "src/look/three_hosts_testing.h"
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
    const std::vector<ServiceRecord> services = std::exchange(asked_of->services, {});
    StandingAnswer answer = AnswerStanding(*asked_of);
    for (const ServiceRecord& service : services) {
      EXPECT_EQ(service.host, "");
      const bool runs = stopped != host;
      StandingAnswer::Service seen;
      seen.process = runs ? 4711 : 0;
      seen.running = runs;
      seen.since = runs ? 1700000000 : 0;
      answer.services.push_back(std::move(seen));
    }
    return ToJson(answer);
  }

  std::string down, stopped;
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
    for (const HostVisit& visit : VisitHosts(plan_.graph(), Journals(), &hosts_)) {
      if (!visit.problem.empty()) lines.push_back(absl::StrCat(visit.host, ": ", visit.problem));
      for (const Drift& drift : visit.drifts)
        lines.push_back(absl::StrCat(plan_.graph().steps()[drift.step].label, ": ", Join(drift.reasons)));
    }
    return lines;
  }

  std::string Status() {
    Forecast forecast = MakeForecast(plan_.graph(), absl::Now());
    const std::vector<HostVisit> visits = VisitHosts(plan_.graph(), forecast.journals, &hosts_);
    AddVisits(visits, &forecast);
    return StatusText(plan_.graph(), MakeStatusReport(plan_.graph(), forecast, {}, absl::Now(), visits), {},
                      absl::Now());
  }

  ThreeHosts plan_;
  FolderHosts hosts_;
};

TEST_F(ContactTest, HostsThatWereNeverReachedAreNotAsked) {
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
  EXPECT_THAT(Visit(), ElementsAre(HasSubstr("etcd-2: the plan in .kplan does not have it over ssh")));
  EXPECT_THAT(hosts_.asked, Not(testing::Contains("etcd-2")));
}

TEST_F(ContactTest, StatusSaysWhatTheHostsSaid) {
  plan_.DoAll();
  hosts_.down = "etcd-2";
  ASSERT_EQ(unlink("hosts/etcd-3/etc/etcd/ca.pem"), 0);
  const std::string text = Status();
  EXPECT_THAT(text, HasSubstr("etcd-1: 6 fresh, asked just now\n"));
  EXPECT_THAT(text,
              HasSubstr("etcd-2: 6 fresh; it does not answer: etcd-2 (ops@10.0.0.12): no route to it\n"));
  EXPECT_THAT(text, ContainsRegex("file/etcd-3/etc/etcd/ca.pem +stale  missing\n"));
  EXPECT_THAT(text, HasSubstr("services: 2 of 2 run, of 1 the host does not answer\n"));
  EXPECT_THAT(text, HasSubstr("service/etcd-1/etcd  process 4711  since 2023-11-14 22:13 UTC\n"));
  EXPECT_THAT(text, HasSubstr("service/etcd-2/etcd  no answer     last seen running on "));
  EXPECT_THAT(text, HasSubstr("run `kplan gen --contact`, then ninja\n"));
}

TEST_F(ContactTest, WithoutContactStatusSaysWhenTheServicesWereSeen) {
  plan_.DoAll();
  const Forecast forecast = MakeForecast(plan_.graph(), absl::Now());
  const StatusReport report = MakeStatusReport(plan_.graph(), forecast, {}, absl::Now());
  EXPECT_TRUE(report.all_fresh());
  const std::string text = StatusText(plan_.graph(), report, {}, absl::Now());
  EXPECT_THAT(text, ContainsRegex("rollout/etcd +fresh  3 members, last seen running on "));
  EXPECT_THAT(text, HasSubstr("services: 3 not asked (kplan status --contact asks the hosts over ssh)\n"));
  EXPECT_THAT(text, HasSubstr("  service/etcd-2/etcd  not asked  last seen running on "));
  EXPECT_THAT(hosts_.asked, IsEmpty());
  const Json json = Json::parse(StatusJson(plan_.graph(), forecast, report, absl::Now(), true));
  EXPECT_EQ(json["services"][0]["running"], nullptr);
  EXPECT_NE(json["services"][0]["last-seen"], nullptr);
}

}  // namespace
}  // namespace kplan
