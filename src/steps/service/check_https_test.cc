#include "src/steps/service/check_https.h"

#include <stdlib.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/probe/dialer_testing.h"
#include "src/probe/listening.h"
#include "src/probe/stranger.h"
#include "src/probe/tls_server_testing.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Turns = TestTlsServer::Turns;

TEST(ParseHttpsTarget, ReadsUrls) {
  struct Case {
    const char *url, *host;
    int port;
    const char* path;
  };
  for (const Case& c :
       {Case{"https://127.0.0.1:8443/metrics", "127.0.0.1", 8443, "/metrics"},
        Case{"https://worker", "worker", 443, "/"}, Case{"https://worker/a?b=c:d", "worker", 443, "/a?b=c:d"},
        Case{"https://worker:1?q", "worker", 1, "/?q"},
        Case{"https://[::1]:6443/healthz", "::1", 6443, "/healthz"},
        Case{"https://[fd00::1]/", "fd00::1", 443, "/"}}) {
    absl::StatusOr<HttpsTarget> target = ParseHttpsTarget(c.url);
    ASSERT_TRUE(target.ok()) << c.url << ": " << target.status();
    EXPECT_EQ(target->address.host, c.host) << c.url;
    EXPECT_EQ(target->address.port, c.port) << c.url;
    EXPECT_EQ(target->path, c.path) << c.url;
  }
}

TEST(ParseHttpsTarget, RefusesEverythingElse) {
  for (const char* url :
       {"", "https://", "https:///x", "https://:8443/", "worker:8443", "ftp://worker/",
        "https://ops:secret@worker/", "https://worker:0/", "https://worker:65536/", "https://worker/#x",
        "https://worker/a b", "https://worker/a\r\nHost: x", "https://w\xc3\xb6rker/", "HTTPS://worker/"}) {
    EXPECT_FALSE(ParseHttpsTarget(url).ok()) << url;
  }
  EXPECT_THAT(std::string(ParseHttpsTarget("http://127.0.0.1:8080/").status().message()),
              HasSubstr("plain http"));
}

class CheckHttpsTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    now_ = absl::Now();
    MakeAll();
    MakeLeaf("client", {{"dns", "client"}});
    MakeLeaf("other", {{"dns", "worker"}, {"ip", "127.0.0.1"}});
  }

  // pki/NAME.pem and its key, signed by the same CA as pki/x.pem.
  void MakeLeaf(const std::string& name, const StringPairs& sans) {
    auto renamed = [&](const Json& record) {
      Json json = Json::parse(absl::StrReplaceAll(record.dump(), {{"pki/x", absl::StrCat("pki/", name)}}));
      if (json.contains("sans")) json["sans"] = sans;
      return json;
    };
    ASSERT_EQ(ReasonOf(KeyStep, renamed(key_)), "missing");
    ASSERT_EQ(ReasonOf(CsrStep, renamed(csr_)), "missing");
    ASSERT_EQ(ReasonOf(CertStep, renamed(cert_)), "missing");
  }

  static TestTlsServer::Behaviour Right(Turns turns = Turns::kByAlert) {
    TestTlsServer::Behaviour behaviour;
    behaviour.cert = "pki/x.pem";
    behaviour.key = "pki/x-key.pem";
    behaviour.ca = "pki/ca.pem";
    behaviour.turns = turns;
    return behaviour;
  }

  static Json Full(const std::string& url) {
    return {{"cacert", "pki/ca.pem"},
            {"cert", "pki/client.pem"},
            {"https", url},
            {"key", "pki/client-key.pem"},
            {"refuse", {"no-cert", "wrong-ca", "plaintext"}},
            {"serves", "pki/x.pem"},
            {"status", 200}};
  }

  static absl::StatusOr<HttpsCheck> CheckOf(const Json& json) {
    absl::StatusOr<ServiceCheckRecord> record = FromJson<ServiceCheckRecord>(json);
    if (!record.ok()) return record.status();
    return HttpsCheck::From(*record);
  }

  static CheckOutcome LookAt(const Json& json) {
    absl::StatusOr<HttpsCheck> check = CheckOf(json);
    EXPECT_TRUE(check.ok()) << check.status();
    return check.ok() ? LookAtHttps(*check) : CheckOutcome();
  }

  // The outcome has to be a failure; what was expected and seen, as the person reads it.
  static std::string Failure(const Json& json, bool lasting) {
    CheckOutcome outcome = LookAt(json);
    EXPECT_FALSE(outcome.holds) << outcome.said;
    EXPECT_EQ(outcome.lasting, lasting) << outcome.seen;
    EXPECT_THAT(outcome.advice, Not(IsEmpty()));
    EXPECT_THAT(outcome.check, HasSubstr(json["https"].get<std::string>()));
    return absl::StrCat(outcome.expected, " / ", outcome.seen, " / ", outcome.advice);
  }
};

TEST_F(CheckHttpsTest, EverythingHolds) {
  for (Turns turns : {Turns::kByAlert, Turns::kByHttp}) {
    TestTlsServer server(Right(turns));
    CheckOutcome outcome = LookAt(Full(server.Url("/metrics")));
    EXPECT_TRUE(outcome.holds) << outcome.expected << " / " << outcome.seen;
    EXPECT_EQ(outcome.said, server.Url("/metrics") +
                                " answers 200, serves pki/x.pem; refuses no-cert, wrong-ca, plaintext");
    EXPECT_EQ(outcome.proved.size(), 64u);
    EXPECT_THAT(server.requests(), Contains("GET /metrics HTTP/1.1 "));
    EXPECT_THAT(server.requests(), Contains("GET /metrics HTTP/1.1 plain"));
  }
}

// Leads whoever asks for "worker" to a port of this machine.
class LeadingDialer : public Dialer {
 public:
  explicit LeadingDialer(int port) : port_(port) {}

  absl::StatusOr<Connection> Dial(const HostPort& target, absl::Duration timeout) override {
    EXPECT_EQ(target.host, "worker");
    ++dialled_;
    return DialFromHere({"127.0.0.1", port_}, absl::Now() + timeout);
  }

  int dialled() const { return dialled_; }

 private:
  const int port_;
  std::atomic<int> dialled_{0};
};

TEST_F(CheckHttpsTest, ByWayOfAnother) {
  TestTlsServer server(Right());
  auto dialer = std::make_shared<LeadingDialer>(server.port());
  Json json = Full("https://worker:1/metrics");
  json["from-host"] = true;
  absl::StatusOr<HttpsCheck> check = CheckOf(json);
  ASSERT_TRUE(check.ok()) << check.status();
  const CheckOutcome outcome = LookAtHttps(*check, dialer);
  EXPECT_TRUE(outcome.holds) << outcome.expected << " / " << outcome.seen;
  EXPECT_EQ(outcome.check, "https https://worker:1/metrics, by way of the host");
  // curl, who is served, three strangers, and a good client after each.
  EXPECT_EQ(dialer->dialled(), 8);
}

TEST_F(CheckHttpsTest, TheWaySaysWhyItLeadsNowhere) {
  auto dialer = std::make_shared<TestDialer>();
  dialer->failure_ = absl::UnavailableError("from web-1: cannot connect to worker:1: Connection refused");
  Json json = Full("https://worker:1/metrics");
  json["from-host"] = true;
  absl::StatusOr<HttpsCheck> check = CheckOf(json);
  ASSERT_TRUE(check.ok()) << check.status();
  const CheckOutcome outcome = LookAtHttps(*check, dialer);
  EXPECT_FALSE(outcome.holds || outcome.lasting);
  EXPECT_EQ(outcome.seen, "from web-1: cannot connect to worker:1: Connection refused");
}

TEST_F(CheckHttpsTest, AnAnswerAloneIsEnoughWhereNothingElseIsAsked) {
  TestTlsServer server(Right(Turns::kNobody));
  const Json json = {{"cacert", "pki/ca.pem"}, {"https", server.Url()}, {"status", 200}};
  CheckOutcome outcome = LookAt(json);
  EXPECT_TRUE(outcome.holds) << outcome.seen;
  EXPECT_EQ(outcome.said, server.Url() + " answers 200");
  EXPECT_EQ(server.requests().size(), 1u) << "curl asks, and nobody else";
}

TEST_F(CheckHttpsTest, AnotherStatusIsAFailure) {
  TestTlsServer::Behaviour behaviour = Right(Turns::kNobody);
  behaviour.status = 404;
  behaviour.body = "no such \x1b[31mpage\nat all\n";
  TestTlsServer server(behaviour);
  EXPECT_THAT(
      Failure(Full(server.Url("/metrix")), true),
      HasSubstr(
          "/metrix answers 200 to who shows pki/client.pem / it answers 404: \"no such \\x1b[31mpage\""));
  // A server that is not ready says 5xx: that may pass. Nor is a redirect followed.
  behaviour.status = 503;
  server.Become(behaviour);
  EXPECT_THAT(Failure(Full(server.Url()), false), HasSubstr("it answers 503"));
  behaviour.status = 302;
  server.Become(behaviour);
  EXPECT_THAT(Failure(Full(server.Url()), true), HasSubstr("it answers 302"));
  // What is wanted need not be 200.
  behaviour.status = 403;
  server.Become(behaviour);
  const Json json = {{"cacert", "pki/ca.pem"}, {"https", server.Url()}, {"status", 403}};
  EXPECT_TRUE(LookAt(json).holds);
}

TEST_F(CheckHttpsTest, NobodyListens) {
  int port;
  { port = TestTlsServer(Right()).port(); }
  EXPECT_THAT(Failure(Full(absl::StrCat("https://127.0.0.1:", port, "/")), false), HasSubstr("curl: (7)"));
}

TEST_F(CheckHttpsTest, AServerOfAnotherCaIsNotBelieved) {
  TestTlsServer server(Right());
  // The same names, another key.
  Json ca = ca_key_, cert = ca_cert_;
  ca["path"] = cert["key"] = "pki/stranger-key.pem";
  ca["certificate"] = cert["path"] = "pki/stranger.pem";
  ASSERT_EQ(ReasonOf(KeyStep, ca), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, cert), "missing");
  Json json = Full(server.Url());
  json["cacert"] = "pki/stranger.pem";
  EXPECT_THAT(Failure(json, true), HasSubstr("curl: (60)"));
}

TEST_F(CheckHttpsTest, TheCertificateHasToBeGoodForTheAddress) {
  MakeLeaf("elsewhere", {{"dns", "elsewhere"}});
  TestTlsServer::Behaviour behaviour = Right();
  behaviour.cert = "pki/elsewhere.pem";
  behaviour.key = "pki/elsewhere-key.pem";
  TestTlsServer server(behaviour);
  EXPECT_THAT(Failure(Full(server.Url()), true), HasSubstr("curl: (60)"));
}

TEST_F(CheckHttpsTest, TheServedCertificateIsTheOneByteForByte) {
  TestTlsServer::Behaviour behaviour = Right();
  behaviour.cert = "pki/other.pem";
  behaviour.key = "pki/other-key.pem";
  TestTlsServer server(behaviour);
  const std::string text = Failure(Full(server.Url()), false);
  EXPECT_THAT(text, HasSubstr("serves the certificate in pki/x.pem, sha256 "));
  EXPECT_THAT(text, HasSubstr(" / it serves sha256 "));
  EXPECT_THAT(text, HasSubstr("on-change"));
  // With the right one it holds, and what is proved is another thing.
  Json json = Full(server.Url());
  json["serves"] = "pki/other.pem";
  const std::string proved = LookAt(json).proved;
  server.Become(Right());
  EXPECT_NE(LookAt(Full(server.Url())).proved, proved);
  // A bundle, with the key before it, and a chain do as well.
  Write("pki/bundle.pem", Read("pki/x-key.pem") + Read("pki/x.pem") + Read("pki/ca.pem"));
  json["serves"] = "pki/bundle.pem";
  EXPECT_TRUE(LookAt(json).holds);
  Write("pki/bundle.pem", "nothing\n");
  EXPECT_THAT(Failure(json, true), HasSubstr("serves the certificate in pki/bundle.pem"));
  json["serves"] = "pki/gone.pem";
  EXPECT_THAT(Failure(json, true), HasSubstr("pki/gone.pem"));
}

TEST_F(CheckHttpsTest, WhoLetsStrangersInIsCaught) {
  TestTlsServer::Behaviour behaviour = Right(Turns::kNobody);
  behaviour.plain = true;
  TestTlsServer server(behaviour);
  Json json = Full(server.Url());
  for (const auto& [kind, who] :
       StringPairs{{"no-cert", "a client without a certificate"},
                   {"wrong-ca", "a client with a certificate signed by a stranger's CA"},
                   {"plaintext", "a client that speaks plain HTTP"}}) {
    json["refuse"] = {kind};
    EXPECT_THAT(Failure(json, true), HasSubstr(absl::StrCat("refuses ", who, " / ", who, " got in: ")));
  }
}

TEST_F(CheckHttpsTest, AServerThatFailsOfItselfRefusesNobody) {
  TestTlsServer server(Right(Turns::kByFault));
  Json json = Full(server.Url());
  for (const char* kind : {"wrong-ca", "plaintext"}) {
    json["refuse"] = {kind};
    EXPECT_THAT(
        Failure(json, false),
        AllOf(HasSubstr("TLS alert 80 internal_error, which is the server's own fault and no refusal"),
              HasSubstr("may its user read its certificate")))
        << kind;
  }
}

// As etcd whose user may not read its certificate.
TEST_F(CheckHttpsTest, AServerWithoutACertificateTurnsNobodyAway) {
  TestTlsServer::Behaviour behaviour = Right();
  behaviour.broken = true;
  TestTlsServer server(behaviour);
  ClientIdentity model;
  model.cert_pem = Read("pki/client.pem");
  for (const char* kind : {"no-cert", "wrong-ca", "plaintext"}) {
    absl::StatusOr<ProbeResult> probe = ProbeAsStranger({"127.0.0.1", server.port()}, Read("pki/ca.pem"),
                                                        model, kind, absl::Now() + absl::Seconds(10));
    ASSERT_TRUE(probe.ok()) << probe.status();
    EXPECT_TRUE(IsServersFault(probe->alert)) << kind << ": " << DescribeProbe(*probe);
    for (Refusing refusing : {Refusing::kTls, Refusing::kTlsOrHttp})
      EXPECT_FALSE(WasTurnedAway(kind, *probe, refusing)) << kind;
  }
}

TEST_F(CheckHttpsTest, SilenceIsNoRefusal) {
  TestTlsServer server(Right());
  absl::StatusOr<HttpsCheck> check = CheckOf(Full(server.Url()));
  ASSERT_TRUE(check.ok());
  TestTlsServer::Behaviour behaviour = Right();
  behaviour.hang = true;
  server.Become(behaviour);
  CheckOutcome outcome = LookAtHttps(*check);
  EXPECT_FALSE(outcome.holds);
  EXPECT_THAT(outcome.seen, HasSubstr("curl: (28)"));
}

TEST_F(CheckHttpsTest, ARefusalThatIsTheAnswerIsNone) {
  // Everybody gets 400: then 400 says nothing about strangers.
  TestTlsServer::Behaviour behaviour = Right(Turns::kNobody);
  behaviour.status = 400;
  TestTlsServer server(behaviour);
  Json json = Full(server.Url());
  json["status"] = 400;
  EXPECT_THAT(Failure(json, true), HasSubstr("a client without a certificate got in"));
}

TEST_F(CheckHttpsTest, ANameIsToldToTheServer) {
  MakeLeaf("local", {{"dns", "localhost"}});
  TestTlsServer::Behaviour behaviour = Right();
  behaviour.cert = "pki/local.pem";
  behaviour.key = "pki/local-key.pem";
  TestTlsServer server(behaviour);
  Json json = Full(absl::StrCat("https://localhost:", server.port(), "/a?b=c"));
  json["serves"] = "pki/local.pem";
  CheckOutcome outcome = LookAt(json);
  EXPECT_TRUE(outcome.holds) << outcome.seen;
  for (const std::string& request : server.requests()) {
    EXPECT_THAT(request, testing::AnyOf("GET /a?b=c HTTP/1.1 localhost", "GET /a?b=c HTTP/2 localhost",
                                        "GET /a?b=c HTTP/1.1 plain"));
  }
}

TEST_F(CheckHttpsTest, NothingOfTheCallersEnvironmentCounts) {
  TestTlsServer server(Right());
  Write("home/.curlrc", "url = \"https://127.0.0.1:1/\"\ninsecure\n");
  Write("home/.netrc", "machine 127.0.0.1 login x password y\n");
  setenv("HOME", (working_folder_ + "/home").c_str(), 1);
  setenv("https_proxy", "http://127.0.0.1:1", 1);
  setenv("SSL_CERT_FILE", "pki/none.pem", 1);
  EXPECT_TRUE(LookAt(Full(server.Url())).holds);
  unsetenv("https_proxy");
  unsetenv("SSL_CERT_FILE");
}

TEST_F(CheckHttpsTest, RecordsThatProveNothingAreRefused) {
  auto error = [](const Json& json) { return std::string(CheckOf(json).status().message()); };
  const Json full = Full("https://127.0.0.1:1/");
  Json json = full;
  json["https"] = "http://127.0.0.1:1/";
  EXPECT_THAT(error(json), HasSubstr("plain http"));
  json = full;
  json.erase("cert");
  EXPECT_THAT(error(json), HasSubstr("proves nothing without a `cert`"));
  json = full;
  json["refuse"] = {"everybody"};
  EXPECT_THAT(error(json), HasSubstr("no kind of client"));
  json = full;
  json.erase("cacert");
  EXPECT_THAT(error(json), HasSubstr("name it: ca"));
}

}  // namespace
}  // namespace kplan
