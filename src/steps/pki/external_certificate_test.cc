// A CA whose key somebody else has: kplan's requests, signed by OpenSSL here, and what comes back.

#include <string.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/process.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

constexpr char kAgain[] =
    "; nothing was changed. Either have pki/x.csr signed again by C=US, L=Portland, O=Kubernetes, "
    "CN=Kubernetes and put the certificate at pki/x.pem, or change the spec";

class ExternalCertificateTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    now_ = absl::Now();
    ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
    ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
    ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
    ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
    cert_.erase("issuer-key");
    requests_ = {{"kind", "requests"}, {"pairs", StringPairs{{"pki/x.csr", "pki/x.pem"}}}};
  }

  struct Signing {
    std::string sans = "DNS:worker,IP:127.0.0.1";
    std::string usage = "critical,digitalSignature,keyEncipherment";
    std::string extended = "serverAuth,clientAuth";
    std::string basic = "critical,CA:FALSE";
    std::string subject;  // empty: the request's
    std::string days = "365";
    std::string ca = "pki/ca";
  };

  // OpenSSL knows no other time than the present.
  void Sign(const Signing& how) {
    Write("ext", absl::StrCat("subjectAltName=", how.sans, "\nkeyUsage=", how.usage,
                              "\nextendedKeyUsage=", how.extended, "\nbasicConstraints=", how.basic,
                              "\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"));
    std::vector<std::string> argv = {
        "openssl",           "x509",  "-req",   "-in",      "pki/x.csr", "-CA",  how.ca + ".pem", "-CAkey",
        how.ca + "-key.pem", "-days", how.days, "-extfile", "ext",       "-out", "pki/x.pem"};
    if (!how.subject.empty()) argv.insert(argv.end(), {"-set_subject", how.subject});
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    if (run.ok() && !run->ok() && !how.subject.empty()) {  // OpenSSL 3.0: -subj
      argv[argv.size() - 2] = "-subj";
      run = kplan::Run(argv);
    }
    ASSERT_TRUE(run.ok() && run->ok()) << (run.ok() ? run->err : run.status().ToString());
    now_ = absl::Now();
  }

  // What the step says against a certificate, without what to do about it.
  std::string Wrong(const Signing& how) {
    Sign(how);
    std::string message = Refusal(CertStep, cert_);
    const std::string start = "pki/x.pem is not the certificate that pki/x.csr asks for: ";
    EXPECT_TRUE(absl::StartsWith(message, start)) << message;
    EXPECT_TRUE(absl::EndsWith(message, kAgain)) << message;
    return message.substr(start.size(), message.size() - start.size() - strlen(kAgain));
  }

  std::string Waiting() {
    absl::StatusOr<StepResult> result = RunNow(RequestsStep, requests_);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return "";
    EXPECT_EQ(result->reason, "");
    digest_ = result->digest;
    return result->output;
  }

  Json requests_;
  std::string digest_;
};

TEST_F(ExternalCertificateTest, WaitsAndIsTakenIn) {
  EXPECT_EQ(
      Refusal(CertStep, cert_),
      "waits for signing: have pki/x.csr signed by C=US, L=Portland, O=Kubernetes, CN=Kubernetes and put the "
      "certificate at pki/x.pem");
  EXPECT_EQ(
      Waiting(),
      "1 request waits for signing (request -> where its certificate belongs):\n  pki/x.csr -> pki/x.pem\n");
  const std::string waiting = digest_;
  EXPECT_EQ(RunNow(RequestsStep, requests_)->files, std::vector<std::string>{"pki/x.pem"});
  Sign({});
  std::string before = Everything();
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  EXPECT_EQ(Waiting(), "");
  EXPECT_NE(digest_, waiting);
  EXPECT_EQ(Everything(), before);
  ASSERT_EQ(chmod("pki/x.pem", 0600), 0);
  EXPECT_EQ(RemakeReason(CertStep, cert_), "mode was 0600, is 0644");
}

TEST_F(ExternalCertificateTest, WhatTheSignerMayChange) {
  Signing how;
  how.days = "90";
  how.usage = "digitalSignature,nonRepudiation,keyEncipherment,keyAgreement";
  how.subject = "/O=Company/OU=PKI/CN=kubernetes";
  Sign(how);
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
}

TEST_F(ExternalCertificateTest, WhatItMayNot) {
  Signing how;
  how.sans = "DNS:worker,IP:127.0.0.1,DNS:more.example";
  EXPECT_EQ(Wrong(how), "SAN differs: removed dns more.example");
  how = {};
  how.sans = "DNS:worker";
  how.extended = "serverAuth";
  EXPECT_EQ(
      Wrong(how),
      "SAN differs: added ip 127.0.0.1; usages differ: spec [signing, key encipherment, server auth, client "
      "auth], certificate [signing, key encipherment, server auth]");
  how = {};
  how.extended = "serverAuth,clientAuth,codeSigning";
  EXPECT_TRUE(absl::StrContains(Wrong(how), "client auth, code signing]"));
  how = {};
  how.usage = "digitalSignature";
  EXPECT_TRUE(absl::StrContains(Wrong(how), "certificate [signing, server auth, client auth]"));
  how = {};
  how.usage = "digitalSignature,keyEncipherment,keyCertSign";
  EXPECT_TRUE(absl::StrContains(Wrong(how), "cert sign"));
  how = {};
  how.basic = "critical,CA:TRUE";
  EXPECT_EQ(Wrong(how), "basic constraints differ: spec not a CA, certificate a CA without path length");
  how = {};
  how.subject = "/C=US/O=Kubernetes/CN=other";
  EXPECT_TRUE(absl::StartsWith(Wrong(how),
                               "subject differs: spec C=US, O=Kubernetes, OU=The Hard Way, CN=kubernetes"));

  // Signed for another key: the one before.
  how = {};
  Sign(how);
  ASSERT_EQ(unlink("pki/x-key.pem"), 0);
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  ASSERT_NE(ReasonOf(CsrStep, csr_), "");
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, cert_), "asks for: key does not match;"));
  EXPECT_NE(Waiting(), "") << "the new request has not been signed";

  // By another CA of the same name, and by a stranger.
  ca_key_["path"] = ca_cert_["key"] = "other/ca-key.pem";
  ca_key_["certificate"] = ca_cert_["path"] = "other/ca.pem";
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  how.ca = "other/ca";
  EXPECT_EQ(Wrong(how), "issuer changed");
  ca_cert_["subject"] = StringPairs{{"CN", "Stranger"}};
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  EXPECT_EQ(Wrong(how), "issuer changed");
}

TEST_F(ExternalCertificateTest, DamageAndChains) {
  Sign({});
  const std::string pem = Read("pki/x.pem");
  Write("pki/x.pem", pem + Read("pki/ca.pem"));
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, cert_), "leave only the first certificate in it"));
  Write("pki/x.pem", pem.substr(0, 200));
  EXPECT_TRUE(
      absl::StrContains(Refusal(CertStep, cert_), "nothing was changed. One certificate in PEM is needed"));
  EXPECT_NE(Waiting(), "");
  Write("pki/x.csr", "rubbish");
  Write("pki/x.pem", pem);
  EXPECT_NE(Waiting(), "");
}

TEST_F(ExternalCertificateTest, Times) {
  Sign({});
  const absl::Time start = now_;
  now_ = start + absl::Hours(24 * 300);
  absl::StatusOr<StepResult> result = RunNow(CertStep, cert_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reason, "");
  EXPECT_TRUE(absl::StartsWith(result->output, "pki/x.pem expires soon, on ")) << result->output;
  EXPECT_TRUE(
      absl::EndsWith(result->output,
                     ": have pki/x.csr signed again by C=US, L=Portland, O=Kubernetes, CN=Kubernetes and put "
                     "the certificate at pki/x.pem"));
  now_ = start + absl::Hours(24 * 366);
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, cert_), "asks for: expired on "));
  now_ = start - absl::Hours(1);
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, cert_), "asks for: not valid before "));
  now_ = start;
  cert_["revoked-before"] = absl::ToUnixSeconds(start);
  Sign({});
  now_ = start + absl::Hours(1);
  cert_["revoked-before"] = absl::ToUnixSeconds(now_);
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, cert_), "asks for: revoked on "));
}

// An intermediate CA that a company's root signs.
TEST_F(ExternalCertificateTest, Ca) {
  cert_["ca"] = true;
  cert_["usages"] = {"cert sign", "crl sign"};
  cert_["sans"] = csr_["sans"] = StringPairs();
  ASSERT_NE(ReasonOf(CsrStep, csr_), "");
  auto sign = [this](const std::string& basic, const std::string& more = "") {
    Write("ext", "keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nbasicConstraints=" +
                     basic + more);
    absl::StatusOr<RunResult> run =
        kplan::Run({"openssl", "x509", "-req", "-in", "pki/x.csr", "-CA", "pki/ca.pem", "-CAkey",
                    "pki/ca-key.pem", "-days", "365", "-extfile", "ext", "-out", "pki/x.pem"});
    ASSERT_TRUE(run.ok() && run->ok()) << (run.ok() ? run->err : run.status().ToString());
    now_ = absl::Now();
  };
  sign("critical,CA:TRUE,pathlen:0", "\nnameConstraints=critical,permitted;DNS:example.com");
  EXPECT_EQ(ReasonOf(CertStep, cert_), "") << "the signer may bind it";
  cert_["max-path-len"] = 1;
  EXPECT_TRUE(
      absl::StrContains(Refusal(CertStep, cert_),
                        "basic constraints differ: spec a CA with path length 1, certificate a CA with path "
                        "length 0"));
  cert_["max-path-len"] = 0;
  cert_["permitted"] = StringPairs{{"dns", "example.org"}};
  EXPECT_TRUE(
      absl::StrContains(Refusal(CertStep, cert_),
                        "name constraints differ: spec permitted dns example.org, certificate permitted dns "
                        "example.com"));
  cert_.erase("permitted");
  sign("critical,CA:FALSE");
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, cert_), "certificate not a CA"));
}

TEST_F(ExternalCertificateTest, RequestsAreListedInOrder) {
  requests_["pairs"] =
      StringPairs{{"pki/b.csr", "pki/b.pem"}, {"pki/x.csr", "pki/x.pem"}, {"pki/a.csr", "pki/a.pem"}};
  Sign({});
  EXPECT_EQ(
      Waiting(),
      "2 requests wait for signing (request -> where its certificate belongs):\n  pki/b.csr -> pki/b.pem\n"
      "  pki/a.csr -> pki/a.pem\n");
  requests_["pairs"] = StringPairs();
  EXPECT_EQ(Waiting(), "");
}

}  // namespace
}  // namespace kplan
