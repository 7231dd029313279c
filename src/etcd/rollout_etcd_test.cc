// Rollouts of clusters that are not there: what is done to whom, in which order, and what is said when it
// stops. Real ones are in tests/.

#include "src/etcd/rollout_etcd.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/clock_testing.h"
#include "src/base/files.h"
#include "src/step/outlook.h"
#include "src/step/questions.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr char kCluster[] = "c1";
constexpr absl::Duration kTimeout = absl::Seconds(60), kElection = absl::Seconds(10);

// A lock that is had, lost or not to be had as the test says. EVENTS hears of each time that it is asked for.
class FakeLock : public ClusterLock {
 public:
  explicit FakeLock(std::vector<std::string>* events) : events_(*events) {}

  absl::StatusOr<bool> Hold(absl::string_view what, const Tell& tell) override {
    EXPECT_EQ(what, "a rollout");
    if (!why_not.ok()) return why_not;
    const bool had = std::exchange(held, true);
    if (had) return true;
    if (tell != nullptr) tell("waited");
    events_.push_back("lock");
    if (on_wait) on_wait();
    return false;
  }

  bool held = false;
  absl::Status why_not;
  std::function<void()> on_wait;

 private:
  std::vector<std::string>& events_;
};

// Hosts with a member each. A member serves when it is up and a quorum is.
class FakeCluster : public HostAccess, public ClusterView {
 public:
  struct Member {
    bool up = true, data = true;
    bool stale = false;     // it runs with other flags than are wanted
    bool fails = false;     // every start of it fails
    bool mute = false;      // it is up and part of the quorum, and does not answer us
    bool stuck = false;     // it is up and never becomes a part of the quorum
    bool reachable = true;  // its host
    bool claimed = false;   // likewise
    std::string refuses;    // why its service step does nothing
    uint64_t behind = 0;    // how many looks its state takes to catch up
    std::vector<std::string> alarms;
  };

  explicit FakeCluster(size_t count) : members(count) {}

  absl::StatusOr<StepResult> RunStep(const std::string& host, const std::string& label,
                                     const Json& record) override {
    std::lock_guard<std::mutex> hold(mutex_);
    const size_t i = Index(host);
    Member& member = members[i];
    EXPECT_EQ(label, absl::StrCat("service/", host, "/etcd"));
    if (!member.reachable) return absl::UnavailableError("no route to host");
    const bool await_start = record.value("await", "") == "start";
    StepResult result;
    result.digest = absl::StrCat("digest of ", host);
    result.files = {absl::StrCat(host, "/run/kplan/etcd.started")};
    if (member.up && !member.stale) {
      EXPECT_FALSE(await_start);
      return result;
    }
    const size_t before = Serving();
    events.push_back(absl::StrCat(member.up ? "restart " : "start ", host, await_start ? " only" : ""));
    result.reason = member.up ? "restarted: flags changed" : "started: was not running";
    member.up = member.stale = false;
    if (before >= Quorum() && members.size() > 2) {
      EXPECT_GE(Serving(), Quorum());
    }
    if (member.fails)
      return absl::AbortedError("etcd ended at once; the last log lines:\n    bind: in use\n");
    member.up = member.data = true;
    // A service manager waits for one that is not a part of the quorum, and then says so.
    if (!await_start) {
      EXPECT_TRUE(Quorate());
    }
    if (on_touch) on_touch(i);
    return result;
  }

  absl::StatusOr<Json> Ask(const std::string& host, const Json& question) override {
    std::lock_guard<std::mutex> hold(mutex_);
    const Member& member = members[Index(host)];
    if (!member.reachable) return absl::UnavailableError("no route to host");
    const std::string kind = WordOf(question);
    if (kind == "service-look") {
      EXPECT_EQ(question["service"]["name"], "etcd");
      if (!member.refuses.empty()) return absl::FailedPreconditionError(member.refuses);
      ServiceLookAnswer answer;
      answer.running = member.up && Quorate();
      answer.starts = !member.up;
      answer.restarts = member.up && member.stale;
      if (answer.starts) answer.reasons = {"was not running"};
      if (answer.restarts) answer.reasons = {"flags changed"};
      return ToJson(answer);
    }
    if (kind == "etcd-claim") {
      EXPECT_EQ(question["cluster"], kCluster);
      const bool had = std::exchange(members[Index(host)].claimed, question["seconds"] != 0);
      if (!had || question["seconds"] == 0)
        events.push_back(absl::StrCat(question["seconds"] == 0 ? "unclaim " : "claim ", host));
      return Json{{"granted", true}, {"had", had}, {"holder", ""}};
    }
    if (kind == "service-log") return Json{{"lines", absl::StrCat("    the log of ", host, "\n")}};
    EXPECT_EQ(kind, "etcd-data");
    EXPECT_EQ(question["data"], "/var/lib/etcd");
    return Json{{"initialised", member.data},
                {"member-id", member.data ? Id(Index(host)) : ""},
                {"cluster-id", member.data ? kCluster : ""},
                {"commit", 7},
                {"snapshot", false},
                {"place", host}};
  }

  HealthAnswer AskHealth(size_t i) override {
    std::lock_guard<std::mutex> hold(mutex_);
    const Member& member = members[i];
    if (!member.up || member.mute) return {HealthAnswer::kNone, "nobody listens there"};
    if (member.stuck || !Quorate() || !member.alarms.empty()) {
      return {HealthAnswer::kUnhealthy, "/health: 503 {\"health\":\"false\"}"};
    }
    return {HealthAnswer::kHealthy, ""};
  }

  absl::StatusOr<TakenSnapshot> TakeSnapshot(const SnapshotPolicy& policy) override {
    std::lock_guard<std::mutex> hold(mutex_);
    EXPECT_EQ(policy.folder, "snapshots");
    EXPECT_EQ(policy.keep, 3);
    EXPECT_TRUE(policy.before_restart);
    events.push_back("snapshot");
    if (!snapshot.ok()) return snapshot;
    TakenSnapshot taken;
    taken.info.path = "snapshots/a.db";
    taken.info.revision = 7;
    taken.member = "etcd-2";
    return taken;
  }

  void AskForRights(LiveCluster* live) override { live->rights = rights; }

  ClusterLock* lock() override { return fake_lock; }

  LiveCluster AskAll() override {
    std::lock_guard<std::mutex> hold(mutex_);
    ++asked_all;
    LiveCluster live;
    MemberList list;
    list.cluster_id = kCluster;
    for (size_t i = 0; i < members.size(); ++i) {
      ListedMember listed;
      listed.id = Id(i);
      listed.name = absl::StrCat("etcd-", i + 1);
      listed.peer_urls = {absl::StrCat("https://10.0.0.", i + 1, ":2380")};
      if (formed) listed.client_urls = {absl::StrCat("https://10.0.0.", i + 1, ":2379")};
      list.members.push_back(listed);
    }
    for (size_t i = 0; i < members.size(); ++i) {
      Member& member = members[i];
      MemberAnswer answer;
      if (member.up && !member.mute && etcdctl.ok()) {
        const bool part = Quorate() && !member.stuck;
        EndpointStatus status;
        status.cluster_id = kCluster;
        status.member_id = Id(i);
        status.leader_id = part ? Id(Leader()) : "";
        status.raft_index = 100;
        status.raft_applied_index = 100 - member.behind;
        if (member.behind > 0) --member.behind;
        status.errors = member.alarms;
        answer.status = status;
        if (part) answer.list = list;
      } else if (!etcdctl.ok()) {
        answer.status = etcdctl;
        answer.list = etcdctl;
      }
      live.answers.push_back(answer);
    }
    return live;
  }

  static std::string Id(size_t i) { return absl::StrCat("a", i + 1); }

  std::vector<Member> members;
  size_t leader = 0;
  bool formed = true;  // the members have published their client URLs
  bool wants_snapshot = false;
  absl::Status etcdctl, snapshot;
  ClientRights rights;
  ClusterLock* fake_lock = nullptr;
  RolloutReport::Tell tell;
  std::function<void(size_t)> on_touch;
  std::vector<std::string> events;
  int asked_all = 0;
  FakeClock clock;

 private:
  static size_t Index(const std::string& host) { return static_cast<size_t>(host.back() - '1'); }
  size_t Quorum() const { return members.size() / 2 + 1; }
  size_t Serving() const {
    return static_cast<size_t>(std::count_if(
        members.begin(), members.end(), [](const Member& member) { return member.up && !member.stuck; }));
  }
  bool Quorate() const { return Serving() >= Quorum(); }
  size_t Leader() {
    while (!members[leader].up || members[leader].stuck) leader = (leader + 1) % members.size();
    return leader;
  }

  std::mutex mutex_;
};

Json Service(size_t i) {
  return {{"answers", {absl::StrCat("10.0.0.", i + 1, ":2379")}},
          {"argv", StringPairs{{"", "/usr/local/bin/etcd"}, {"--trusted-ca-file=", "/etc/etcd/ca.pem"}}},
          {"environment", Json::array()},
          {"kind", "service"},
          {"manager", "systemd"},
          {"name", "etcd"},
          {"restart-on", {"/usr/local/bin/etcd", "/etc/etcd/ca.pem", "/etc/systemd/system/etcd.service"}},
          {"root", "/"},
          {"timeout", 1},
          {"unit", "/etc/systemd/system/etcd.service"}};
}

Json RecordOf(size_t count) {
  Json members = Json::array();
  for (size_t i = 0; i < count; ++i) {
    const std::string name = absl::StrCat("etcd-", i + 1), address = absl::StrCat("https://10.0.0.", i + 1);
    members.push_back({{"client-urls", {address + ":2379"}},
                       {"data", "/var/lib/etcd"},
                       {"host", name},
                       {"id", FakeCluster::Id(i)},
                       {"name", name},
                       {"peer-urls", {address + ":2380"}},
                       {"probe", address + ":2379"},
                       {"remote", true},
                       {"root", "/"},
                       {"service", Service(i)}});
  }
  return {{"cacert", "pki/ca.pem"}, {"cert", "pki/root.pem"},    {"cluster-id", kCluster},
          {"etcdctl", ""},          {"key", "pki/root-key.pem"}, {"kind", "rollout-etcd"},
          {"max-unavailable", 1},   {"members", members},        {"timeout", absl::ToInt64Seconds(kTimeout)}};
}

absl::StatusOr<RolloutPlan> ReadPlan(const Json& json) {
  absl::StatusOr<RolloutRecord> record = FromJson<RolloutRecord>(json);
  if (!record.ok()) return record.status();
  return ReadRolloutPlan(*record);
}

absl::StatusOr<StepResult> Roll(FakeCluster* cluster, int max_unavailable = 1,
                                std::vector<std::string> hosts = {}) {
  Json record = RecordOf(cluster->members.size());
  record["max-unavailable"] = max_unavailable;
  if (cluster->wants_snapshot) record["snapshot"] = {{"dir", "snapshots"}, {"keep", 3}};
  absl::StatusOr<RolloutPlan> plan = ReadPlan(record);
  if (!plan.ok()) return plan.status();
  plan->election = kElection;
  plan->hosts = std::move(hosts);
  return RollOut(*plan, cluster, cluster, &cluster->clock, cluster->tell);
}

std::string ErrorOf(FakeCluster* cluster) {
  absl::StatusOr<StepResult> result = Roll(cluster);
  EXPECT_FALSE(result.ok());
  return std::string(result.status().message());
}

void MakeStale(FakeCluster* cluster) {
  for (FakeCluster::Member& member : cluster->members) member.stale = true;
}

TEST(RollOut, NothingToDo) {
  FakeCluster cluster(3);
  absl::StatusOr<StepResult> result = Roll(&cluster);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reason, "");
  EXPECT_EQ(result->output, "");
  EXPECT_EQ(result->digest.size(), 64u);
  EXPECT_THAT(result->files, IsEmpty());  // they are on other machines
  EXPECT_THAT(cluster.events, IsEmpty());
  EXPECT_EQ(cluster.asked_all, 0);  // etcdctl
  EXPECT_EQ(cluster.clock.waits(), 0u);
  EXPECT_EQ(Roll(&cluster)->digest, result->digest);
}

TEST(RollOut, ANewClusterIsStartedAtOnceAndThenWaitedFor) {
  for (size_t count : {1, 3, 5}) {
    FakeCluster cluster(count);
    cluster.formed = false;
    for (FakeCluster::Member& member : cluster.members) member.up = member.data = false;
    absl::StatusOr<StepResult> result = Roll(&cluster);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(cluster.events.size(), count);
    for (const std::string& event : cluster.events) {
      EXPECT_THAT(event, AllOf(StartsWith("start etcd-"), HasSubstr(" only")));
    }
    EXPECT_THAT(result->reason, StartsWith("started etcd-1"));
    EXPECT_THAT(result->reason, HasSubstr(": was not running"));
    EXPECT_THAT(result->output, StartsWith("etcd-1: started (was not running), serves after "));
  }
}

TEST(RollOut, ACanaryAndThenTheRest) {
  FakeCluster cluster(3);
  cluster.leader = 1;
  cluster.wants_snapshot = true;
  MakeStale(&cluster);
  absl::StatusOr<StepResult> result = Roll(&cluster, 1, {"etcd-2"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(cluster.events, ElementsAre("snapshot", "restart etcd-2"));
  EXPECT_EQ(result->reason, "restarted etcd-2: flags changed");
  EXPECT_TRUE(cluster.members[0].stale && cluster.members[2].stale);
  cluster.events.clear();
  ASSERT_TRUE(Roll(&cluster, 1, {"etcd-2"}).ok());
  EXPECT_THAT(cluster.events, IsEmpty()) << "once more does nothing";
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, UnorderedElementsAre("snapshot", "restart etcd-1", "restart etcd-3"));
}

TEST(RollOut, ACanaryIsHeldUpByTroubleOfTheOthers) {
  FakeCluster cluster(3);
  cluster.members[1].stale = true;
  cluster.members[2].up = false;
  absl::StatusOr<StepResult> result = Roll(&cluster, 1, {"etcd-2"});
  EXPECT_THAT(cluster.events, IsEmpty());
  EXPECT_THAT(std::string(result.status().message()),
              HasSubstr("etcd-3 does not run, and this run is not for it"));
  cluster.members[2].up = true;
  cluster.members[2].reachable = false;
  EXPECT_TRUE(absl::IsUnavailable(Roll(&cluster, 1, {"etcd-2"}).status()));
  EXPECT_THAT(cluster.events, IsEmpty());
}

TEST(RollOut, OneAtATimeTheLeaderLast) {
  FakeCluster cluster(3);
  cluster.leader = 1;
  MakeStale(&cluster);
  absl::StatusOr<StepResult> result = Roll(&cluster);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(cluster.events, ElementsAre("restart etcd-1", "restart etcd-3", "restart etcd-2"));
  EXPECT_EQ(result->reason, "restarted etcd-1, etcd-3, etcd-2: flags changed");
  EXPECT_THAT(result->output, HasSubstr("etcd-2: restarted (flags changed), the leader, last, serves after"));
  EXPECT_EQ(Roll(&cluster)->reason, "");
}

TEST(RollOut, ASnapshotIsTakenOnceBeforeTheFirstRestart) {
  FakeCluster cluster(3);
  cluster.wants_snapshot = true;
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, IsEmpty());  // nothing to do
  cluster.members[1].up = false;
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, ElementsAre("start etcd-2 only"));

  cluster.events.clear();
  MakeStale(&cluster);
  absl::StatusOr<StepResult> result = Roll(&cluster);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(cluster.events, ElementsAre("snapshot", "restart etcd-2", "restart etcd-3", "restart etcd-1"));
  EXPECT_THAT(result->output,
              StartsWith("snapshot snapshots/a.db: revision 7, 0 bytes, from etcd-2 in 0.0 s\netcd-2: "));
}

TEST(RollOut, TheLockComesBeforeTheFirstRestartAndBeforeTheSnapshot) {
  FakeCluster cluster(3);
  FakeLock lock(&cluster.events);
  cluster.fake_lock = &lock;
  cluster.wants_snapshot = true;
  MakeStale(&cluster);
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events,
              ElementsAre("lock", "snapshot", "restart etcd-2", "restart etcd-3", "restart etcd-1"));
}

TEST(RollOut, WhatNeedsNoRestartNeedsNoLock) {
  FakeCluster cluster(3);
  FakeLock lock(&cluster.events);
  lock.why_not = absl::PermissionDeniedError("no");
  cluster.fake_lock = &lock;
  cluster.members[1].up = false;
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, ElementsAre("start etcd-2 only"));
}

TEST(RollOut, WhoWaitedForTheLockLooksAgain) {
  FakeCluster cluster(3);
  FakeLock lock(&cluster.events);
  cluster.fake_lock = &lock;
  MakeStale(&cluster);
  // The other one did what there was to do, but for one member.
  lock.on_wait = [&] { cluster.members[1].stale = cluster.members[2].stale = false; };
  absl::StatusOr<StepResult> result = Roll(&cluster);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(cluster.events, ElementsAre("lock", "restart etcd-1"));
}

TEST(RollOut, WhoLosesTheLockTakesItAgainBeforeTheNextRestart) {
  FakeCluster cluster(3);
  FakeLock lock(&cluster.events);
  cluster.fake_lock = &lock;
  MakeStale(&cluster);
  cluster.on_touch = [&](size_t member) {
    if (member == 1) lock.held = false;
  };
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events,
              ElementsAre("lock", "restart etcd-2", "lock", "restart etcd-3", "restart etcd-1"));
}

TEST(RollOut, WhereAQuorumServesAndThereIsNoLockNobodyIsRestarted) {
  for (const absl::Status& why_not :
       {absl::UnavailableError("no answer"), absl::PermissionDeniedError("permission denied")}) {
    FakeCluster cluster(3);
    FakeLock lock(&cluster.events);
    lock.why_not = why_not;
    cluster.fake_lock = &lock;
    MakeStale(&cluster);
    EXPECT_THAT(ErrorOf(&cluster),
                AllOf(HasSubstr("etcd does not give its lock (/kplan/verify/lock): "),
                      HasSubstr("etcd-1, etcd-2 and etcd-3 need a restart, and were not touched")));
    EXPECT_THAT(cluster.events, IsEmpty());
  }
}

TEST(RollOut, AnAlarmThatTakesTheLockAwayIsNoReasonToStop) {
  FakeCluster cluster(3);
  FakeLock lock(&cluster.events);
  lock.why_not = absl::ResourceExhaustedError("etcdserver: database space exceeded");
  cluster.fake_lock = &lock;
  std::vector<std::string> told;
  cluster.tell = [&](const std::string& line) { told.push_back(line); };
  MakeStale(&cluster);
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events,
              ElementsAre("claim etcd-1", "claim etcd-2", "claim etcd-3", "restart etcd-2", "restart etcd-3",
                          "restart etcd-1", "unclaim etcd-1", "unclaim etcd-2", "unclaim etcd-3"));
  EXPECT_EQ(told.size(), 6u);
}

TEST(RollOut, TheClaimsOnHostsEndWhenEtcdTakesTheLockAgain) {
  FakeCluster cluster(3);
  FakeLock lock(&cluster.events);
  lock.why_not = absl::ResourceExhaustedError("etcdserver: database space exceeded");
  cluster.fake_lock = &lock;
  MakeStale(&cluster);
  cluster.on_touch = [&](size_t member) {
    if (member == 1) lock.why_not = absl::OkStatus();
  };
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, ElementsAre("claim etcd-1", "claim etcd-2", "claim etcd-3", "restart etcd-2",
                                          "lock", "unclaim etcd-1", "unclaim etcd-2", "unclaim etcd-3",
                                          "restart etcd-3", "restart etcd-1"));
}

TEST(RollOut, WithoutAQuorumTheHostsAreClaimed) {
  FakeCluster cluster(3);
  FakeLock lock(&cluster.events);
  lock.why_not = absl::InternalError("asked without a quorum");
  cluster.fake_lock = &lock;
  MakeStale(&cluster);
  for (FakeCluster::Member& member : cluster.members) member.stuck = true;
  cluster.on_touch = [&](size_t i) { cluster.members[i].stuck = false; };
  ASSERT_TRUE(Roll(&cluster).ok());
  ASSERT_EQ(cluster.events.size(), 9u);
  EXPECT_THAT(std::vector<std::string>(cluster.events.begin(), cluster.events.begin() + 3),
              ElementsAre("claim etcd-1", "claim etcd-2", "claim etcd-3"));
}

TEST(RollOut, WithoutItsSnapshotNobodyIsRestarted) {
  FakeCluster cluster(3);
  cluster.wants_snapshot = true;
  cluster.snapshot = absl::ResourceExhaustedError("there is no room for it");
  cluster.members[2].up = false;
  MakeStale(&cluster);
  EXPECT_THAT(
      ErrorOf(&cluster),
      AllOf(HasSubstr("no snapshot could be taken, and `rollout.snapshot` wants one before a member is "
                      "restarted: there is no room for it"),
            HasSubstr("left:     etcd-1 and etcd-2 need a restart, and were not touched"),
            HasSubstr("remove `snapshot` from `rollout` in cluster.yaml; then run ninja again")));
  EXPECT_THAT(cluster.events, ElementsAre("start etcd-3 only", "snapshot"));
}

TEST(RollOut, WhatARecordSaysOfSnapshots) {
  Json record = RecordOf(3);
  EXPECT_FALSE(ReadPlan(record)->snapshot.has_value());
  EXPECT_EQ(SnapshotNote(*FromJson<RolloutRecord>(record), true), "");
  record["snapshot"] = {{"dir", "snapshots"}, {"keep", 3}};
  EXPECT_EQ(ReadPlan(record)->snapshot->keep, 3);
  EXPECT_EQ(SnapshotNote(*FromJson<RolloutRecord>(record), true), "after a snapshot");
  EXPECT_EQ(SnapshotNote(*FromJson<RolloutRecord>(record), false), "");
  for (Json bad : {Json("snapshots"), Json{{"dir", "snapshots"}}, Json{{"keep", 3}}}) {
    record["snapshot"] = bad;
    EXPECT_TRUE(absl::IsDataLoss(ReadPlan(record).status())) << bad;
  }
}

TEST(RollOut, TheLeaderIsWhoeverLeadsThen) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.on_touch = [&](size_t i) {
    if (i == 1) cluster.leader = 2;
  };
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, ElementsAre("restart etcd-2", "restart etcd-1", "restart etcd-3"));
}

TEST(RollOut, MaxUnavailable) {
  FakeCluster cluster(5);
  MakeStale(&cluster);
  ASSERT_TRUE(Roll(&cluster, 2).ok());
  ASSERT_EQ(cluster.events.size(), 5u);
  EXPECT_EQ(cluster.events[4], "restart etcd-1");
  EXPECT_THAT(std::vector<std::string>(cluster.events.begin(), cluster.events.begin() + 2),
              UnorderedElementsAre("restart etcd-2", "restart etcd-3"));
}

TEST(RollOut, ClustersOfOneAndTwo) {
  FakeCluster one(1), two(2);
  MakeStale(&one);
  MakeStale(&two);
  ASSERT_TRUE(Roll(&one).ok());
  EXPECT_THAT(one.events, ElementsAre("restart etcd-1"));
  ASSERT_TRUE(Roll(&two).ok());
  EXPECT_THAT(two.events, ElementsAre("restart etcd-2", "restart etcd-1"));
}

TEST(RollOut, AMemberThatDoesNotComeUpStopsItAndTheNextRunGoesOn) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.members[2].fails = true;
  const std::string error = ErrorOf(&cluster);
  EXPECT_THAT(cluster.events, ElementsAre("restart etcd-2", "restart etcd-3"));
  EXPECT_EQ(
      error,
      "etcd-3 did not come up after its restart (flags changed): etcd ended at once; the last log lines:\n"
      "    bind: in use\n"
      "  serving:  etcd-1 and etcd-2, 2 of 3 members: a quorum\n"
      "  done:     restarted etcd-2, etcd-3\n"
      "  left:     etcd-1 needs a restart, and was not touched\n"
      "  next:     remove the cause; then run ninja again: it goes on from here");
  // While the cause is there, nobody else is touched.
  cluster.events.clear();
  EXPECT_THAT(ErrorOf(&cluster), StartsWith("etcd-3 did not come up: etcd ended at once"));
  EXPECT_THAT(cluster.events, ElementsAre("start etcd-3 only"));
  cluster.events.clear();
  cluster.members[2].fails = false;
  absl::StatusOr<StepResult> result = Roll(&cluster);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(cluster.events, ElementsAre("start etcd-3 only", "restart etcd-1"));
  EXPECT_EQ(result->reason, "started etcd-3: was not running; restarted etcd-1: flags changed");
}

TEST(RollOut, AMemberThatComesUpAndDoesNotServeStopsIt) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.on_touch = [&](size_t i) { cluster.members[i].stuck = true; };
  const std::string error = ErrorOf(&cluster);
  EXPECT_THAT(cluster.events, ElementsAre("restart etcd-2"));
  EXPECT_THAT(error, StartsWith("etcd-2 was started and does not serve\n  etcd-2: /health: 503"));
  EXPECT_EQ(cluster.clock.waited(), kTimeout);
  EXPECT_THAT(
      error,
      HasSubstr("the last log lines of etcd-2:\n    the log of etcd-2\n  serving:  etcd-1 and etcd-3"));
  EXPECT_THAT(error, HasSubstr("left:     etcd-1 and etcd-3 need a restart, and were not touched"));
}

TEST(RollOut, WhoIsIllAndNotToBeRestartedComesFirst) {
  FakeCluster cluster(3);
  cluster.members[0].stale = cluster.members[1].stale = true;
  cluster.members[2].stuck = true;
  const std::string error = ErrorOf(&cluster);
  EXPECT_THAT(cluster.events, IsEmpty());
  EXPECT_THAT(error, StartsWith("etcd-3 does not serve, and is not one to be restarted"));
  EXPECT_THAT(error, AllOf(HasSubstr("the log of etcd-3"), HasSubstr("repairing it comes first")));
  EXPECT_EQ(cluster.clock.waited(), kTimeout);
  // When it needs a restart, too, it is the first.
  cluster.members[2].stale = true;
  cluster.on_touch = [&](size_t i) { cluster.members[i].stuck = false; };
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, ElementsAre("restart etcd-3", "restart etcd-2", "restart etcd-1"));
  EXPECT_EQ(cluster.clock.waited(), kTimeout);  // as before: nobody waits for it
}

TEST(RollOut, AHostThatCannotBeReachedStopsItBeforeAnythingIsTouched) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.members[1].reachable = false;
  absl::Status status = Roll(&cluster).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(StartsWith("cannot see how etcd-2 is, and without that none is restarted: no route to host"),
            HasSubstr("serving:  etcd-1, etcd-2 and etcd-3, 3 of 3"), HasSubstr("make etcd-2 reachable")));
  EXPECT_THAT(cluster.events, IsEmpty());
}

// It holds up the restarts; it does not keep another one down.
TEST(RollOut, AMemberWhoseStepWouldRefuseKeepsNobodyDown) {
  FakeCluster cluster(3);
  cluster.members[0].refuses = "10.0.0.1:2380 is taken by `nc`";
  MakeStale(&cluster);
  EXPECT_THAT(ErrorOf(&cluster), StartsWith("etcd-1: 10.0.0.1:2380 is taken by `nc`"));
  EXPECT_THAT(cluster.events, IsEmpty()) << "nobody is restarted";
  cluster.members[2].up = false;
  EXPECT_THAT(ErrorOf(&cluster), StartsWith("etcd-1: 10.0.0.1:2380 is taken by `nc`"));
  EXPECT_THAT(cluster.events, ElementsAre("start etcd-3 only"));
  // Neither is the one that cannot be started, though two of three are down.
  cluster.events.clear();
  cluster.members[0].up = cluster.members[2].up = false;
  EXPECT_THAT(ErrorOf(&cluster), StartsWith("etcd-1: 10.0.0.1:2380 is taken by `nc`"));
  EXPECT_THAT(cluster.events, ElementsAre("start etcd-3 only"));
  EXPECT_TRUE(cluster.members[2].up);
  cluster.members[0].refuses = "";
  EXPECT_TRUE(Roll(&cluster).ok());
}

TEST(RollOut, AHostThatIsLostOnTheWay) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.on_touch = [&](size_t) { cluster.members[0].reachable = false; };
  absl::Status status = Roll(&cluster).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("done:     restarted etcd-2"));
  EXPECT_THAT(cluster.events, ElementsAre("restart etcd-2"));
}

TEST(RollOut, MembersThatDoNotAnswerUsAreNotTakenForDead) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  for (FakeCluster::Member& member : cluster.members) member.mute = true;
  EXPECT_THAT(ErrorOf(&cluster),
              AllOf(HasSubstr("cannot be seen that the others"), HasSubstr("0 of 3 members answer"),
                    HasSubstr("nobody listens there")));
  EXPECT_THAT(cluster.events, IsEmpty());
  EXPECT_EQ(cluster.clock.waited(), kTimeout);
}

TEST(RollOut, WithoutAQuorumThoseThatAreOutAreRestartedTogether) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  for (FakeCluster::Member& member : cluster.members) member.stuck = true;
  cluster.on_touch = [&](size_t i) { cluster.members[i].stuck = false; };
  absl::StatusOr<StepResult> result = Roll(&cluster);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(cluster.events,
              UnorderedElementsAre("restart etcd-1 only", "restart etcd-2 only", "restart etcd-3 only"));
  EXPECT_EQ(cluster.clock.waited(), kElection);
}

// Before the first quorum nobody answers at all, but the hosts' service managers still wait for them.
TEST(RollOut, MembersThatNeverCameUpAreRestartedTogether) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  for (FakeCluster::Member& member : cluster.members) member.stuck = member.mute = true;
  cluster.on_touch = [&](size_t i) { cluster.members[i].stuck = cluster.members[i].mute = false; };
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_EQ(cluster.events.size(), 3u);
  EXPECT_EQ(cluster.clock.waited(), kElection);
}

TEST(RollOut, AnAlarmDoesNotStopIt) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  for (FakeCluster::Member& member : cluster.members) member.alarms = {"memberID:161 alarm:NOSPACE "};
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, ElementsAre("restart etcd-2", "restart etcd-3", "restart etcd-1"));
}

TEST(RollOut, TheNextOneWaitsUntilTheOneBeforeHasCaughtUp) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  uint64_t left = 99;
  cluster.on_touch = [&](size_t i) {
    if (i == 2) left = cluster.members[1].behind;
    cluster.members[i].behind = 5;
  };
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_EQ(left, 0u);
  EXPECT_GE(cluster.asked_all, 15);
}

TEST(RollOut, WhoLeadsHasToBeKnown) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.etcdctl = absl::NotFoundError("there is no program etcdctl");
  EXPECT_THAT(ErrorOf(&cluster), AllOf(HasSubstr("who leads"), HasSubstr("there is no program etcdctl")));
  EXPECT_EQ(cluster.clock.waited(), kElection);
  EXPECT_THAT(cluster.events, IsEmpty());
  // A cluster of one has nobody to ask about.
  FakeCluster one(1);
  MakeStale(&one);
  one.etcdctl = cluster.etcdctl;
  EXPECT_TRUE(Roll(&one).ok());
}

TEST(RollOut, WhatAuthForbidsStopsItBeforeARestart) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.rights.user = "guest";
  cluster.rights.has = EtcdRight::kName;
  EXPECT_THAT(ErrorOf(&cluster),
              AllOf(HasSubstr("user guest (the CN of pki/root.pem)"),
                    HasSubstr("user grant-role guest kplan"), HasSubstr("run ninja again")));
  cluster.wants_snapshot = true;
  cluster.rights.has = EtcdRight::kVerifyKeys;
  EXPECT_THAT(ErrorOf(&cluster), HasSubstr("user grant-role guest root"));
  EXPECT_THAT(cluster.events, IsEmpty());
  cluster.rights.has = EtcdRight::kRoot;
  EXPECT_TRUE(Roll(&cluster).ok());

  // Nothing is touched: nobody is asked.
  cluster.rights.has = EtcdRight::kName;
  EXPECT_TRUE(Roll(&cluster).ok());
}

TEST(RollOut, ALeaderThatMayNotBeAskedForIsNotWaitedFor) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.etcdctl = absl::PermissionDeniedError("auth: permission denied");
  EXPECT_THAT(ErrorOf(&cluster), HasSubstr("ask for the status of members"));
  EXPECT_EQ(cluster.clock.waits(), 0u);
  EXPECT_THAT(cluster.events, IsEmpty());
}

TEST(RollOut, AnElectionIsWaitedFor) {
  FakeCluster cluster(3);
  MakeStale(&cluster);
  cluster.etcdctl = absl::UnavailableError("etcdserver: no leader");
  cluster.clock.After(kElection / 2, [&] {
    EXPECT_THAT(cluster.events, IsEmpty());
    cluster.etcdctl = absl::OkStatus();
  });
  ASSERT_TRUE(Roll(&cluster).ok());
  EXPECT_THAT(cluster.events, ElementsAre("restart etcd-2", "restart etcd-3", "restart etcd-1"));
  EXPECT_EQ(cluster.clock.waited(), kElection / 2);
}

TEST(RollOut, AMemberThatTakesItsTimeIsWaitedFor) {
  FakeCluster cluster(3);
  cluster.members[1].stale = true;
  cluster.on_touch = [&](size_t i) {
    cluster.members[i].stuck = true;
    cluster.clock.After(kTimeout - absl::Seconds(1), [&, i] { cluster.members[i].stuck = false; });
  };
  absl::StatusOr<StepResult> result = Roll(&cluster);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_THAT(result->output, HasSubstr("etcd-2: restarted (flags changed), serves after 59.0 s"));
}

TEST(RollOut, AWipedMemberIsNotStartedIntoALiveCluster) {
  FakeCluster cluster(3);
  cluster.members[0].stale = true;
  cluster.members[2].up = cluster.members[2].data = false;
  EXPECT_THAT(ErrorOf(&cluster), HasSubstr("etcd-3"));
  EXPECT_THAT(cluster.events, IsEmpty());
  // Nor when nobody can say so yet: the others are started first.
  cluster.members[0].up = cluster.members[1].up = false;
  cluster.members[0].stale = false;
  EXPECT_THAT(ErrorOf(&cluster), HasSubstr("etcd-3"));
  EXPECT_THAT(cluster.events, UnorderedElementsAre("start etcd-1 only", "start etcd-2 only"));
}

TEST(RollOut, RecordsThatLackSomething) {
  for (const char* key : {"cacert", "max-unavailable", "timeout", "members"}) {
    Json record = RecordOf(3);
    record.erase(key);
    EXPECT_FALSE(ReadPlan(record).ok()) << key;
  }
  Json record = RecordOf(3);
  record["members"][1].erase("service");
  EXPECT_THAT(std::string(ReadPlan(record).status().message()), HasSubstr("etcd-2"));
}

class RolloutStepTest : public StepTest {};

TEST_F(RolloutStepTest, ASecondOneInThisFolderWaits) {
  ASSERT_TRUE(MakeFolders(".kplan/rollout").ok());
  UniqueFd lock(open(".kplan/rollout/etcd.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(flock(lock.get(), LOCK_EX), 0);
  FakeCluster cluster(3);
  absl::Status status;
  std::mutex mutex;
  bool ended = false;
  std::thread second([&] {
    status =
        RolloutStep({"rollout/etcd", absl::Now(), &cluster}, *FromJson<RolloutRecord>(RecordOf(3))).status();
    std::lock_guard<std::mutex> hold(mutex);
    ended = true;
  });
  absl::SleepFor(absl::Milliseconds(100));
  {
    std::lock_guard<std::mutex> hold(mutex);
    EXPECT_FALSE(ended);
  }
  lock = UniqueFd();
  second.join();
  EXPECT_THAT(std::string(status.message()), HasSubstr("pki/ca.pem"));  // it got that far, here
}

TEST_F(RolloutStepTest, WithoutHosts) {
  EXPECT_THAT(ErrorOf(RolloutStep, RecordOf(3).dump()), HasSubstr("hosts"));
}

absl::StatusOr<Outlook> LookAt(const Json& record, const Foreseen& foreseen) {
  return RolloutLook({"rollout/etcd", absl::Now(), foreseen}, *FromJson<RolloutRecord>(record));
}

TEST_F(RolloutStepTest, TheLookLeavesMembersElsewhereAlone) {
  Foreseen foreseen;
  foreseen.Add("etcd-2:/etc/etcd/ca.pem", {});
  foreseen.Add("/etc/systemd/system/etcd.service", {});  // of this machine
  absl::StatusOr<Outlook> outlook = LookAt(RecordOf(3), foreseen);
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_THAT(outlook->services, IsEmpty());
  EXPECT_THAT(outlook->reasons, IsEmpty());
  EXPECT_FALSE(outlook->changes_digest || outlook->starts || outlook->restarts);
}

TEST_F(RolloutStepTest, TheLookAtMembersOfThisMachineIsTheServices) {
  Write("h1/usr/local/bin/etcd", "#!", 0755);
  Write("h1/etc/etcd/ca.pem", "x");
  Write("h1/etc/systemd/system/etcd.service", "x");
  Json record = RecordOf(3);
  Json& member = record["members"][0];
  member["remote"] = false;
  member["root"] = member["service"]["root"] = "./h1";
  member["service"]["manager"] = "process";
  absl::StatusOr<Outlook> outlook = LookAt(record, {});
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  ASSERT_EQ(outlook->services.size(), 1u);
  EXPECT_EQ(outlook->services[0].host, "etcd-1");
  EXPECT_TRUE(outlook->services[0].starts && outlook->starts && !outlook->restarts);
  EXPECT_EQ(outlook->services[0].reasons[0].text, "was not running");
}

}  // namespace
}  // namespace kplan
