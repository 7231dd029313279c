#include <unistd.h>

#include "absl/strings/match.h"
#include "src/base/process.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

class AdoptCaTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    now_ = absl::Now();
    ca_key_["path"] = ca_cert_["key"] = "corp/ca-key.pem";
    ca_key_["certificate"] = ca_cert_["path"] = "corp/ca.pem";
    ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
    ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
    record_ = {
        {"from", "corp/ca.pem"}, {"key", "corp/ca-key.pem"}, {"kind", "adopt-ca"}, {"path", "pki/ca.pem"}};
  }

  std::string Reason() {
    absl::StatusOr<StepResult> result = RunNow(AdoptCaStep, record_);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return "";
    EXPECT_EQ(result->files, (std::vector<std::string>{"corp/ca.pem", "pki/ca.pem"}));
    output_ = result->output;
    return result->reason;
  }

  // As of the present, the only time that OpenSSL knows.
  void OpenSsl(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "openssl");
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    ASSERT_TRUE(run.ok() && run->ok()) << (run.ok() ? run->err : run.status().ToString());
    now_ = absl::Now();
  }

  // A certificate of the CA's key that OpenSSL makes.
  void OpenSslCa(const std::vector<std::string>& extensions) {
    Write("empty.cnf", "[req]\ndistinguished_name = dn\n[dn]\n");
    std::vector<std::string> argv = {"req",         "-x509",   "-new",     "-key",     "corp/ca-key.pem",
                                     "-days",       "1825",    "-subj",    "/CN=Corp", "-out",
                                     "corp/ca.pem", "-config", "empty.cnf"};
    for (const std::string& extension : extensions) argv.insert(argv.end(), {"-addext", extension});
    OpenSsl(argv);
  }

  Json record_;
  std::string output_;
};

TEST_F(AdoptCaTest, CopiesTheCertificateAndNothingElse) {
  const std::string before = Everything("corp"), pem = Read("corp/ca.pem");
  // Text around it is for people.
  Write("corp/ca.pem", "# the company's CA\n" + pem + "# until 2031\n");
  EXPECT_EQ(Reason(), "missing");
  EXPECT_EQ(output_, "");
  EXPECT_EQ(Read("pki/ca.pem"), pem);
  EXPECT_EQ(ModeOf("pki/ca.pem"), 0644u);
  EXPECT_EQ(List("pki"), std::vector<std::string>{"ca.pem"});
  std::string all = Everything();
  EXPECT_EQ(Reason(), "");
  EXPECT_EQ(Everything(), all);

  // It signs, with the key where it is.
  cert_["issuer-key"] = "corp/ca-key.pem";
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  EXPECT_EQ(ReasonOf(CertStep, cert_), "missing");

  ASSERT_EQ(chmod("pki/ca.pem", 0600), 0);
  EXPECT_EQ(Reason(), "mode was 0600, is 0644");
  Write("pki/ca.pem", "rubbish");
  EXPECT_EQ(Reason(), "damaged (what was there is kept as pki/ca.pem.damaged)");
  EXPECT_EQ(Reason(), "");
  // Its owner renewed it, with the same key.
  ca_cert_["expiry"] = 157680000 * 2;
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  EXPECT_EQ(Reason(), "differs from corp/ca.pem");
  EXPECT_EQ(Read("pki/ca.pem"), Read("corp/ca.pem"));
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
}

TEST_F(AdoptCaTest, InPlace) {
  record_["from"] = "pki/ca.pem";
  Write("pki/ca.pem", Read("corp/ca.pem"), 0640);
  std::string before = Everything();
  absl::StatusOr<StepResult> result = RunNow(AdoptCaStep, record_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reason, "");
  EXPECT_EQ(result->files, std::vector<std::string>{"pki/ca.pem"});
  EXPECT_EQ(Everything(), before);
}

TEST_F(AdoptCaTest, WithoutItsKey) {
  record_.erase("key");
  ASSERT_EQ(unlink("corp/ca-key.pem"), 0);
  EXPECT_EQ(Reason(), "missing");
  EXPECT_EQ(Reason(), "");
}

TEST_F(AdoptCaTest, LaxKeys) {
  ASSERT_EQ(chmod("corp/ca-key.pem", 0640), 0);
  EXPECT_EQ(
      Refusal(AdoptCaStep, record_),
      "the CA key corp/ca-key.pem has mode 0640, so that others than its owner may use it; run chmod 600 "
      "corp/ca-key.pem, and think about whether they have");
  ASSERT_EQ(chmod("corp/ca-key.pem", 0400), 0);
  EXPECT_EQ(Reason(), "missing");
  EXPECT_EQ(ModeOf("corp/ca-key.pem"), 0400u);
  if (geteuid() == 0 && chown("corp/ca-key.pem", 4242, 0) == 0) {
    EXPECT_EQ(
        Refusal(AdoptCaStep, record_),
        "the CA key corp/ca-key.pem belongs to the user 4242, who is a stranger in its folder; chown it");
  }
}

TEST_F(AdoptCaTest, BadKeys) {
  const std::string key = Read("corp/ca-key.pem");
  key_["path"] = "corp/other.pem";
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  record_["key"] = "corp/other.pem";
  EXPECT_EQ(Refusal(AdoptCaStep, record_),
            "corp/ca.pem (key corp/other.pem) cannot be used as a CA: key does not match");
  record_["key"] = "corp/none.pem";
  EXPECT_TRUE(absl::StartsWith(Refusal(AdoptCaStep, record_), "cannot look at the CA key corp/none.pem"));
  Write("corp/short.pem", key.substr(0, key.size() / 2), 0600);
  record_["key"] = "corp/short.pem";
  EXPECT_TRUE(absl::StrContains(Refusal(AdoptCaStep, record_), "corp/short.pem"));

  OpenSsl(
      {"pkcs8", "-topk8", "-in", "corp/ca-key.pem", "-out", "corp/locked.pem", "-passout", "pass:secret"});
  ASSERT_EQ(chmod("corp/locked.pem", 0600), 0);
  record_["key"] = "corp/locked.pem";
  EXPECT_TRUE(absl::StrContains(Refusal(AdoptCaStep, record_), "corp/locked.pem")) << "no passphrase";
  Write("right", "secret\n", 0600);
  Write("wrong", "secrets\n", 0600);
  record_["passphrase"] = {"file", "wrong"};
  EXPECT_TRUE(absl::StrContains(Refusal(AdoptCaStep, record_), "the passphrase in wrong"));
  record_["passphrase"] = {"file", "right"};
  EXPECT_EQ(Reason(), "missing");
}

TEST_F(AdoptCaTest, NotACa) {
  const std::string good = Read("corp/ca.pem");
  OpenSslCa({"basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"});
  EXPECT_EQ(Refusal(AdoptCaStep, record_),
            "corp/ca.pem (key corp/ca-key.pem) cannot be used as a CA: its key usage lacks \"cert sign\"; it "
            "is not a CA certificate");
  OpenSslCa(
      {"basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign", "1.2.3.4=critical,DER:0500"});
  EXPECT_EQ(Refusal(AdoptCaStep, record_),
            "corp/ca.pem (key corp/ca-key.pem) cannot be used as a CA: it has the critical extension "
            "1.2.3.4, so that most verifiers refuse it");
  // v1: `openssl x509 -req` without extensions.
  OpenSsl({"req", "-new", "-key", "corp/ca-key.pem", "-subj", "/CN=Corp", "-out", "v1.csr", "-config",
           "empty.cnf"});
  OpenSsl({"x509", "-req", "-in", "v1.csr", "-key", "corp/ca-key.pem", "-out", "corp/ca.pem"});
  EXPECT_TRUE(absl::StrContains(Refusal(AdoptCaStep, record_), "it is an X.509 certificate of version 1"));

  Write("corp/ca.pem", good + good);
  EXPECT_TRUE(absl::StartsWith(Refusal(AdoptCaStep, record_),
                               "the CA certificate corp/ca.pem has to be one certificate in PEM, and nothing "
                               "else in the file but text (corp/ca.pem holds 2 PEM blocks"));
  Write("corp/ca.pem", good.substr(0, 300));
  EXPECT_TRUE(absl::StrContains(Refusal(AdoptCaStep, record_), "has to be one certificate in PEM"));
  ASSERT_EQ(unlink("corp/ca.pem"), 0);
  EXPECT_TRUE(absl::StrContains(Refusal(AdoptCaStep, record_), "corp/ca.pem"));
}

TEST_F(AdoptCaTest, Times) {
  const absl::Time start = now_;
  now_ = start - absl::Hours(1);
  EXPECT_TRUE(absl::StrContains(Refusal(AdoptCaStep, record_), "cannot be used as a CA: not valid before "));
  now_ = start + absl::Hours(24 * 1000);
  EXPECT_EQ(Reason(), "missing");
  EXPECT_EQ(output_, "");
  now_ = start + absl::Hours(24 * 1700);
  EXPECT_EQ(Reason(), "");
  EXPECT_TRUE(absl::StartsWith(output_, "corp/ca.pem expires soon, on ")) << output_;
  EXPECT_TRUE(absl::StrContains(output_, "; kplan cannot renew a CA that it did not make"));
  record_["renew-before"] = 86400;
  EXPECT_EQ(Reason(), "");
  EXPECT_EQ(output_, "");
  now_ = start + absl::Hours(24 * 1826);
  EXPECT_TRUE(absl::StrContains(Refusal(AdoptCaStep, record_), "cannot be used as a CA: expired on "));
}

TEST_F(AdoptCaTest, NeverReplacesAnotherCa) {
  EXPECT_EQ(Reason(), "missing");
  ASSERT_EQ(unlink("corp/ca.pem"), 0);
  ASSERT_EQ(unlink("corp/ca-key.pem"), 0);
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  EXPECT_EQ(
      Refusal(AdoptCaStep, record_),
      "pki/ca.pem is the certificate of another key than corp/ca.pem, and so of another CA; nothing was "
      "changed. If the CA is to be another one, move pki/ca.pem away (every host has to trust the new one, "
      "and every certificate is signed again)");
}

}  // namespace
}  // namespace kplan
