// The verification of a cluster, against three real etcds: that it passes, and that each check fails when it
// should, with the members named.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/url.h"
#include "src/etcd/etcd_cluster_testing.h"
#include "src/etcd/facts/etcd_ids.h"
#include "src/etcd/verify_report.h"
#include "src/probe/tls_probe.h"
#include "src/step/host_access.h"
#include "src/step/step_testing.h"
#include "src/steps/service/etcd_testing.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The logs of hosts, as the far end of ssh would give them.
class Logs : public HostAccess {
 public:
  absl::StatusOr<StepResult> RunStep(const std::string&, const std::string&, const Json&) override {
    return absl::UnimplementedError("a verification runs no steps");
  }
  absl::StatusOr<Json> Ask(const std::string& host, const Json& question) override {
    asked.push_back(absl::StrCat(host, " ", question.dump()));
    if (host == "host-2") return absl::UnavailableError("no route to host");
    return Json{{"lines", absl::StrCat("    a line of ", host, "\n")}};
  }

  std::vector<std::string> asked;
};

class ClusterVerification : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    if (EtcdFolder().empty())
      GTEST_SKIP() << "no etcd here: neither KPLAN_TEST_ETCD_DIR nor the archive //tests:etcd";
  }

  absl::StatusOr<StepResult> Verify(const Json& record) {
    StepContext context;
    context.label = "verify/etcd";
    context.now = absl::FromUnixSeconds(1700000000);
    context.hosts = hosts_;
    absl::StatusOr<VerifyRecord> parsed = FromText<VerifyRecord>(record.dump());
    if (!parsed.ok()) return parsed.status();
    return VerifyStep(context, *parsed);
  }

  std::string MustPass(const Json& record) {
    absl::StatusOr<StepResult> result = Verify(record);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->output : "";
  }

  // "CHECK of MEMBER" of all that failed, in the report and likewise in the error, which is kept in error_.
  std::vector<std::string> Failures(const Json& record) {
    absl::StatusOr<StepResult> result = Verify(record);
    EXPECT_FALSE(result.ok()) << result->output;
    error_ = std::string(result.status().message());
    std::vector<std::string> failures, in_error;
    Json report = Report();
    EXPECT_EQ(report["verdict"], "fail");
    EXPECT_FALSE(report.contains("write"));
    EXPECT_EQ(report["failure"]["check"], report["failures"][0]["check"]);
    for (const Json& failure : report["failures"]) {
      const std::string member = failure["member"];
      failures.push_back(
          absl::StrCat(failure["check"].get<std::string>(), member.empty() ? "" : " of ", member));
    }
    for (absl::string_view line : absl::StrSplit(error_, '\n')) {
      if (absl::ConsumePrefix(&line, "verification failed: ")) in_error.push_back(std::string(line));
    }
    EXPECT_EQ(failures, in_error);
    return failures;
  }

  static Json Report() { return Json::parse(Read("reports/verify-etcd.json"), nullptr, false); }

  // An etcdctl that does SCRIPT first, which may exit: "$*" is what it was called with.
  void PutEtcdctl(const std::string& script, Json* record) {
    const std::string real = (*record)["etcdctl"];
    (*record)["etcdctl"] = absl::StrCat(working_folder_, "/etcdctl");
    ASSERT_EQ(unlink("etcdctl") == 0 || errno == ENOENT, true);
    Write("etcdctl",
          absl::StrCat("#!/bin/sh\nreal() { ", real, " \"$@\"; }\n", script, "\nexec ", real, " \"$@\"\n"),
          0755);
  }

  HostAccess* hosts_ = nullptr;
  std::string error_;
};

// Tests that leave the cluster as they found it share one.
class VerifyCluster : public ClusterVerification {
 protected:
  static void SetUpTestSuite() {
    if (EtcdFolder().empty()) return;
    std::string folder = testing::TempDir() + "/trio-XXXXXX";
    ASSERT_NE(mkdtemp(&folder[0]), nullptr);
    trio_ = new EtcdTrio(folder);
    trio_->Start();
    trio_->AwaitHealth();
  }
  static void TearDownTestSuite() {
    delete trio_;
    trio_ = nullptr;
  }

  void SetUp() override {
    ClusterVerification::SetUp();
    if (!IsSkipped()) record_ = trio_->Record();
  }

  std::string Url(int member) const { return trio_->members[member].client_url(); }
  std::string PeerUrl(int member) const { return trio_->members[member].peer_url(); }

  static EtcdTrio* trio_;
  Json record_;
};

EtcdTrio* VerifyCluster::trio_ = nullptr;

TEST_F(VerifyCluster, PassesAndSaysWhatItSaw) {
  // Paths are relative to DIR.
  ASSERT_EQ(symlink(std::string(FolderOf(trio_->Pki("ca.pem"))).c_str(), "pki"), 0);
  std::string text = record_.dump();
  record_ = Json::parse(absl::StrReplaceAll(text, {{FolderOf(trio_->Pki("ca.pem")), "pki"}}));
  ASSERT_EQ(record_["members"][2]["server-cert"], "pki/server-3.pem");

  const std::vector<std::string> ids = trio_->Ids(EtcdTrio::kToken);
  std::vector<std::string> lines = absl::StrSplit(MustPass(record_), '\n');
  ASSERT_EQ(lines.size(), 9u) << absl::StrJoin(lines, "\n");
  EXPECT_THAT(lines[7], HasSubstr("etcdctl"));
  EXPECT_THAT(lines[0], testing::MatchesRegex("member +name +version +leader  client URL +certificate good "
                                              "until +peer's good until"));
  int leaders = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(lines[i + 1], testing::MatchesRegex(absl::StrCat(
                                  ids[i], " +etcd-", i + 1, "  [0-9.]+ +(yes|no) +", Url(i),
                                  "  20[0-9-]+ \\([0-9]+ days\\)  20[0-9-]+ \\([0-9]+ days\\)")));
    leaders += absl::StrContains(lines[i + 1], " yes ");
  }
  EXPECT_EQ(leaders, 1);
  EXPECT_EQ(lines[4], "refused at client and peer ports: no-cert, wrong-ca, plaintext");

  Json report = Report();
  EXPECT_EQ(report["verdict"], "pass");
  EXPECT_FALSE(report.contains("failures"));
  EXPECT_EQ(report["cluster-id"], PredictedClusterId(ids));
  ASSERT_EQ(report["members"].size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const Json& member = report["members"][i];
    EXPECT_EQ(member["id"], ids[i]);
    EXPECT_EQ(member["name"], absl::StrCat("etcd-", i + 1));
    EXPECT_EQ(member["endpoint"], Url(i));
    EXPECT_EQ(member["peer-endpoint"], PeerUrl(i));
    EXPECT_EQ(member["certificate"]["subject"], absl::StrCat("O=Kubernetes,CN=etcd-", i + 1));
    EXPECT_EQ(member["peer-certificate"]["subject"], absl::StrCat("O=Kubernetes,CN=etcd-", i + 1));
    EXPECT_NE(member["certificate"]["fingerprint-sha256"], member["peer-certificate"]["fingerprint-sha256"]);
    EXPECT_EQ(member["raft-term"], report["members"][0]["raft-term"]);
    EXPECT_GT(member["raft-index"], 3);
  }
  std::vector<std::string> refusals;
  for (const Json& refusal : report["refusals"]) {
    refusals.push_back(
        absl::StrCat(refusal["endpoint"].get<std::string>(), " ", refusal["kind"].get<std::string>()));
    if (refusal["kind"] != "plaintext") {
      EXPECT_THAT(refusal["evidence"].get<std::string>(), HasSubstr("TLS alert 42 bad_certificate"));
    }
  }
  std::vector<std::string> expected;
  for (int i = 0; i < 3; ++i) {
    for (const std::string& url : {Url(i), PeerUrl(i)}) {
      for (const char* kind : {" no-cert", " wrong-ca", " plaintext"}) expected.push_back(url + kind);
    }
  }
  EXPECT_EQ(refusals, expected);

  // What it wrote is gone, and was its own.
  const Json& write = report["write"];
  EXPECT_THAT(write["key"].get<std::string>(), testing::MatchesRegex("/kplan/verify/[0-9a-f]+"));
  EXPECT_EQ(write["read-at"], Json::array({Url(0), Url(1), Url(2)}));
  EXPECT_EQ(lines[5],
            absl::StrCat("written by ", Url(0), ", read back by every member, and deleted: revision ",
                         write["revision"].get<int64_t>()));
  EXPECT_EQ(trio_->Etcdctl({"get", "--prefix", "", "--keys-only"}), "");
  EXPECT_EQ(trio_->Etcdctl({"lease", "list"}), "found 0 leases\n");

  const Json& data = report["data"];
  EXPECT_EQ(data["revision"], write["revision"]);
  ASSERT_EQ(data["hashes"].size(), 3u);
  for (const char* member : {"etcd-1", "etcd-2", "etcd-3"})
    EXPECT_EQ(data["hashes"][member], data["hashes"]["etcd-1"]);
  EXPECT_EQ(lines[6],
            absl::StrCat("the same data on every member: revision ", data["revision"].get<int64_t>(),
                         ", hash ", data["hashes"]["etcd-1"].get<uint32_t>()));
}

TEST_F(VerifyCluster, EtcdctlMayComeFromThePath) {
  const std::string path = getenv("PATH");
  setenv("PATH", absl::StrCat(EtcdFolder(), ":", path).c_str(), 1);
  absl::Cleanup back = [&] { setenv("PATH", path.c_str(), 1); };
  record_["etcdctl"] = "";
  MustPass(record_);
  setenv("PATH", working_folder_.c_str(), 1);
  EXPECT_THAT(Failures(record_), ElementsAre("etcdctl"));
  EXPECT_THAT(error_, HasSubstr("there is no program etcdctl"));
}

TEST_F(VerifyCluster, AnIdThatCannotBePredictedNeedsNameAndPeerUrls) {
  record_["members"][1]["id"] = "1234";  // as if this one had been removed and added again
  MustPass(record_);
  EXPECT_EQ(Report()["members"][1]["id"], trio_->Ids(EtcdTrio::kToken)[1]);
  record_["members"][1]["name"] = "etcd-two";
  EXPECT_THAT(Failures(record_), ElementsAre("member-id of etcd-two"));
  record_["members"][1]["name"] = "etcd-2";
  record_["members"][1]["peer-urls"] = {"https://127.0.0.3:1"};
  EXPECT_THAT(Failures(record_), ElementsAre("member-id of etcd-2"));
  EXPECT_THAT(error_, AllOf(HasSubstr("a member 1234 (etcd-2)"), HasSubstr(PeerUrl(1))));
}

TEST_F(VerifyCluster, FailsWhenMembersDiffer) {
  const Json good = record_;
  record_["members"][2]["name"] = "etcd-x";
  EXPECT_THAT(Failures(record_), ElementsAre("member-name of etcd-x"));

  record_ = good;
  record_["members"][2]["peer-urls"] = {"https://127.0.0.4:1"};
  record_["members"][1]["client-urls"] = {"https://127.0.0.3:1"};
  EXPECT_THAT(Failures(record_), ElementsAre("client-urls of etcd-2", "peer-urls of etcd-3"));
  EXPECT_THAT(error_,
              AllOf(HasSubstr("https://127.0.0.4:1 for member"), HasSubstr("https://127.0.0.3:1 for")));

  record_ = good;
  record_["members"].erase(1);
  EXPECT_THAT(Failures(record_), ElementsAre("member-count"));

  // The right members at each other's addresses.
  record_ = good;
  for (const char* key : {"probe", "server-cert", "peer-probe", "peer-cert", "peer-key"}) {
    std::swap(record_["members"][0][key], record_["members"][1][key]);
  }
  EXPECT_THAT(Failures(record_), ElementsAre("endpoint-member of etcd-1", "endpoint-member of etcd-2"));
}

TEST_F(VerifyCluster, AnotherTokenIsAnotherCluster) {
  const std::vector<std::string> ids = trio_->Ids("trio-2");
  for (int i = 0; i < 3; ++i) record_["members"][i]["id"] = ids[i];
  record_["cluster-id"] = PredictedClusterId(ids);
  EXPECT_THAT(Failures(record_),
              ElementsAre("cluster-id of etcd-1", "cluster-id of etcd-2", "cluster-id of etcd-3"));
}

TEST_F(VerifyCluster, AnotherVersionIsTold) {
  record_["version"] =
      Json::parse(trio_->Etcdctl({"endpoint", "status", "-w", "json"}))[0]["Status"]["version"];
  MustPass(record_);
  record_["version"] = "3.4.0";
  EXPECT_THAT(Failures(record_), ElementsAre("version of etcd-1", "version of etcd-2", "version of etcd-3"));
}

TEST_F(VerifyCluster, FailsWhenOtherCertificatesAreServed) {
  record_["members"][0]["server-cert"] = trio_->Pki("server-other.pem");
  record_["members"][1]["peer-cert"] = trio_->Pki("peer-other.pem");
  EXPECT_THAT(Failures(record_), ElementsAre("serving-certificate of etcd-1", "peer-certificate of etcd-2"));
  EXPECT_THAT(error_, AllOf(HasSubstr(Url(0) + " serves sha256"), HasSubstr(PeerUrl(1) + " serves sha256"),
                            HasSubstr("peer-other.pem"), HasSubstr("peer-cert-file")));
  // The third has been looked at all the same.
  EXPECT_EQ(Report()["refusals"].size(), 6u);
  EXPECT_EQ(Report()["members"].size(), 3u);
}

TEST_F(VerifyCluster, FailsWhenPeersAreNotOfTheCa) {
  record_["peer-cacert"] = trio_->Pki("other-ca.pem");  // of the same name
  EXPECT_THAT(Failures(record_), ElementsAre("peer-certificate of etcd-1", "peer-certificate of etcd-2",
                                             "peer-certificate of etcd-3"));
  EXPECT_THAT(error_, HasSubstr("that the CA in " + trio_->Pki("other-ca.pem") + " signed"));
}

TEST_F(VerifyCluster, ATrustThatIsNotYetInForceIsTold) {
  // Another CA is to be trusted from now on, and etcd was not restarted.
  record_["cacert"] = trio_->Pki("bundle.pem");
  EXPECT_THAT(Failures(record_), ElementsAre("trust of etcd-1", "trust of etcd-2", "trust of etcd-3"));
  EXPECT_THAT(error_, HasSubstr("missing: \"O=Kubernetes,CN=trio-ca\""));
}

TEST_F(VerifyCluster, AMemberWithoutAKeyHereIsStillJudged) {
  for (Json& member : record_["members"]) member.erase("peer-key");
  MustPass(record_);
  EXPECT_EQ(Report()["refusals"].size(), 18u);
}

TEST_F(VerifyCluster, OnlyTheOwnMemberShowsThatThePeerPortLetsItIn) {
  record_["members"][1]["peer-key"] = trio_->Pki("peer-3-key.pem");  // no pair
  EXPECT_THAT(Failures(record_), ElementsAre("refuse no-cert of etcd-2"));
  EXPECT_THAT(error_, HasSubstr("still lets its own member through"));
}

TEST_F(VerifyCluster, AnElectionInBetweenIsLookedAtAgain) {
  // The first time etcd-2 says that it follows another leader, in an earlier term, and is behind.
  PutEtcdctl(
      absl::StrCat(
          "case \"$*\" in *'endpoint status'*", Url(1),
          "*) if mkdir once 2>/dev/null; then real \"$@\" | sed 's/\"leader\":[0-9]*/\"leader\":1234/; "
          "s/\"raftTerm\":[0-9]*/\"raftTerm\":1/; s/\"raftAppliedIndex\":[0-9]*/\"raftAppliedIndex\":1/'; "
          "exit; fi;; esac"),
      &record_);
  MustPass(record_);
  EXPECT_TRUE(Exists("once"));
}

TEST_F(VerifyCluster, MembersThatStayApartAreToldInTheEnd) {
  record_["timeout"] = 1;
  PutEtcdctl(absl::StrCat("case \"$*\" in *'endpoint status'*", Url(2),
                          "*) real \"$@\" | sed 's/\"leader\":[0-9]*/\"leader\":4660/'; exit;; esac"),
             &record_);
  EXPECT_THAT(Failures(record_), ElementsAre("leader of etcd-3"));
  EXPECT_THAT(error_, HasSubstr("seen:     member 1234 at " + Url(2)));
}

TEST_F(VerifyCluster, AWriteThatDoesNotArriveIsTold) {
  const Json good = record_;
  // etcd-2 has another value, etcd-3 none of its own; what was written goes away all the same.
  PutEtcdctl(
      absl::StrCat("case \"$*\" in get*consistency=l*", Url(1),
                   "*) real \"$@\" | sed 's/\"value\":\"[^\"]*/\"value\":\"eA==/'; exit;; get*consistency=s*",
                   Url(2), "*) echo '{\"header\":{\"revision\":99999}}'; exit;; esac"),
      &record_);
  EXPECT_THAT(Failures(record_), ElementsAre("read of etcd-2", "read-own of etcd-3"));
  EXPECT_THAT(error_,
              AllOf(HasSubstr("another value at revision"), HasSubstr("no such key at revision 99999")));
  EXPECT_EQ(trio_->Etcdctl({"get", "--prefix", "", "--keys-only"}), "");

  // A key that another write has replaced is not what was written, either.
  record_ = good;
  PutEtcdctl(absl::StrCat("case \"$*\" in get*", Url(2),
                          "*) real \"$@\" | sed 's/\"mod_revision\":/&1/'; exit;; esac"),
             &record_);
  EXPECT_THAT(Failures(record_), ElementsAre("read of etcd-3"));

  // A member's own data may come a little later.
  record_ = good;
  PutEtcdctl(absl::StrCat(
                 "case \"$*\" in get*consistency=s*", Url(2),
                 "*) if mkdir once 2>/dev/null; then echo '{\"header\":{\"revision\":1}}'; exit; fi;; esac"),
             &record_);
  MustPass(record_);
  EXPECT_TRUE(Exists("once"));

  // The first member cannot delete it: another does.
  record_ = good;
  PutEtcdctl(absl::StrCat("case \"$*\" in lease' 'revoke*", Url(0), "*) echo no >&2; exit 1;; esac"),
             &record_);
  MustPass(record_);
  EXPECT_EQ(trio_->Etcdctl({"get", "--prefix", "", "--keys-only"}), "");

  record_ = good;
  PutEtcdctl("case \"$*\" in lease' 'revoke*) echo Error: no >&2; exit 1;; esac", &record_);
  EXPECT_THAT(Failures(record_), ElementsAre("write-cleanup"));
  EXPECT_THAT(error_, HasSubstr("within 300 s"));
  const std::string key = trio_->Etcdctl({"get", "--prefix", "/kplan/", "-w", "json"});
  EXPECT_THAT(key, HasSubstr("\"lease\":"));
  trio_->Etcdctl({"del", "--prefix", "/kplan/"});
}

TEST_F(VerifyCluster, AWriteIsTriedAgainAfterAnElection) {
  PutEtcdctl(
      "case \"$*\" in put*) if mkdir once 2>/dev/null; then echo 'Error: etcdserver: leader changed' >&2; "
      "exit 1; fi;; esac",
      &record_);
  MustPass(record_);
  EXPECT_TRUE(Exists("once"));
}

TEST_F(VerifyCluster, AClientWithoutRightsIsToldWhatItNeeds) {
  trio_->Etcdctl({"user", "add", "root", "--no-password"});
  trio_->Etcdctl({"role", "add", "root"});
  trio_->Etcdctl({"user", "grant-role", "root", "root"});
  trio_->Etcdctl({"user", "add", "guest", "--no-password"});
  trio_->Etcdctl({"auth", "enable"});
  absl::Cleanup disable = [] {
    trio_->Etcdctl({"auth", "disable"});
    trio_->Etcdctl({"user", "delete", "guest"});
  };
  MustPass(record_);
  record_["cert"] = trio_->Pki("guest.pem");
  record_["key"] = trio_->Pki("guest-key.pem");
  EXPECT_THAT(Failures(record_), ElementsAre("write of etcd-1"));
  EXPECT_THAT(error_, AllOf(HasSubstr("seen:     etcdserver: permission denied\n"),
                            HasSubstr("readwrite on /kplan/verify/"), HasSubstr("guest.pem")));

  // The rights it says are enough.
  trio_->Etcdctl({"role", "add", "kplan"});
  trio_->Etcdctl({"role", "grant-permission", "kplan", "--prefix=true", "readwrite", "/kplan/verify/"});
  trio_->Etcdctl({"user", "grant-role", "guest", "kplan"});
  MustPass(record_);
}

TEST_F(VerifyCluster, AMemberAddedByHandIsOneTooMany) {
  for (bool learner : {true, false}) {
    // Not the same: the id is made from it and the second, and one that was removed does not come again.
    const std::string url = learner ? "https://127.0.0.5:1" : "https://127.0.0.5:2";
    std::vector<std::string> words = {"member", "add", "etcd-4", "--peer-urls=" + url};
    if (learner) words.push_back("--learner");
    trio_->Etcdctl(words);
    EXPECT_THAT(Failures(record_), ElementsAre("member-count"));
    EXPECT_THAT(error_, AllOf(HasSubstr("4 members"), HasSubstr("(never started) " + url)));
    Json list = Json::parse(trio_->Etcdctl({"member", "list", "-w", "json"}));
    for (const Json& member : list["members"]) {
      if (member["peerURLs"][0] != url) continue;
      trio_->Etcdctl({"member", "remove", absl::StrCat(absl::Hex(member["ID"].get<uint64_t>()))});
    }
  }
  MustPass(record_);
}

TEST_F(VerifyCluster, TheLogsOfThoseThatFailedAreAskedFor) {
  Logs logs;
  hosts_ = &logs;
  record_["members"][1]["manager"] = "process";
  record_["members"][1]["server-cert"] = record_["members"][0]["server-cert"];
  record_["members"][2]["server-cert"] = record_["members"][0]["server-cert"];
  EXPECT_THAT(Failures(record_),
              ElementsAre("serving-certificate of etcd-2", "serving-certificate of etcd-3"));
  EXPECT_THAT(error_, testing::EndsWith(
                          "\n  the last log lines of etcd on host-2:\n    (they cannot be had: no route to "
                          "host)\n\n  the last log lines of etcd on host-3:\n    a line of host-3\n"));
  EXPECT_THAT(
      logs.asked,
      ElementsAre(
          "host-2 {\"kind\":\"service-log\",\"manager\":\"process\",\"name\":\"etcd\",\"root\":\"/\"}",
          "host-3 {\"kind\":\"service-log\",\"manager\":\"systemd\",\"name\":\"etcd\",\"root\":\"/\"}"));
}

// An openssl that asks for a certificate in TLS 1.2, where that ends the handshake: Go's later etcds
// speak 1.3.
TEST_F(VerifyCluster, ACertificateIsSeenThoughTheHandshakeFails) {
  const EtcdTrio::Member& member = trio_->members[0];
  const std::string peer = trio_->Pki("peer-1");
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    const pid_t server = fork();
    if (server == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int null = open("/dev/null", O_RDWR);
      for (int fd : {0, 1, 2}) dup2(null, fd);
      execlp("openssl", "openssl", "s_server", version, "-accept", "127.0.0.5:42379", "-cert",
             (peer + ".pem").c_str(), "-key", (peer + "-key.pem").c_str(), "-CAfile",
             trio_->Pki("ca.pem").c_str(), "-Verify", "1", "-verify_return_error", "-quiet", nullptr);
      _exit(127);
    }
    absl::Cleanup end = [&] {
      kill(server, SIGKILL);
      waitpid(server, nullptr, 0);
    };
    absl::StatusOr<ProbeResult> probe = absl::UnavailableError("");
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (absl::IsUnavailable(probe.status()) && absl::Now() < until) {
      probe = ProbeTls({"127.0.0.5", 42379}, Read(trio_->Pki("ca.pem")), {}, until);
      usleep(10000);
    }
    ASSERT_TRUE(probe.ok()) << probe.status();
    EXPECT_TRUE(IsCertificateAlert(probe->alert)) << probe->alert;
    EXPECT_EQ(probe->protocol.empty(), version == std::string("-tls1_2"));
    absl::StatusOr<CertificateSeen> seen = DescribeCertificate(probe->certificate);
    ASSERT_TRUE(seen.ok()) << seen.status();
    EXPECT_EQ(seen->subject, "O=Kubernetes,CN=" + member.name);
    EXPECT_EQ(probe->chain_error, "");
    EXPECT_EQ(probe->client_cas, *SubjectsOf(Read(trio_->Pki("ca.pem"))));
  }
}

TEST_F(VerifyCluster, RecordsThatMakeNoSenseAreRefused) {
  const Json good = record_;
  record_["members"][0].erase("peer-probe");
  EXPECT_THAT(std::string(Verify(record_).status().message()),
              HasSubstr("no peer-probe and peer-cert of etcd-1"));
  record_ = good;
  record_["members"][0]["peer-probe"] = "http://127.0.0.2:2380";
  EXPECT_THAT(std::string(Verify(record_).status().message()), HasSubstr("https://HOST:PORT"));
  record_ = good;
  record_["members"][0]["peer-key"] = "pki/none.pem";
  EXPECT_THAT(Failures(record_), ElementsAre("installed-files"));
  EXPECT_THAT(error_, HasSubstr("pki/none.pem"));
}

TEST_F(VerifyCluster, NoKeyIsInTheReportOrTheError) {
  record_["members"][1]["peer-key"] = trio_->Pki("peer-3-key.pem");
  Failures(record_);
  EXPECT_FALSE(absl::StrContains(error_ + Read("reports/verify-etcd.json"), "PRIVATE"));
}

// Tests of a cluster that is wrong, or that they break.
class VerifyBrokenCluster : public ClusterVerification {
 protected:
  void SetUp() override {
    ClusterVerification::SetUp();
    if (!IsSkipped()) trio_ = std::make_unique<EtcdTrio>(working_folder_);
  }

  std::map<std::string, std::string>& Flags(int member) { return trio_->members[member].flags; }

  std::unique_ptr<EtcdTrio> trio_;
};

TEST_F(VerifyBrokenCluster, EveryOpenPortIsFound) {
  Flags(0).erase("trusted-ca-file");  // any client
  Flags(0).erase("client-cert-auth");
  // Any peer; what its own certificates are checked with comes from Go's idea of the system's CAs.
  Flags(1).erase("peer-trusted-ca-file");
  Flags(1).erase("peer-client-cert-auth");
  trio_->members[1].environment.push_back(absl::StrCat("SSL_CERT_FILE=", trio_->Pki("ca.pem")));
  Flags(2)["listen-peer-urls"] = absl::StrCat("http://127.0.0.4:", trio_->members[2].peer_port);
  trio_->Start();
  EXPECT_THAT(Failures(trio_->Record()), ElementsAre("refuse no-cert of etcd-1", "refuse no-cert of etcd-2",
                                                     "refuse plaintext of etcd-3"));
  EXPECT_THAT(error_, AllOf(HasSubstr("  look at:  client-cert-auth (or trusted-ca-file)"),
                            HasSubstr("  look at:  peer-client-cert-auth (or peer-trusted-ca-file)"),
                            HasSubstr("it speaks plain HTTP: \"HTTP/1.1 200 OK\"")));

  Json record = trio_->Record();
  record["refuse"] = {"wrong-ca"};
  EXPECT_THAT(Failures(record), ElementsAre("refuse wrong-ca of etcd-1", "refuse wrong-ca of etcd-2",
                                            "refuse plaintext of etcd-3"));
  record["refuse"] = Json::array();
  EXPECT_THAT(Failures(record),
              ElementsAre("trust of etcd-1", "peer-trust of etcd-2", "refuse plaintext of etcd-3"));
  EXPECT_THAT(error_, HasSubstr("it takes those of nobody"));
}

TEST_F(VerifyBrokenCluster, AStrangersCaIsFound) {
  // No probe can be of that CA: its key is elsewhere. Its name is even the same.
  Flags(0)["trusted-ca-file"] = trio_->Pki("bundle.pem");
  Flags(1)["peer-trusted-ca-file"] = trio_->Pki("bundle.pem");
  // And one that its peers let nobody be, itself included: it may serve, and is no client.
  Flags(2)["peer-cert-file"] = trio_->Pki("peer-server-only.pem");
  Flags(2)["peer-key-file"] = trio_->Pki("peer-server-only-key.pem");
  trio_->Start();
  Json record = trio_->Record();
  record["members"][2]["peer-cert"] = trio_->Pki("peer-server-only.pem");
  record["members"][2]["peer-key"] = trio_->Pki("peer-server-only-key.pem");
  EXPECT_THAT(Failures(record),
              ElementsAre("trust of etcd-1", "peer-trust of etcd-2", "refuse no-cert of etcd-3"));
  EXPECT_THAT(error_, AllOf(HasSubstr("too many: \"O=Kubernetes,CN=trio-ca\""),
                            HasSubstr("still lets its own member through"), HasSubstr("client auth")));
}

TEST_F(VerifyBrokenCluster, TheOwnMemberFromAnotherAddressIsLetThroughTheHandshake) {
  // As on real hosts: the certificate is good for the member's address, and we come from another.
  Flags(2)["peer-cert-file"] = trio_->Pki("peer-3-strict.pem");
  Flags(2)["peer-key-file"] = trio_->Pki("peer-3-strict-key.pem");
  trio_->Start();
  absl::StatusOr<HostPort> target = ParseHttpsUrl(trio_->members[2].peer_url());
  const ClientIdentity own = {Read(trio_->Pki("peer-3-strict.pem")),
                              Secret(Read(trio_->Pki("peer-3-strict-key.pem")))};
  trio_->AwaitHealth();
  absl::StatusOr<ProbeResult> probe =
      ProbeTls(*target, Read(trio_->Pki("ca.pem")), own, absl::Now() + absl::Seconds(5));
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_TRUE(probe->closed);
  EXPECT_EQ(probe->alert, -1);
  EXPECT_EQ(probe->response, "");
  Json record = trio_->Record();
  record["members"][2]["peer-cert"] = trio_->Pki("peer-3-strict.pem");
  record["members"][2]["peer-key"] = trio_->Pki("peer-3-strict-key.pem");
  MustPass(record);
}

TEST_F(VerifyBrokenCluster, AMemberThatIsDownIsNamedAndTheOthersAreSeen) {
  trio_->Start();
  trio_->AwaitHealth();
  trio_->Lead(0);  // its end is no election
  trio_->Signal(2, SIGKILL);
  Json record = trio_->Record();
  record["timeout"] = 1;
  EXPECT_THAT(Failures(record), ElementsAre("health of etcd-3"));
  EXPECT_THAT(error_, AllOf(HasSubstr("cannot connect"), HasSubstr(trio_->members[2].client_url())));
  EXPECT_EQ(Report()["members"].size(), 2u);
  EXPECT_EQ(Report()["refusals"].size(), 12u);
  EXPECT_EQ(Report()["members"][1]["id"], trio_->Ids(EtcdTrio::kToken)[1]);

  // One that hangs is waited for until the deadline, and named.
  trio_->Start();
  trio_->AwaitHealth();
  trio_->Signal(1, SIGSTOP);
  EXPECT_THAT(Failures(record), ElementsAre("health of etcd-2"));
  EXPECT_THAT(error_, HasSubstr("no answer in time"));
  trio_->Signal(1, SIGCONT);

  // Without a quorum nobody is healthy.
  trio_->Signal(0, SIGKILL);
  trio_->Signal(2, SIGKILL);
  EXPECT_THAT(Failures(record), ElementsAre("health of etcd-1", "health of etcd-2", "health of etcd-3"));
}

TEST_F(VerifyBrokenCluster, AnAlarmIsToldAtOnce) {
  for (int i = 0; i < 3; ++i) Flags(i)["quota-backend-bytes"] = "40000";
  trio_->Start();
  trio_->AwaitHealth();
  // Writes until one is refused; the alarm is raised with it.
  const std::string value(10000, 'x');
  Json record = trio_->Record();
  for (int i = 0; i < 50; ++i) {
    RunOptions options;
    options.environment = {"ETCDCTL_API=3"};
    absl::StatusOr<RunResult> put = kplan::Run(
        {record["etcdctl"], "put", absl::StrCat("k", i), value, "--endpoints", record["members"][0]["probe"],
         "--cacert", record["cacert"], "--cert", record["cert"], "--key", record["key"]},
        options);
    ASSERT_TRUE(put.ok());
    if (!put->ok()) break;
  }
  std::vector<std::string> failures = Failures(record);
  for (const std::string& failure : failures) EXPECT_THAT(failure, testing::StartsWith("alarm of etcd-"));
  EXPECT_THAT(error_, AllOf(HasSubstr("NOSPACE of member "), HasSubstr("quota-backend-bytes"),
                            HasSubstr("kplan defrag")));
}

TEST_F(VerifyBrokenCluster, AMemberAddedAgainByHandPassesOnceItVotes) {
  // Otherwise etcd wants five quiet seconds before it changes its members.
  for (int i = 0; i < 3; ++i) Flags(i)["strict-reconfig-check"] = "false";
  trio_->Start();
  trio_->AwaitHealth();
  trio_->Lead(0);
  const std::string old_id = trio_->Ids(EtcdTrio::kToken)[2];
  trio_->Signal(2, SIGKILL);
  trio_->WipeData(2);
  trio_->Etcdctl({"member", "remove", old_id});
  const std::string added = trio_->Etcdctl(
      {"member", "add", "etcd-3", "--learner", "--peer-urls=" + trio_->members[2].peer_url(), "-w", "json"});
  const std::string id = absl::StrCat(absl::Hex(Json::parse(added)["member"]["ID"].get<uint64_t>()));
  Flags(2)["initial-cluster-state"] = "existing";
  trio_->Start();
  // A learner answers no client's reads: it is not healthy, and not waited for longer than it may take.
  Json record = trio_->Record();
  record["timeout"] = 2;
  EXPECT_THAT(Failures(record), testing::Contains(AllOf(HasSubstr("of etcd-3"))));
  for (int i = 0; i < 50; ++i) {  // until it has caught up
    RunOptions options;
    options.environment = {"ETCDCTL_API=3"};
    absl::StatusOr<RunResult> promoted =
        kplan::Run({record["etcdctl"], "member", "promote", id, "--endpoints", record["members"][0]["probe"],
                    "--cacert", record["cacert"], "--cert", record["cert"], "--key", record["key"]},
                   options);
    ASSERT_TRUE(promoted.ok());
    if (promoted->ok()) break;
    usleep(100000);
  }
  record["timeout"] = 30;
  MustPass(record);
  EXPECT_EQ(Report()["members"][2]["id"], id);
  EXPECT_NE(id, old_id);
}

}  // namespace
}  // namespace kplan
