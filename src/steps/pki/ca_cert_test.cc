#include <unistd.h>

#include "absl/strings/match.h"
#include "src/base/process.h"
#include "src/pki/usages.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

class CaCertTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  }
  // A certificate of the CA's key and name that OpenSSL makes with EXTENSIONS, as of the present.
  void OpenSslCertificate(const std::vector<std::string>& extensions, const std::string& days = "1825") {
    std::vector<std::string> argv = {
        "openssl",        "req",        "-x509",   "-new",     "-key",
        "pki/ca-key.pem", "-days",      days,      "-subj",    "/C=US/L=Portland/O=Kubernetes/CN=Kubernetes",
        "-out",           "pki/ca.pem", "-config", "empty.cnf"};
    for (const std::string& extension : extensions) argv.insert(argv.end(), {"-addext", extension});
    Write("empty.cnf", "[req]\ndistinguished_name = dn\n[dn]\n");
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    ASSERT_TRUE(run.ok() && run->ok()) << (run.ok() ? run->err : run.status().ToString());
    now_ = absl::Now();
  }
};

TEST_F(CaCertTest, MadeOnce) {
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "missing");
  EXPECT_EQ(ModeOf("pki/ca.pem"), 0644u);
  Certificate c = Parsed("pki/ca.pem");
  EXPECT_EQ(c.version, 3);
  EXPECT_EQ(TimeText(c.not_before), "2026-11-22 08:18 UTC");
  EXPECT_EQ(c.not_after - c.not_before, 157680000);
  EXPECT_TRUE(c.is_ca);
  EXPECT_EQ(c.path_length, std::nullopt);
  EXPECT_EQ(c.key_usage, kCertSign | kCrlSign);
  EXPECT_EQ(c.subject_key_id.size(), 20u);
  EXPECT_EQ(c.authority_key_id, "");
  EXPECT_TRUE(c.NamesAsIssuer(c));
  EXPECT_TRUE(c.IsSignedBy(c));
}

TEST_F(CaCertTest, RenewedWithTheSameKeyAndNameItKeepsTheLeaves) {
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  ASSERT_EQ(ReasonOf(CertStep, cert_), "missing");
  std::string leaf = Read("pki/x.pem");
  std::string old_id = Parsed("pki/ca.pem").subject_key_id;
  ca_cert_["expiry"] = 157680000 * 2;
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "expiry differs: spec 87600h, certificate 43800h");
  EXPECT_EQ(Parsed("pki/ca.pem").subject_key_id, old_id);
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  EXPECT_EQ(Read("pki/x.pem"), leaf);
  EXPECT_TRUE(Parsed("pki/x.pem").NamesAsIssuer(Parsed("pki/ca.pem")));
  EXPECT_TRUE(Parsed("pki/x.pem").IsSignedBy(Parsed("pki/ca.pem")));
}

TEST_F(CaCertTest, EveryReason) {
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  ca_cert_["subject"] = StringPairs{{"CN", "Kubernetes 2"}};
  EXPECT_EQ(
      RemakeReason(CaCertStep, ca_cert_),
      "subject differs: spec CN=Kubernetes 2, certificate C=US, L=Portland, O=Kubernetes, CN=Kubernetes");

  ASSERT_EQ(chmod("pki/ca.pem", 0600), 0);
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "mode was 0600, is 0644");

  std::string text = Read("pki/ca.pem");
  Write("pki/ca.pem", text.substr(0, text.size() / 2));
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "damaged (what was there is kept as pki/ca.pem.damaged)");
  EXPECT_EQ(Read("pki/ca.pem.damaged"), text.substr(0, text.size() / 2));
  Write("pki/ca.pem", Read("pki/ca-key.pem"));  // PEM, but no certificate
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "damaged (what was there is kept as pki/ca.pem.damaged-2)");

  text = Read("pki/ca.pem");
  size_t at = text.find("\n-----END") - 8;
  text[at] = text[at] == 'A' ? 'B' : 'A';
  Write("pki/ca.pem", text);
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "its signature is not its own");

  const absl::Time start = now_;
  now_ = start - absl::Hours(1);
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "not valid before 2026-11-22 08:18 UTC");
  now_ = start + absl::Seconds(157680000) * 2 / 3 - absl::Hours(2);
  EXPECT_EQ(ReasonOf(CaCertStep, ca_cert_), "");
  now_ = start + absl::Seconds(157680000) * 2 / 3;
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "expires soon, on 2031-11-21 07:18 UTC");
  now_ += absl::Hours(24 * 365 * 6);
  EXPECT_TRUE(absl::StartsWith(RemakeReason(CaCertStep, ca_cert_), "expired on 203"));
  ca_cert_["renew-before"] = 157680000 - 24 * 3600;
  EXPECT_EQ(ReasonOf(CaCertStep, ca_cert_), "");
  now_ += absl::Hours(25);
  EXPECT_TRUE(absl::StartsWith(RemakeReason(CaCertStep, ca_cert_), "expires soon, on 20"));
}

TEST_F(CaCertTest, AdoptsWhatAnotherToolMade) {
  // UTF8String names, another serial number, SKI by OpenSSL.
  OpenSslCertificate({"basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
                      "subjectKeyIdentifier=hash"});
  EXPECT_EQ(ReasonOf(CaCertStep, ca_cert_), "");
  // And its leaves.
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  EXPECT_EQ(RemakeReason(CertStep, cert_), "missing");

  OpenSslCertificate({"basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign",
                      "subjectKeyIdentifier=hash"});
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_),
            "basic constraints differ: spec a CA without path length, certificate a CA with path length 0");
  OpenSslCertificate({"basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"});
  EXPECT_TRUE(absl::StartsWith(RemakeReason(CaCertStep, ca_cert_),
                               "usages differ: spec [cert sign, crl sign], certificate [signing]; basic "
                               "constraints differ: spec a CA without path length, certificate not a CA"));
  OpenSslCertificate({"basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
                      "subjectKeyIdentifier=none"});
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "it has no subject key identifier");
}

TEST_F(CaCertTest, CertificateOfAnotherKeyIsNeverReplaced) {
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  ASSERT_EQ(rename("pki/ca.pem", "ca.pem"), 0);
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(rename("ca.pem", "pki/ca.pem"), 0);
  EXPECT_EQ(Refusal(CaCertStep, ca_cert_),
            "pki/ca.pem is the certificate of another key than pki/ca-key.pem, so one of the two files is "
            "the wrong one; nothing was changed. Restore the key that belongs to the certificate from a "
            "backup; or, if the key is right, move the certificate away (every host has to trust the new "
            "one, and every certificate is signed again)");
}

TEST_F(CaCertTest, Refusals) {
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  std::string text = Read("pki/ca.pem");
  Write("pki/ca.pem", text + text);
  EXPECT_TRUE(absl::StrContains(Refusal(CaCertStep, ca_cert_), "pki/ca.pem holds 2 PEM blocks"))
      << "a bundle";
  Write("pki/ca.pem", "Certificate:\n    Data: as `openssl x509 -text` prints it\n" + text);
  EXPECT_EQ(ReasonOf(CaCertStep, ca_cert_), "");

  Json record = ca_cert_;
  record["subject"] = Json::array();
  EXPECT_NE(Refusal(CaCertStep, record), "");
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  EXPECT_EQ(Refusal(CaCertStep, record), "a CA needs a subject (RFC 5280 4.1.2.6)");
  record = ca_cert_;
  record["expiry"] = 300;
  EXPECT_EQ(Refusal(CaCertStep, record),
            "an expiry of 5m is too short: a certificate starts 5m before it is made; take 10m or more");
  record["backdate"] = 3600;
  EXPECT_EQ(Refusal(CaCertStep, record),
            "an expiry of 5m is too short: a certificate starts 1h before it is made; take 92m or more");
  record.erase("backdate");
  record["expiry"] = 8000LL * 365 * 24 * 3600;
  EXPECT_EQ(Refusal(CaCertStep, record), "the certificate would end after the year 9999");
  record = ca_cert_;
  record["renew-before"] = 157680000;
  EXPECT_EQ(Refusal(CaCertStep, record),
            "a certificate of 43800h that is renewed 43800h before its end would be renewed at once");
}

TEST_F(CaCertTest, ConstraintsAndBackdate) {
  ca_cert_["backdate"] = 7200;
  ca_cert_["max-path-len"] = 0;
  ca_cert_["permitted"] = StringPairs{{"uri", ".a.example"}, {"ip", "10.0.0.0/8"}, {"dns", "a.example"}};
  ca_cert_["excluded"] = StringPairs{{"email", "u@a.example"}, {"ip", "fd00::/8"}};
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "missing");
  Certificate c = Parsed("pki/ca.pem");
  EXPECT_EQ(TimeText(c.not_before), "2026-11-22 06:23 UTC");
  EXPECT_EQ(c.not_after - c.not_before, 157680000);
  EXPECT_EQ(c.path_length, 0);
  EXPECT_EQ(c.permitted_names,
            (StringPairs{{"dns", "a.example"}, {"ip", "10.0.0.0/8"}, {"uri", ".a.example"}}));
  EXPECT_EQ(c.excluded_names, (StringPairs{{"ip", "fd00::/8"}, {"email", "u@a.example"}}));
  absl::StatusOr<RunResult> run = kplan::Run(
      {"openssl", "x509", "-in", "pki/ca.pem", "-noout", "-ext", "basicConstraints,nameConstraints"});
  ASSERT_TRUE(run.ok() && run->ok());
  EXPECT_EQ(run->out,
            "X509v3 Basic Constraints: critical\n    CA:TRUE, pathlen:0\n"
            "X509v3 Name Constraints: critical\n    Permitted:\n      DNS:a.example\n"
            "      IP:10.0.0.0/255.0.0.0\n      URI:.a.example\n    Excluded:\n"
            "      IP:FD00:0:0:0:0:0:0:0/FF00:0:0:0:0:0:0:0\n      email:u@a.example\n");

  // Another back-dating is no reason: it would be the same certificate for all who look.
  ca_cert_["backdate"] = 60;
  EXPECT_EQ(ReasonOf(CaCertStep, ca_cert_), "");
  ca_cert_["max-path-len"] = 1;
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_),
            "basic constraints differ: spec a CA with path length 1, certificate a CA with path length 0");
  ca_cert_.erase("excluded");
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_),
            "name constraints differ: spec permitted dns a.example, permitted ip 10.0.0.0/8, permitted uri "
            ".a.example, certificate permitted dns a.example, permitted ip 10.0.0.0/8, permitted uri "
            ".a.example, excluded ip fd00::/8, excluded email u@a.example");
  ca_cert_["permitted"] = StringPairs{{"ip", "10.0.0.1/8"}};
  EXPECT_EQ(Refusal(CaCertStep, ca_cert_),
            "the ip name constraint \"10.0.0.1/8\" is not a network such as 10.0.0.0/8");
}

// The tutorial's own tool leaves the hosts of a CA's request in its certificate; nobody minds.
TEST_F(CaCertTest, SansOfAnAdoptedCaAreNoReason) {
  OpenSslCertificate({"basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign",
                      "subjectKeyIdentifier=hash", "subjectAltName=IP:10.0.0.1"});
  EXPECT_EQ(ReasonOf(CaCertStep, ca_cert_), "");
}

}  // namespace
}  // namespace kplan
