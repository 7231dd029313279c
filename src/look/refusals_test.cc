#include "src/look/refusals.h"

#include <stdlib.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/journal.h"
#include "src/etcd/etcd_data.h"
#include "src/step/questions.h"

namespace kplan {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr char kCluster[] = "c1";
const char* const kHosts[] = {"etcd-1", "etcd-2", "etcd-3"};

EtcdData DataOf(const std::string& member, const std::string& cluster = kCluster) {
  EtcdData data;
  data.initialised = true;
  data.member_id = member;
  data.cluster_id = cluster;
  data.commit = 100;
  return data;
}

// Hosts that only say what is in their data folders.
class DataHosts : public HostAccess {
 public:
  absl::StatusOr<StepResult> RunStep(const std::string&, const std::string&, const Json&) override {
    ADD_FAILURE() << "asking is not doing";
    return absl::InternalError("no");
  }
  absl::StatusOr<Json> Ask(const std::string& host, const Json& question) override {
    std::lock_guard<std::mutex> lock(mutex_);
    asked.push_back(host);
    absl::StatusOr<EtcdDataQuestion> data = FromJson<EtcdDataQuestion>(question);
    if (!data.ok()) return data.status();
    versions = versions || data->versions;
    EtcdData answer = found[host];
    answer.place = host;
    return ToJson(answer);
  }

  std::map<std::string, EtcdData> found = {
      {"etcd-1", DataOf("1")}, {"etcd-2", DataOf("2")}, {"etcd-3", DataOf("3")}};
  std::vector<std::string> asked;
  bool versions = false;

 private:
  std::mutex mutex_;
};

// A cluster as its client sees it: two of three answer, the first leads.
class TwoOfThree : public ClusterView {
 public:
  explicit TwoOfThree(EtcdRight has) : has_(has) {}

  HealthAnswer AskHealth(size_t) override { return {}; }
  void AskForRights(LiveCluster* live) override {
    live->rights.has = has_;
    live->rights.user = "guest";
  }
  absl::StatusOr<TakenSnapshot> TakeSnapshot(const SnapshotPolicy&) override {
    return absl::InternalError("no");
  }
  LiveCluster AskAll() override {
    LiveCluster live;
    live.answers.resize(3);
    MemberList list;
    list.cluster_id = kCluster;
    for (int i = 1; i <= 3; ++i) {
      ListedMember member;
      member.id = absl::StrCat(i);
      member.name = absl::StrCat("etcd-", i);
      member.peer_urls = {absl::StrCat("https://etcd-", i, ":2380")};
      member.client_urls = {absl::StrCat("https://etcd-", i, ":2379")};
      list.members.push_back(member);
    }
    for (size_t i = 0; i < 2; ++i) {
      EndpointStatus status;
      status.cluster_id = kCluster;
      status.member_id = absl::StrCat(i + 1);
      status.leader_id = "1";
      live.answers[i].status = status;
      live.answers[i].list = list;
    }
    return live;
  }

 private:
  const EtcdRight has_;
};

class RefusalsTest : public testing::Test {
 protected:
  RefusalsTest() { MakePlan(/*snapshots=*/false); }

  void MakePlan(bool snapshots) {
    graph_ = Graph();
    const uint32_t shared = graph_.AddShard("shared");
    SurveyRecord survey;
    RolloutRecord rollout;
    survey.cluster.cluster_id = kCluster;
    for (int i = 1; i <= 3; ++i) {
      MemberRecord member;
      member.host = member.name = absl::StrCat("etcd-", i);
      member.id = absl::StrCat(i);
      member.probe = absl::StrCat("https://etcd-", i, ":2379");
      member.client_urls = {member.probe};
      member.peer_urls = {absl::StrCat("https://etcd-", i, ":2380")};
      member.data = "/var/lib/etcd";
      member.root = "/";
      member.remote = true;
      survey.cluster.members.push_back(member);
      member.service = ServiceRecord();
      member.service->name = "etcd";
      member.service->argv = {{"/usr/local/bin/etcd", ""}};
      rollout.cluster.members.push_back(std::move(member));
    }
    rollout.cluster.cluster_id = kCluster;
    rollout.max_unavailable = 1;
    if (snapshots) rollout.snapshot = RolloutRecord::Snapshot{"snapshots", 1};
    survey_ = graph_.AddStep(StepKind::kSurvey, shared, "survey/etcd", ToText(survey), {});
    rollout_ = graph_.AddStep(StepKind::kRollout, shared, "rollout/etcd", ToText(rollout), {survey_});
    EXPECT_TRUE(graph_.Finish().ok());
    for (const char* host : kHosts) visits_.answered.insert(host);
  }

  absl::flat_hash_map<StepId, std::string> Foresee(bool done) {
    std::string path = testing::TempDir() + "/journal-XXXXXX";
    close(mkstemp(path.data()));
    JournalEntry entry;
    entry.label = "survey/etcd";
    entry.at = 1;
    entry.digest = "d";
    entry.record = std::string(graph_.steps()[survey_].digest());
    if (done) {
      EXPECT_TRUE(AppendEntry(path, entry).ok());
    }
    std::vector<Journal> journals;
    journals.push_back(Journal::Read(path));
    const OpenView open = [this](const PlannedCluster&) -> absl::StatusOr<std::unique_ptr<ClusterView>> {
      ++opened_;
      return std::make_unique<TwoOfThree>(has_);
    };
    return ForeseeRefusals(graph_, journals, visits_, open, &hosts_);
  }

  Graph graph_;
  StepId survey_ = 0, rollout_ = 0;
  DataHosts hosts_;
  VisitsSoFar visits_;
  EtcdRight has_ = EtcdRight::kRoot;
  int opened_ = 0;
};

TEST_F(RefusalsTest, NobodyIsAskedWhereAllIsDoneAndRuns) {
  hosts_.found["etcd-3"] = DataOf("3", "c2");
  EXPECT_TRUE(Foresee(/*done=*/true).empty());
  EXPECT_TRUE(hosts_.asked.empty());
}

// The survey is not run again for it; what the rollout would refuse is known all the same.
TEST_F(RefusalsTest, WhatAuthForbidsIsKnownBeforeARestart) {
  has_ = EtcdRight::kName;
  EXPECT_TRUE(Foresee(/*done=*/true).empty());
  EXPECT_EQ(opened_, 0) << "nobody has said that there is auth";
  visits_.with_auth = {"etcd-2"};
  auto refusals = Foresee(/*done=*/true);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_THAT(refusals.at(rollout_), HasSubstr("as user guest"));
  EXPECT_TRUE(hosts_.asked.empty());
  has_ = EtcdRight::kRoot;
  EXPECT_TRUE(Foresee(/*done=*/true).empty());

  has_ = EtcdRight::kName;
  EXPECT_THAT(Foresee(/*done=*/false).at(survey_), HasSubstr("as user guest"));
  // Snapshots are the rollout's.
  has_ = EtcdRight::kVerifyKeys;
  EXPECT_TRUE(Foresee(/*done=*/false).empty());
  MakePlan(/*snapshots=*/true);
  refusals = Foresee(/*done=*/false);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_THAT(refusals.at(rollout_), HasSubstr("take the snapshot before a restart"));
}

TEST_F(RefusalsTest, AMemberThatIsStoppedAndHasItsDataIsFine) {
  visits_.idle = {"service/etcd-3/etcd"};
  EXPECT_TRUE(Foresee(/*done=*/true).empty());
  EXPECT_THAT(hosts_.asked, UnorderedElementsAre("etcd-1", "etcd-2", "etcd-3"));
  // As the rollout asks; the survey, when it runs, asks for the versions, too.
  EXPECT_FALSE(hosts_.versions);
  EXPECT_TRUE(Foresee(/*done=*/false).empty());
  EXPECT_TRUE(hosts_.versions);
}

TEST_F(RefusalsTest, AWipedMemberIsRefusedByBoth) {
  visits_.idle = {"service/etcd-3/etcd"};
  hosts_.found["etcd-3"] = EtcdData();
  const auto refusals = Foresee(/*done=*/true);
  ASSERT_EQ(refusals.size(), 2u);
  EXPECT_THAT(refusals.at(survey_), HasSubstr("the data folder is empty, but member 3 has run with data"));
  EXPECT_THAT(refusals.at(survey_), HasSubstr("member remove 3"));
  EXPECT_EQ(refusals.at(rollout_), refusals.at(survey_));
}

TEST_F(RefusalsTest, OfAPlannedSurveyOnlyTheSurveyRefusesWhereAllRun) {
  hosts_.found["etcd-2"] = DataOf("2", "c2");
  const auto refusals = Foresee(/*done=*/false);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_THAT(refusals.at(survey_), HasSubstr("found data of cluster c2 on etcd-2"));
}

TEST_F(RefusalsTest, OfAHostThatWasNeverReachedNothingIsGuessed) {
  visits_.answered.erase("etcd-3");
  hosts_.found["etcd-3"] = EtcdData();
  EXPECT_TRUE(Foresee(/*done=*/false).empty());
  EXPECT_THAT(hosts_.asked, UnorderedElementsAre("etcd-1", "etcd-2"));
  hosts_.found["etcd-1"] = DataOf("1", "c2");
  EXPECT_THAT(Foresee(/*done=*/false).at(survey_), HasSubstr("found data of cluster c2 on etcd-1"));
}

TEST_F(RefusalsTest, NothingIsSaidWhileOneIsSilent) {
  visits_.answered.erase("etcd-3");
  visits_.silent.insert("etcd-3");
  hosts_.found["etcd-1"] = DataOf("1", "c2");
  EXPECT_TRUE(Foresee(/*done=*/false).empty());
}

}  // namespace
}  // namespace kplan
