#include "src/etcd/survey_etcd.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/etcd/wal_testing.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Members etcd-1 to etcd-COUNT with the ids a1, a2, ... of the cluster c1.
PlannedCluster Planned(size_t count) {
  PlannedCluster cluster;
  cluster.cluster_id = "c1";
  cluster.etcdctl = {"archives/etcdctl", "pki/ca.pem", "pki/root.pem", "pki/root-key.pem"};
  for (size_t i = 1; i <= count; ++i) {
    PlannedMember member;
    member.host = absl::StrCat("host-", i);
    member.name = absl::StrCat("etcd-", i);
    member.id = absl::StrCat("a", i);
    member.data = "/var/lib/etcd";
    member.root = "/";
    member.probe = absl::StrCat("https://10.0.0.", i, ":2379");
    member.peer_urls = {absl::StrCat("https://10.0.0.", i, ":2380")};
    member.client_urls = {member.probe};
    cluster.members.push_back(member);
  }
  return cluster;
}

absl::StatusOr<EtcdData> Empty() { return EtcdData(); }

absl::StatusOr<EtcdData> Data(const std::string& member, uint64_t commit = 100,
                              const std::string& cluster = "c1") {
  EtcdData data;
  data.initialised = true;
  data.member_id = member;
  data.cluster_id = cluster;
  data.commit = commit;
  return data;
}

absl::StatusOr<EtcdData> Strange() {
  EtcdData data;
  data.strange = "/var/lib/etcd has no data of an etcd member, but holds PG_VERSION";
  return data;
}

absl::StatusOr<EtcdData> At(absl::StatusOr<EtcdData> data, const std::string& place) {
  data->place = place;
  return data;
}

// DATA on a host where another etcd runs under the unit's name, with data of CLUSTER.
absl::StatusOr<EtcdData> Beside(absl::StatusOr<EtcdData> data, const std::string& cluster) {
  data->unit = {
      "`/usr/bin/etcd` (unit /lib/systemd/system/etcd.service)", "/srv/mine", "", true, true, "5e", cluster};
  return data;
}

// DATA on a host that lacks WHAT.
absl::StatusOr<EtcdData> Lacking(absl::StatusOr<EtcdData> data, const std::vector<std::string>& what) {
  data->lacks = what;
  return data;
}

absl::StatusOr<EtcdData> Unlogged() {
  EtcdData data;
  data.unlogged = "etcd's log is in /var/lib/etcd/member/wal, and so on";
  return data;
}

// What a case's cluster says: the lines of its list, and who answers at which address.
struct Live {
  std::vector<ListedMember> list;                             // empty: no leader, or nobody answers
  std::map<size_t, std::pair<std::string, std::string>> who;  // at member: id, cluster id
};

ListedMember Listed(size_t i, const std::string& id, const std::string& name, bool ran = true) {
  ListedMember member;
  member.id = id;
  member.name = name;
  member.peer_urls = {absl::StrCat("https://10.0.0.", i, ":2380")};
  if (ran) member.client_urls = {absl::StrCat("https://10.0.0.", i, ":2379")};
  return member;
}

Live AllOf3() {
  return {{Listed(1, "a1", "etcd-1"), Listed(2, "a2", "etcd-2"), Listed(3, "a3", "etcd-3")}, {}};
}

// etcd-3 replaced by hand, with the id ff.
Live Replaced(const std::string& name, bool ran) {
  return {{Listed(1, "a1", "etcd-1"), Listed(2, "a2", "etcd-2"), Listed(3, "ff", name, ran)}, {}};
}

LiveCluster ToAnswers(const PlannedCluster& cluster, const Live& live) {
  LiveCluster answers;
  answers.answers.resize(cluster.members.size());
  if (!live.list.empty()) {
    EndpointStatus status;
    status.cluster_id = "c1";
    status.member_id = cluster.members[0].id;
    status.leader_id = status.member_id;
    MemberList list;
    list.cluster_id = "c1";
    list.members = live.list;
    answers.answers[0].status = status;
    answers.answers[0].list = list;
  }
  for (const auto& [member, who] : live.who) {
    EndpointStatus status;
    status.member_id = who.first;
    status.cluster_id = who.second;
    answers.answers[member].status = status;
  }
  return answers;
}

struct Case {
  const char* what;
  std::vector<absl::StatusOr<EtcdData>> found;
  Live live;
  // Parts that the problems have to have, one list a problem. None: it is fine.
  std::vector<std::vector<std::string>> problems;
  std::vector<size_t> ask_again = {};
  std::string summary = "";
  std::string initial_state = "";
  bool replace = false;
};

TEST(DecideOnSurvey, Table) {
  const std::string replace3 =
      "\n    ETCDCTL_API=3 archives/etcdctl --endpoints=https://10.0.0.1:2379,https://10.0.0.2:2379 "
      "--cacert=pki/ca.pem --cert=pki/root.pem --key=pki/root-key.pem member ";
  const std::vector<Case> cases = {
      {"nobody has data", {Empty(), Empty(), Empty()}, {}, {}, {}, "new cluster c1: no member has data yet"},
      {"one member, new", {Empty()}, {}, {}, {}, "new cluster c1: no member has data yet"},
      {"hosts that will not do, each with all that it lacks, beside what is wrong with a folder",
       {Lacking(Empty(), {"10.0.0.1:2379 is taken", "no room"}), Strange(), Lacking(Empty(), {"read-only"})},
       {},
       {{"host-1: 10.0.0.1:2379 is taken"},
        {"host-1: no room"},
        {"host-3: read-only"},
        {"host-2: /var/lib/etcd has no data of an etcd member"}}},
      {"who has taken a member's address is said once",
       {Lacking(Data("a1"), {"10.0.0.1:2379 is taken"}), Data("a2"), Data("a3")},
       {AllOf3().list, {{0, {"f1", "f2"}}}},
       {{"host-1: 10.0.0.1:2379 is taken"}}},
      {"data whose log is elsewhere",
       {Unlogged(), Data("a2"), Data("a3")},
       AllOf3(),
       {{"host-1: etcd's log is in /var/lib/etcd/member/wal"}}},
      {"everybody has data, nobody answers",
       {Data("a1"), Data("a2"), Data("a3")},
       {},
       {},
       {},
       "3 members of cluster c1: 3 have its data; etcd-1, etcd-2 and etcd-3 do not answer"},
      {"everybody has data and the cluster runs", {Data("a1"), Data("a2"), Data("a3")}, AllOf3(), {}},
      {"another cluster's data on one host",
       {Data("a1"), Data("a2"), Data("b7", 100, "dd")},
       AllOf3(),
       {{"expected data of cluster c1, found data of cluster dd on host-3 (/var/lib/etcd), member b7",
         "another cluster's data folder or the wrong host", "initial-cluster-token", "peer addresses"}}},
      {"another cluster's data, in a new one",
       {Empty(), Data("b7", 3, "dd"), Empty()},
       {},
       {{"cluster dd on host-2 (/var/lib/etcd), member b7"}}},
      {"the token was changed: one problem for all",
       {Data("b1", 9, "dd"), Data("b2", 9, "dd"), Data("b3", 9, "dd")},
       {},
       {{"host-1 (/var/lib/etcd), member b1; host-2 (/var/lib/etcd), member b2; host-3"}}},
      {"data of two other clusters",
       {Data("b1", 9, "dd"), Data("b2", 9, "ee"), Data("a3")},
       {},
       {{"of cluster dd on host-1"}, {"of cluster ee on host-2"}}},
      {"two hosts swapped",
       {Data("a2"), Data("a1"), Data("a3")},
       {},
       {{"host-1 (/var/lib/etcd): expected data of member a1, found data of member a2, which is etcd-2 on "
         "host-2",
         "swapped"},
        {"host-2 (/var/lib/etcd): expected data of member a2, found data of member a1, which is etcd-1 on "
         "host-1"}}},
      {"a data folder copied",
       {Data("a1"), Data("a1"), Data("a3")},
       AllOf3(),
       {{"host-2", "found data of member a1, which is etcd-1 on host-1", "copied"}}},
      {"a replaced member's folder copied",
       {Data("ff"), Data("a2"), Data("ff")},
       {},
       {{"host-1 (/var/lib/etcd) and host-3 (/var/lib/etcd) both have the data of member ff"}}},
      {"somebody's etcd on a host that has no data yet",
       {Empty(), Beside(Empty(), "dd"), Empty()},
       {},
       {{"host-2: there is an etcd already", "/usr/bin/etcd", "/srv/mine (member 5e of cluster dd)",
         "replace"}}},
      {"somebody's etcd that may give way",
       {Empty(), Beside(Empty(), "dd"), Empty()},
       {},
       {},
       {},
       "new cluster c1: no member has data yet",
       "",
       true},
      {"a data-dir that changed: the data is moved, whatever may give way",
       {Data("a1"), Beside(Empty(), "c1"), Data("a3")},
       AllOf3(),
       {{"host-2: etcd's data is in /srv/mine", "mv /srv/mine /var/lib/etcd"}},
       {},
       "",
       "",
       true},
      {"two hosts with the same address",
       {At(Data("a1"), "boot 8:1"), At(Data("a1"), "boot 8:1"), At(Data("a3"), "boot 8:2")},
       {},
       {{"host-1 (/var/lib/etcd) and host-2 (/var/lib/etcd) are the same folder of the same machine",
         "same address"}}},
      {"two hosts with the same address, before there is data",
       {At(Empty(), "boot 8:1 var"), At(Empty(), "boot 8:2 var"), At(Empty(), "boot 8:1 var")},
       {},
       {{"host-1 (/var/lib/etcd) and host-3 (/var/lib/etcd) are the same folder"}}},
      {"a folder that is not etcd's",
       {Empty(), Strange(), Empty()},
       {},
       {{"host-2: /var/lib/etcd has no data of an etcd member, but holds PG_VERSION", "the right host"}}},
      {"a folder that cannot be seen",
       {Data("a1"), absl::PermissionDeniedError("cannot open the folder /var/lib/etcd: Permission denied"),
        Data("a3")},
       {},
       {{"host-2 (/var/lib/etcd): cannot see", "Permission denied"}}},
      {"everything at once",
       {Strange(), absl::UnavailableError("no route"), Data("b1", 9, "dd")},
       {},
       {{"PG_VERSION"}, {"no route"}, {"cluster dd on host-3"}}},

      {"a bootstrap that was interrupted before the election",
       {Data("a1", 3), Empty(), Empty()},
       {},
       {},
       {},
       "3 members of cluster c1: 1 has its data; etcd-1 does not answer"},
      {"a bootstrap that was interrupted after the election",
       {Data("a1", 4), Data("a2", 3), Empty()},
       {},
       {},
       {2},
       "3 members of cluster c1: 2 have its data; etcd-1 and etcd-2 do not answer; whether etcd-3 may start "
       "is seen when the others answer"},
      {"the last of a bootstrap, which runs already",
       {Data("a1"), Data("a2"), Empty()},
       {{Listed(1, "a1", "etcd-1"), Listed(2, "a2", "etcd-2"), Listed(3, "a3", "etcd-3", false)}, {}},
       {}},
      {"a wiped member of a cluster that runs",
       {Data("a1"), Data("a2"), Empty()},
       AllOf3(),
       {{"host-3 (/var/lib/etcd): the data folder is empty, but member a3 has run with data",
         replace3 + "remove a3", replace3 + "add etcd-3 --peer-urls=https://10.0.0.3:2380",
         "flags: {initial-cluster-state: existing}"}}},
      {"the data folder of all was moved while the cluster runs",
       {Empty(), Empty(), Empty()},
       AllOf3(),
       {{"host-1", "member a1 has run"}, {"host-2", "member a2 has run"}, {"host-3", "member a3 has run"}}},
      {"a wiped member of a cluster that is down", {Data("a1"), Data("a2"), Empty()}, {}, {}, {2}},
      {"a snapshot shows that it was in use, too",
       {[] {
          absl::StatusOr<EtcdData> data = Data("a1", 3);
          data->snapshot = true;
          return data;
        }(),
        Data("a2", 3), Empty()},
       {},
       {},
       {2}},
      {"a quorum is lost",
       {Data("a1"), Empty(), Empty()},
       {},
       {{"does not answer, and only 1 of 3 members have data",
         "host-2 (/var/lib/etcd), host-3 (/var/lib/etcd)", "A quorum is 2", "restore a snapshot"}}},
      {"two of five lost", {Data("a1"), Empty(), Data("a3"), Empty(), Data("a5")}, {}, {}, {1, 3}},
      {"three of five lost",
       {Data("a1"), Empty(), Data("a3"), Empty(), Empty()},
       {},
       {{"only 2 of 5 members have data", "A quorum is 3"}}},

      {"a member that was replaced by hand and runs",
       {Data("a1"), Data("a2"), Data("ff")},
       Replaced("etcd-3", true),
       {}},
      {"the same, just joining", {Data("a1"), Data("a2"), Data("ff")}, Replaced("", false), {}},
      {"the same, before it has started", {Data("a1"), Data("a2"), Empty()}, Replaced("", false), {}},
      {"the same, wiped again",
       {Data("a1"), Data("a2"), Empty()},
       Replaced("etcd-3", true),
       {{"member ff has run with data", "member remove ff"}}},
      {"the same, while the cluster is down", {Data("a1"), Data("a2"), Data("ff")}, {}, {}, {2}},
      {"two replaced while the cluster is down",
       {Data("a1"), Data("ee"), Data("ff")},
       {},
       {{"host-2 (/var/lib/etcd): expected data of member a2, found data of member ee of this cluster",
         "does not answer", "a quorum"},
        {"host-3", "found data of member ff"}}},
      {"data with the id of a stranger in this cluster",
       {Data("a1"), Data("a2"), Data("ff")},
       {{Listed(1, "a1", "etcd-1"), Listed(2, "a2", "etcd-2"), Listed(9, "ff", "etcd-9")}, {}},
       {{"found data of member ff", "The cluster lists it as etcd-9 at https://10.0.0.9:2380"}}},
      {"data of a member that was removed, and not added again",
       {Data("a1"), Data("a2"), Data("a3")},
       {{Listed(1, "a1", "etcd-1"), Listed(2, "a2", "etcd-2")}, {}},
       {{"host-3 (/var/lib/etcd): found data of member a3, which the cluster does not list",
         "Move the folder", "member add etcd-3"}}},
      {"data of a member that was removed, and added again",
       {Data("a1"), Data("a2"), Data("a3")},
       Replaced("", false),
       {{"found data of member a3, which the cluster does not list", "then ninja starts it as member ff"}}},
      {"no data, and removed",
       {Data("a1"), Data("a2"), Empty()},
       {{Listed(1, "a1", "etcd-1"), Listed(2, "a2", "etcd-2")}, {}},
       {{"does not list this member. Add it:", "member add etcd-3"}}},

      {"added by hand, and cluster.yaml knows",
       {Data("a1"), Data("a2"), Empty()},
       Replaced("", false),
       {},
       {},
       "",
       "existing"},
      {"added by hand, and cluster.yaml does not know",
       {Data("a1"), Data("a2"), Empty()},
       Replaced("", false),
       {{"the cluster waits for member ff", "would be a3", "flags: {initial-cluster-state: existing}"}},
       {},
       "",
       "new"},
      {"the last of a bootstrap is no such member",
       {Data("a1"), Data("a2"), Empty()},
       {{Listed(1, "a1", "etcd-1"), Listed(2, "a2", "etcd-2"), Listed(3, "a3", "etcd-3", false)}, {}},
       {},
       {},
       "",
       "new"},
      {"no cluster to join",
       {Empty(), Empty(), Empty()},
       {},
       {{"initial-cluster-state is existing, but no member has data and none answers"}},
       {},
       "",
       "existing"},
      {"a cluster that was joined once, and is down",
       {Data("a1"), Data("a2"), Data("a3")},
       {},
       {},
       {},
       "",
       "existing"},

      {"another etcd at a member's address",
       {Empty(), Empty(), Empty()},
       {{}, {{1, {"77", "dd"}}}},
       {{"host-2: expected member a2 of cluster c1 at https://10.0.0.2:2379, found member 77 of cluster "
         "dd"}}},
      {"two addresses swapped",
       {Data("a1"), Data("a2"), Data("a3")},
       {AllOf3().list, {{1, {"a3", "c1"}}, {2, {"a2", "c1"}}}},
       {{"expected member a2 of cluster c1 at https://10.0.0.2:2379, found member a3"},
        {"expected member a3 of cluster c1 at https://10.0.0.3:2379, found member a2"}}},
      {"a replaced member answers with its id",
       {Data("a1"), Data("a2"), Data("ff")},
       {Replaced("etcd-3", true).list, {{2, {"ff", "c1"}}}},
       {}},
      {"one problem a host: its data and its answer are the same news",
       {Data("b1", 9, "dd"), Empty(), Empty()},
       {{}, {{0, {"b1", "dd"}}}},
       {{"found data of cluster dd on host-1"}}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    PlannedCluster cluster = Planned(c.found.size());
    cluster.initial_state = c.initial_state;
    cluster.replace = c.replace;
    const SurveyVerdict verdict = DecideOnSurvey(cluster, c.found, ToAnswers(cluster, c.live));
    const std::string all = absl::StrJoin(verdict.problems, "\n");
    EXPECT_EQ(verdict.problems.size(), c.problems.size()) << all;
    for (size_t i = 0; i < std::min(verdict.problems.size(), c.problems.size()); ++i) {
      for (const std::string& part : c.problems[i]) EXPECT_THAT(verdict.problems[i], HasSubstr(part));
    }
    EXPECT_EQ(verdict.status().ok(), c.problems.empty());
    for (const std::string& problem : verdict.problems) {
      EXPECT_THAT(verdict.status().message(), HasSubstr(problem));
    }
    EXPECT_EQ(verdict.ask_again, c.ask_again);
    for (size_t i = 0; i < c.found.size(); ++i) {
      EXPECT_EQ(verdict.MustAskAgain(i),
                std::find(c.ask_again.begin(), c.ask_again.end(), i) != c.ask_again.end());
    }
    if (!c.summary.empty()) {
      EXPECT_EQ(verdict.summary, c.summary);
    }
    // Where the cluster cannot be asked, nothing that the folders show is overlooked.
    for (const std::string& problem : FolderProblems(cluster, c.found)) {
      EXPECT_THAT(verdict.problems, testing::Contains(problem));
    }
  }
}

TEST(DecideOnSurvey, AVersionThatTheDataDoesNotTake) {
  PlannedCluster cluster = Planned(3);
  cluster.version = "3.6.1";
  LiveCluster live = ToAnswers(cluster, AllOf3());
  live.answers[0].status->version = "3.4.15";
  const SurveyVerdict verdict = DecideOnSurvey(cluster, {Data("a1"), Data("a2"), Data("a3")}, live);
  ASSERT_EQ(verdict.problems.size(), 1u);
  EXPECT_THAT(verdict.problems[0], HasSubstr("etcd-1 runs etcd 3.4.15"));
  cluster.version = "3.5.30";
  EXPECT_TRUE(DecideOnSurvey(cluster, {Data("a1"), Data("a2"), Data("a3")}, live).problems.empty());
}

TEST(DecideOnSurvey, WhatAuthForbidsIsToldBeforeAnythingIsDone) {
  struct Case {
    EtcdRight has;
    const char* version;  // that shall run
    bool snapshots;
    std::vector<std::string> problem;  // parts of it; none: it is fine
  };
  const std::vector<Case> cases = {
      {EtcdRight::kRoot, "3.5.30", true, {}},
      {EtcdRight::kVerifyKeys, "3.5.16", false, {}},
      {EtcdRight::kVerifyKeys,
       "3.5.16",
       true,
       {"may not take the snapshot before a restart: it needs", "role root"}},
      {EtcdRight::kVerifyKeys, "3.5.30", false, {"may not ask for the status of members", "role root"}},
      {EtcdRight::kVerifyKeys, "3.5.32", false, {}},
      {EtcdRight::kName, "3.5.16", false, {"may not write and read below /kplan/verify/", "readwrite on"}},
      {EtcdRight::kName,
       "3.5.16",
       true,
       {"take the snapshot before a restart, nor write and read below /kplan/verify/: it needs the role "
        "root"}},
  };
  for (const Case& it : cases) {
    PlannedCluster cluster = Planned(3);
    cluster.version = it.version;
    cluster.snapshots = it.snapshots;
    LiveCluster live = ToAnswers(cluster, AllOf3());
    live.answers[0].status->version = "3.5.16";
    live.rights.has = it.has;
    live.rights.user = "guest";
    const SurveyVerdict verdict = DecideOnSurvey(cluster, {Data("a1"), Data("a2"), Data("a3")}, live);
    EXPECT_TRUE(verdict.problems.empty());
    EXPECT_EQ(verdict.status().ok(), it.problem.empty()) << it.version << " " << verdict.forbidden;
    for (const std::string& part : it.problem) EXPECT_THAT(verdict.forbidden, HasSubstr(part)) << it.version;
    if (it.problem.empty()) continue;
    EXPECT_THAT(verdict.forbidden,
                AllOf(HasSubstr("as user guest (the CN of pki/root.pem)"),
                      HasSubstr("\n    archives/etcdctl --endpoints=https://10.0.0.1:2379 ")));
  }
}

// What cannot be asked is not taken for something else: that the cluster does not answer, or has no such
// member.
TEST(DecideOnSurvey, WhoMayNotAskSaysNothingOfTheMembers) {
  const PlannedCluster cluster = Planned(3);
  LiveCluster live;
  live.answers.resize(3);
  for (MemberAnswer& answer : live.answers) {
    answer.status = absl::PermissionDeniedError("auth: permission denied");
    answer.list = absl::PermissionDeniedError("auth: permission denied");
  }
  const SurveyVerdict verdict = DecideOnSurvey(cluster, {Data("a1"), Data("b9"), Empty()}, live);
  EXPECT_TRUE(verdict.problems.empty());
  EXPECT_THAT(
      std::string(verdict.status().message()),
      AllOf(HasSubstr("nothing was changed: auth is enabled"), HasSubstr("ask for the status of members")));
}

// The step itself, with hosts that are folders here.
class SurveyEtcdTest : public StepTest, public HostAccess {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    record_ = {{"cacert", "pki/ca.pem"},   {"cert", "pki/root.pem"},    {"cluster-id", "c1"},
               {"etcdctl", "/no/etcdctl"}, {"key", "pki/root-key.pem"}, {"kind", "survey-etcd"},
               {"members", Json::array()}};
    for (int i = 1; i <= 3; ++i) {
      record_["members"].push_back({{"client-urls", {absl::StrCat("https://127.0.0.1:", i)}},
                                    {"data", "/var/lib/etcd"},
                                    {"host", absl::StrCat("host-", i)},
                                    {"id", absl::StrCat("a", i)},
                                    {"name", absl::StrCat("etcd-", i)},
                                    {"peer-urls", {absl::StrCat("https://127.0.0.1:10", i)}},
                                    {"probe", absl::StrCat("https://127.0.0.1:", i)},
                                    {"remote", true},
                                    {"root", "/"}});
    }
  }

  absl::StatusOr<StepResult> RunStep(const std::string&, const std::string&, const Json&) override {
    ADD_FAILURE() << "a survey only asks";
    return absl::InternalError("");
  }
  absl::StatusOr<Json> Ask(const std::string& host, const Json& question) override {
    std::lock_guard<std::mutex> lock(mutex_);
    asked_.insert(host);
    if (host == unreachable_) return absl::UnavailableError(host + ": no route to host");
    absl::StatusOr<EtcdDataQuestion> here = FromJson<EtcdDataQuestion>(question);
    if (!here.ok()) return here.status();
    EXPECT_EQ(here->root, "/");
    here->root = "./" + host;
    return EtcdDataJson(*here);
  }

  absl::StatusOr<StepResult> Survey() {
    StepContext context;
    context.label = "survey/etcd";
    context.hosts = this;
    const std::string before = Everything();
    absl::StatusOr<StepResult> result = SurveyStep(context, *FromJson<SurveyRecord>(record_));
    EXPECT_EQ(Everything(), before) << "it only looks";
    return result;
  }

  static void WriteLog(const std::string& host, uint64_t member, uint64_t cluster = 0xc1) {
    Write(host + "/var/lib/etcd/member/wal/0000000000000000-0000000000000000.wal",
          WalWriter().Begin(member, cluster).State(1, 50).WithRoom());
  }

  absl::StatusOr<Outlook> LookAtIt() {
    Foreseen foreseen;
    return SurveyLook({"survey/etcd", absl::Now(), foreseen}, *FromJson<SurveyRecord>(record_));
  }

  Json record_;
  std::mutex mutex_;
  std::set<std::string> asked_;
  std::string unreachable_;
};

TEST_F(SurveyEtcdTest, DataStalesNothingAndSilentMembersTheRollout) {
  absl::StatusOr<StepResult> fresh = Survey();
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_THAT(asked_, ElementsAre("host-1", "host-2", "host-3"));
  EXPECT_EQ(fresh->output, "survey/etcd: new cluster c1: no member has data yet\n");
  EXPECT_EQ(fresh->reason, "");
  EXPECT_TRUE(fresh->files.empty());
  for (int i = 1; i <= 3; ++i) WriteLog(absl::StrCat("host-", i), 0xa0 + i);
  absl::StatusOr<StepResult> later = Survey();
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_THAT(later->output, HasSubstr("survey/etcd: 3 members of cluster c1: 3 have its data; "));
  EXPECT_THAT(later->output, HasSubstr(" do not answer\n"));
  EXPECT_NE(later->digest, fresh->digest) << "they have to be started";
  EXPECT_EQ(LookAtIt()->digest, fresh->digest);
  record_["cluster-id"] = "c2";
  EXPECT_NE(LookAtIt()->digest, fresh->digest);
}

TEST_F(SurveyEtcdTest, AllThatIsWrongIsToldAtOnce) {
  WriteLog("host-1", 0xa2);
  WriteLog("host-2", 0xb2, 0xdd);
  unreachable_ = "host-3";
  absl::StatusOr<StepResult> result = Survey();
  ASSERT_TRUE(absl::IsFailedPrecondition(result.status())) << result.status();
  EXPECT_THAT(
      std::string(result.status().message()),
      testing::AllOf(HasSubstr("nothing was changed\n  "),
                     HasSubstr("found data of member a2, which is etcd-2 on host-2"),
                     HasSubstr("found data of cluster dd on host-2"), HasSubstr("host-3: no route to host")));
}

TEST_F(SurveyEtcdTest, AnAnswerThatIsNoneIsNoData) {
  class Liar : public HostAccess {
    absl::StatusOr<StepResult> RunStep(const std::string&, const std::string&, const Json&) override {
      return absl::InternalError("");
    }
    absl::StatusOr<Json> Ask(const std::string&, const Json&) override {
      return Json{{"initialised", false}};
    }
  } liar;
  StepContext context;
  context.hosts = &liar;
  EXPECT_THAT(SurveyStep(context, *FromJson<SurveyRecord>(record_)).status().message(),
              HasSubstr("cannot see"));
}

TEST_F(SurveyEtcdTest, TheLookAsksNobody) {
  WriteLog("host-1", 0xa1);
  record_["members"][0]["remote"] = false;
  record_["members"][0]["root"] = "./host-1";
  absl::StatusOr<Outlook> outlook = LookAtIt();
  ASSERT_TRUE(outlook.ok()) << outlook.status();
  EXPECT_TRUE(outlook->reasons.empty());
  WriteLog("host-1", 0xb7, 0xdd);
  outlook = LookAtIt();
  EXPECT_THAT(outlook.status().message(),
              HasSubstr("found data of cluster dd on host-1 (./host-1/var/lib/etcd)"));
  EXPECT_TRUE(asked_.empty());
}

TEST_F(SurveyEtcdTest, WithoutHostsOnlyThisMachineCanBeAsked) {
  EXPECT_THAT(ErrorOf(SurveyStep, record_.dump()), HasSubstr("no way to reach the host"));
  for (int i = 0; i < 3; ++i) {
    record_["members"][i]["remote"] = false;
    record_["members"][i]["root"] = absl::StrCat("./host-", i + 1);
  }
  EXPECT_EQ(MustRun(SurveyStep, record_.dump()).output, "test: new cluster c1: no member has data yet\n");
  record_["members"][2]["root"] = "./host-1";
  EXPECT_THAT(ErrorOf(SurveyStep, record_.dump()), HasSubstr("are the same folder of the same machine"));
}

}  // namespace
}  // namespace kplan
