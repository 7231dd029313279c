#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/clock_testing.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/probe/listening.h"
#include "src/probe/tls_probe.h"
#include "src/steps/service/etcd_testing.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class VerifyEtcdTest : public EtcdTest {
 protected:
  void SetUp() override {
    EtcdTest::SetUp();
    if (!IsSkipped()) url_ = absl::StrCat("https://127.0.0.1:", port_);
  }

  void StartEtcd() { MustRun(ServiceStep, Text(service_)); }

  // Takes every argument that starts with FLAG out of etcd's.
  void DropFlag(const std::string& flag) {
    Json kept = Json::array();
    for (const Json& argument : service_["argv"]) {
      if (!absl::StartsWith(argument[0].get<std::string>(), flag)) kept.push_back(argument);
    }
    ASSERT_LT(kept.size(), service_["argv"].size());
    service_["argv"] = kept;
  }

  // The error of the verification, by CLOCK.
  std::string Failure(Clock* clock = Clock::Real()) {
    StepContext context;
    context.label = "test";
    context.clock = clock;
    absl::StatusOr<StepResult> result = RunAs<VerifyRecord, VerifyStep>(context, verify_);
    EXPECT_FALSE(result.ok());
    return std::string(result.status().message());
  }

  // The verification has to fail at CHECK; the report says so too. The error's text.
  std::string ExpectFailure(const std::string& check, Clock* clock = Clock::Real()) {
    std::string error = Failure(clock);
    EXPECT_THAT(error, HasSubstr("verification failed: " + check + "\n"));
    EXPECT_THAT(error, HasSubstr("the last log lines of etcd:\n    "));
    Json report = Report();
    EXPECT_EQ(report["verdict"], "fail");
    EXPECT_EQ(report["failure"]["check"], check);
    return error;
  }

  static Json Report() { return Json::parse(Read("reports/verify-etcd.json"), nullptr, false); }

  std::string url_;
};

TEST_F(VerifyEtcdTest, PassesAndSaysWhatItSaw) {
  StartEtcd();
  StepResult result = MustRun(VerifyStep, Text(verify_));
  EXPECT_THAT(
      result.output,
      testing::MatchesRegex(absl::StrCat(
          "member  +name  version +leader  client URL +certificate good until\n"
          "8e9e05c52164694d  etcd  [0-9.]+ +yes     ",
          url_,
          "  20[0-9-]+ \\([0-9]+ days\\)\nrefused: no-cert, wrong-ca, plaintext\nask it: .*etcdctl .*\n")));
  EXPECT_EQ(result.reason, "");
  EXPECT_THAT(result.files, ElementsAre("reports/verify-etcd.json"));
  EXPECT_EQ(ModeOf("reports/verify-etcd.json"), 0644u);

  std::string text = Read("reports/verify-etcd.json");
  EXPECT_EQ(result.digest, Sha256Hex(text));
  Json report = Report();
  EXPECT_EQ(report.dump() + "\n", text) << "canonical";
  EXPECT_EQ(report["verdict"], "pass");
  EXPECT_EQ(report["time"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(report["label"], "test");
  EXPECT_EQ(report["cluster-id"], "cdf818194e3a8c32");
  EXPECT_FALSE(report.contains("failure"));
  ASSERT_EQ(report["members"].size(), 1u);
  const Json& member = report["members"][0];
  EXPECT_EQ(member["id"], "8e9e05c52164694d");
  EXPECT_EQ(member["name"], "etcd");
  EXPECT_EQ(member["peer-urls"], Json::array({"http://localhost:2380"}));
  EXPECT_EQ(member["client-urls"], Json::array({url_}));
  EXPECT_EQ(member["endpoint"], url_);
  EXPECT_NE(member["version"], "");
  EXPECT_EQ(member["leader"], true);
  EXPECT_EQ(member["certificate"]["subject"], "O=Kubernetes,CN=kubernetes");
  EXPECT_EQ(member["certificate"]["sans"], (Json::array({"DNS:worker", "IP:127.0.0.1"})));
  EXPECT_EQ(member["certificate"]["fingerprint-sha256"].get<std::string>().size(), 64u);
  EXPECT_THAT(member["certificate"]["not-after"].get<std::string>(), testing::EndsWith("Z"));

  ASSERT_EQ(report["refusals"].size(), 3u);
  EXPECT_EQ(report["refusals"][0]["kind"], "no-cert");
  EXPECT_THAT(report["refusals"][0]["evidence"].get<std::string>(), HasSubstr("TLS alert"));
  EXPECT_EQ(report["refusals"][1]["kind"], "wrong-ca");
  EXPECT_THAT(report["refusals"][1]["evidence"].get<std::string>(), HasSubstr("TLS alert"));
  EXPECT_EQ(report["refusals"][2]["kind"], "plaintext");
  for (const Json& refusal : report["refusals"]) EXPECT_EQ(refusal["endpoint"], url_);
}

TEST_F(VerifyEtcdTest, WaitsForAnEtcdThatIsStillStarting) {
  // Without addresses to wait for, the service step returns while etcd is on its way up.
  service_["answers"] = Json::array();
  StartEtcd();
  MustRun(VerifyStep, Text(verify_));
}

TEST_F(VerifyEtcdTest, ALongWaitIsTold) {
  StartEtcd();
  const pid_t etcd = Pid();
  ASSERT_EQ(kill(etcd, SIGSTOP), 0);
  const pid_t waker = fork();
  if (waker == 0) {
    usleep(2200000);
    kill(etcd, SIGCONT);
    _exit(0);
  }
  StepResult result = MustRun(VerifyStep, Text(verify_));
  EXPECT_THAT(result.output, testing::MatchesRegex(absl::StrCat("test: waited [2-9]\\.[0-9] s until ", url_,
                                                                " was healthy\nmember .*")));
  EXPECT_EQ(waitpid(waker, nullptr, 0), waker);
}

TEST_F(VerifyEtcdTest, SeesACertificateThatWasSwappedIn) {
  StartEtcd();
  MustRun(VerifyStep, Text(verify_));
  std::string before = Report()["members"][0]["certificate"]["fingerprint-sha256"];
  Write("rootfs/etc/etcd/kubernetes-key.pem", Pki("other-leaf-key.pem"), 0600);
  Write("rootfs/etc/etcd/kubernetes.pem", Pki("other-leaf.pem"));
  MustRun(VerifyStep, Text(verify_));
  EXPECT_NE(Report()["members"][0]["certificate"]["fingerprint-sha256"], before);
}

TEST_F(VerifyEtcdTest, FailsWhenAClientWithoutACertificateGetsIn) {
  DropFlag("--client-cert-auth");
  DropFlag("--trusted-ca-file");
  StartEtcd();
  std::string error = ExpectFailure("refuse no-cert");
  EXPECT_THAT(error, AllOf(HasSubstr("a client without a certificate got in"), HasSubstr(url_),
                           HasSubstr("client-cert-auth")));
  EXPECT_EQ(Report()["refusals"].size(), 0u);
}

TEST_F(VerifyEtcdTest, FailsWhenAStrangersCertificateGetsIn) {
  DropFlag("--client-cert-auth");
  DropFlag("--trusted-ca-file");
  StartEtcd();
  verify_["refuse"] = {"wrong-ca"};
  std::string error = ExpectFailure("refuse wrong-ca");
  EXPECT_THAT(error, AllOf(HasSubstr("signed by a stranger's CA got in"), HasSubstr("trusted-ca-file")));
}

TEST_F(VerifyEtcdTest, FailsWhenAnotherCaIsTrustedAsWell) {
  DropFlag("--trusted-ca-file");
  service_["argv"].push_back({"--trusted-ca-file=", "/etc/etcd/two-cas.pem"});
  Write("rootfs/etc/etcd/two-cas.pem", absl::StrCat(Pki("ca.pem"), Pki("other-ca.pem")));
  StartEtcd();
  const std::string error = ExpectFailure("trust");
  EXPECT_THAT(error, AllOf(HasSubstr("too many: "), HasSubstr("trusted-ca-file")));
}

TEST_F(VerifyEtcdTest, FailsWhenPlainHttpGetsIn) {
  // etcd speaks both at one address when it is told to.
  DropFlag("--listen-client-urls");
  DropFlag(url_);
  DropFlag("--advertise-client-urls");
  service_["argv"].push_back({absl::StrCat("--listen-client-urls=http://127.0.0.1:", port_, ",", url_), ""});
  service_["argv"].push_back({absl::StrCat("--advertise-client-urls=", url_), ""});
  StartEtcd();
  std::string error = ExpectFailure("refuse plaintext");
  EXPECT_THAT(error, AllOf(HasSubstr("plain HTTP got in"), HasSubstr("listen-client-urls")));
  EXPECT_EQ(Report()["refusals"].size(), 2u);
}

TEST_F(VerifyEtcdTest, FailsWhenEtcdTrustsAnotherCa) {
  Write("rootfs/etc/etcd/other-ca.pem", Pki("other-ca.pem"));
  DropFlag("--trusted-ca-file");
  service_["argv"].push_back({"--trusted-ca-file=", "/etc/etcd/other-ca.pem"});
  StartEtcd();
  FakeClock clock;
  std::string error = ExpectFailure("health", &clock);
  EXPECT_THAT(error, AllOf(HasSubstr("TLS alert 42 bad_certificate"), HasSubstr("trusted-ca-file")));
  EXPECT_GT(clock.waited(), absl::Seconds(2));
  EXPECT_LT(clock.waited(), absl::Seconds(3));
}

TEST_F(VerifyEtcdTest, FailsWhenAnotherCertificateIsServed) {
  StartEtcd();
  Write("rootfs/etc/etcd/other.pem", Pki("other-leaf.pem"));
  verify_["members"][0]["server-cert"] = "/etc/etcd/other.pem";
  std::string error = ExpectFailure("serving-certificate");
  EXPECT_THAT(error, AllOf(HasSubstr("rootfs/etc/etcd/other.pem"), HasSubstr(url_ + " serves sha256")));
}

TEST_F(VerifyEtcdTest, FailsWhenTheCertificateIsNotOfTheCa) {
  StartEtcd();
  // Same names, another key: etcd still trusts the client's certificate, but the client not etcd's.
  Write("rootfs/etc/etcd/ca2.pem", Pki("other-ca.pem"));
  verify_["cacert"] = "/etc/etcd/ca2.pem";
  EXPECT_THAT(ExpectFailure("serving-certificate"), HasSubstr("a certificate that the CA signed"));
}

TEST_F(VerifyEtcdTest, FailsWhenTheCertificateIsNotForTheHost) {
  StartEtcd();
  verify_["members"][0]["probe"] = absl::StrCat("https://localhost:", port_);
  EXPECT_THAT(ExpectFailure("serving-certificate"), HasSubstr("a certificate that is good for localhost"));
}

TEST_F(VerifyEtcdTest, FailsWhenMembersDiffer) {
  StartEtcd();
  const Json good = verify_;
  verify_["members"][0]["id"] = "8e9e05c52164694e";
  EXPECT_THAT(ExpectFailure("member-id"), HasSubstr("8e9e05c52164694d"));

  verify_ = good;
  verify_["members"].push_back(good["members"][0]);
  EXPECT_THAT(ExpectFailure("member-count"), HasSubstr("expected: 2 members"));

  verify_ = good;
  verify_["members"][0]["name"] = "etcd-1";
  EXPECT_THAT(ExpectFailure("member-name"), HasSubstr("expected: etcd-1"));

  verify_ = good;
  verify_["members"][0]["client-urls"] = {"https://127.0.0.1:1"};
  EXPECT_THAT(ExpectFailure("client-urls"), HasSubstr("https://127.0.0.1:1 for member"));

  verify_ = good;
  verify_["members"][0]["peer-urls"] = {"http://localhost:2381"};
  EXPECT_THAT(ExpectFailure("peer-urls"), HasSubstr("http://localhost:2381"));

  verify_ = good;
  verify_["cluster-id"] = "cdf818194e3a8c33";
  EXPECT_THAT(ExpectFailure("cluster-id"), HasSubstr("cluster cdf818194e3a8c32"));
}

TEST_F(VerifyEtcdTest, FailsWhenEtcdIsDead) {
  StartEtcd();
  ASSERT_EQ(*StopService("process", "rootfs", "etcd"), true);
  absl::Time start = absl::Now();
  EXPECT_THAT(ExpectFailure("health"), HasSubstr("etcd is not running"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(15)) << "it does not wait for what cannot come";
}

TEST_F(VerifyEtcdTest, FailsInTimeWhenNobodyEverAnswers) {
  FakeClock clock;
  verify_["timeout"] = 3;
  EXPECT_THAT(Failure(&clock), AllOf(HasSubstr("verification failed: health"), HasSubstr("cannot connect")));
  EXPECT_EQ(clock.waited(), absl::Seconds(3));
}

TEST_F(VerifyEtcdTest, FailsWithoutItsFilesOrItsProgram) {
  StartEtcd();
  ASSERT_EQ(rename("rootfs/usr/local/bin/etcdctl", "etcdctl"), 0);
  EXPECT_THAT(ExpectFailure("etcdctl"), HasSubstr("rootfs/usr/local/bin/etcdctl"));
  ASSERT_EQ(unlink("rootfs/etc/etcd/kubernetes-key.pem"), 0);
  EXPECT_THAT(ExpectFailure("installed-files"), HasSubstr("kubernetes-key.pem"));
}

TEST_F(VerifyEtcdTest, NoKeyIsInTheReportOrTheError) {
  DropFlag("--client-cert-auth");
  DropFlag("--trusted-ca-file");
  StartEtcd();
  std::string error = ExpectFailure("refuse no-cert");
  EXPECT_FALSE(absl::StrContains(error + Read("reports/verify-etcd.json"), "PRIVATE"));
}

TEST_F(VerifyEtcdTest, ADeadPortIsNoRefusal) {
  absl::StatusOr<ProbeResult> probe = ProbePlaintext({"127.0.0.1", port_}, absl::Now() + absl::Seconds(5));
  EXPECT_TRUE(absl::IsUnavailable(probe.status())) << probe.status();
}

TEST_F(VerifyEtcdTest, SilenceIsNoRefusal) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketAddress address = ResolveAddresses({"127.0.0.1", port_})->front();
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address.storage), address.size), 0);
  ASSERT_EQ(listen(listener.get(), 16), 0);
  for (bool tls : {true, false}) {
    absl::Time deadline = absl::Now() + absl::Milliseconds(200);
    absl::StatusOr<ProbeResult> probe = tls ? ProbeTls({"127.0.0.1", port_}, Pki("ca.pem"), {}, deadline)
                                            : ProbePlaintext({"127.0.0.1", port_}, deadline);
    ASSERT_TRUE(probe.ok()) << probe.status();
    EXPECT_EQ(probe->alert, -1);
    EXPECT_FALSE(probe->closed);
    EXPECT_EQ(probe->response, "");
    EXPECT_EQ(probe->error, "no answer in time");
  }
}

TEST_F(VerifyEtcdTest, RecordsThatMakeNoSenseAreRefused) {
  const Json good = verify_;
  verify_["refuse"] = {"everybody"};
  EXPECT_THAT(ErrorOf(VerifyStep, Text(verify_)), HasSubstr("everybody"));
  verify_ = good;
  verify_["members"][0]["probe"] = "http://127.0.0.1:1";
  EXPECT_THAT(ErrorOf(VerifyStep, Text(verify_)), HasSubstr("https://HOST:PORT"));
  verify_ = good;
  verify_.erase("members");
  EXPECT_THAT(ErrorOf(VerifyStep, Text(verify_)), HasSubstr("members"));
  EXPECT_FALSE(Exists("reports"));
}

}  // namespace
}  // namespace kplan
