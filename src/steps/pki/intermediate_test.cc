// Certificates with more to them than the tutorial's: intermediate CAs, URLs, what becomes of certificates
// that are replaced or revoked, and what a CA may not sign.

#include <unistd.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "src/base/process.h"
#include "src/pki/usages.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

class IntermediateTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    MakeAll();
    MakeIntermediate();
    below_ = cert_;
    below_["issuer"] = "pki/mid.pem";
    below_["issuer-key"] = "pki/mid-key.pem";
    below_["superseded"] = "pki/superseded/x";
  }

  static std::string FileOf(const Certificate& c) {
    std::string serial = absl::BytesToHexString(c.serial);
    return serial.substr(serial.find_first_not_of('0')) + ".pem";
  }

  // `openssl verify` of pki/x.pem through pki/mid.pem, as of now_.
  std::string Verify(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> argv = {
        "openssl", "verify",     "-x509_strict", "-attime",    std::to_string(absl::ToUnixSeconds(now_)),
        "-CAfile", "pki/ca.pem", "-untrusted",   "pki/mid.pem"};
    argv.insert(argv.end(), more.begin(), more.end());
    argv.emplace_back("pki/x.pem");
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    return !run.ok() ? run.status().ToString() : run->ok() ? "" : run->err;
  }

  Json below_;
};

TEST_F(IntermediateTest, SignsLeaves) {
  Certificate c = Parsed("pki/mid.pem");
  EXPECT_TRUE(c.is_ca);
  EXPECT_EQ(c.path_length, std::nullopt);
  EXPECT_EQ(c.key_usage, kCertSign | kCrlSign);
  EXPECT_TRUE(c.sans.empty());
  EXPECT_EQ(c.authority_key_id, Parsed("pki/ca.pem").subject_key_id);
  EXPECT_EQ(ReasonOf(CertStep, mid_cert_), "");
  // Under another issuer; what the first one signed is not the second one's to revoke.
  EXPECT_EQ(RemakeReason(CertStep, below_), "issuer changed");
  EXPECT_FALSE(Exists("pki/superseded"));
  EXPECT_EQ(Verify({"-purpose", "sslserver", "-verify_hostname", "worker"}), "");
}

TEST_F(IntermediateTest, RenewedWithTheSameKeyItKeepsTheLeaves) {
  ASSERT_NE(ReasonOf(CertStep, below_), "");
  const std::string leaf = Read("pki/x.pem");
  Certificate old = Parsed("pki/mid.pem");
  now_ += absl::Seconds(94608000) * 2 / 3;
  below_["expiry"] = mid_cert_["expiry"];
  below_["renew-before"] = 60;
  ASSERT_NE(ReasonOf(CertStep, below_), "");
  EXPECT_EQ(RemakeReason(CertStep, mid_cert_), "expires soon, on 2029-11-21 08:18 UTC");
  Certificate made = Parsed("pki/mid.pem");
  EXPECT_EQ(made.spki, old.spki);
  EXPECT_EQ(made.subject_key_id, old.subject_key_id);
  EXPECT_EQ(made.not_after, Parsed("pki/ca.pem").not_after) << "capped";
  EXPECT_EQ(Verify(), "");
  EXPECT_EQ(List("pki/superseded/mid"), std::vector<std::string>{FileOf(old)});
}

TEST_F(IntermediateTest, OfAnotherKeyIsNeverReplaced) {
  ASSERT_EQ(rename("pki/mid.pem", "mid.pem"), 0);
  ASSERT_EQ(unlink("pki/mid-key.pem"), 0);
  ASSERT_EQ(ReasonOf(KeyStep, mid_key_), "missing");
  ASSERT_NE(ReasonOf(CsrStep, mid_csr_), "");
  ASSERT_EQ(rename("mid.pem", "pki/mid.pem"), 0);
  EXPECT_TRUE(absl::StartsWith(Refusal(CertStep, mid_cert_),
                               "pki/mid.pem is the certificate of another key than pki/mid-key.pem, so one "
                               "of the two files is the wrong one; nothing was changed."));
}

TEST_F(IntermediateTest, DamagedIsKeptAside) {
  Write("pki/mid.pem", "-----BEGIN CERTIFICATE-----\nrubbish\n");
  EXPECT_EQ(RemakeReason(CertStep, mid_cert_), "damaged (what was there is kept as pki/mid.pem.damaged)");
}

TEST_F(IntermediateTest, Constraints) {
  mid_cert_["max-path-len"] = 0;
  EXPECT_EQ(RemakeReason(CertStep, mid_cert_),
            "basic constraints differ: spec a CA with path length 0, certificate a CA without path length");
  mid_cert_["permitted"] = StringPairs{{"dns", "worker"}};
  EXPECT_EQ(RemakeReason(CertStep, mid_cert_),
            "name constraints differ: spec permitted dns worker, certificate none");
  ASSERT_EQ(RemakeReason(CertStep, below_), "issuer changed");
  EXPECT_EQ(Verify(), "");

  // What verifiers would refuse is not signed.
  below_["sans"] = StringPairs{{"dns", "worker"}, {"dns", "stranger.example"}};
  EXPECT_EQ(Refusal(CertStep, below_),
            "cannot sign with pki/mid.pem: its name constraints do not allow every name of pki/x.pem "
            "(permitted subtree violation)");
  mid_cert_["permitted"] = StringPairs{{"dns", "worker"}, {"dns", ".example"}};
  mid_cert_["excluded"] = StringPairs{{"ip", "10.0.0.0/8"}};
  ASSERT_NE(ReasonOf(CertStep, mid_cert_), "");
  EXPECT_NE(RemakeReason(CertStep, below_), "");
  EXPECT_EQ(Verify(), "");
  below_["sans"] = StringPairs{{"dns", "worker"}, {"ip", "10.1.2.3"}};
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, below_), "(excluded subtree violation)"));

  // Its path length is 0.
  Json third = mid_cert_;
  third["path"] = "pki/third.pem";
  third["key"] = "pki/x-key.pem";
  third["csr"] = "pki/x.csr";
  third["subject"] = StringPairs{{"CN", "Third"}};
  third["issuer"] = "pki/mid.pem";
  third["issuer-key"] = "pki/mid-key.pem";
  EXPECT_EQ(Refusal(CertStep, third),
            "cannot sign with pki/mid.pem: its path length is 0, so there may be no other CA below it");
}

TEST_F(IntermediateTest, ItsUsagesBoundThoseBelow) {
  mid_cert_["usages"] = {"cert sign", "crl sign", "client auth"};
  ASSERT_NE(ReasonOf(CertStep, mid_cert_), "");
  EXPECT_EQ(Refusal(CertStep, below_),
            "cannot sign with pki/mid.pem: its own usages, [client auth], do not allow [server auth]");
  below_["usages"] = {"signing", "client auth"};
  EXPECT_NE(RemakeReason(CertStep, below_), "");
  EXPECT_EQ(Verify({"-purpose", "sslclient"}), "");
  mid_cert_["usages"] = {"cert sign", "any"};
  ASSERT_NE(ReasonOf(CertStep, mid_cert_), "");
  below_["usages"] = {"signing", "server auth"};
  EXPECT_NE(RemakeReason(CertStep, below_), "");
}

TEST_F(IntermediateTest, Urls) {
  ASSERT_EQ(ReasonOf(CertStep, cert_), "");
  cert_["crl-url"] = "http://pki.example/ca.crl";
  EXPECT_EQ(RemakeReason(CertStep, cert_),
            "CRL URL differs: spec http://pki.example/ca.crl, certificate none");
  cert_["ocsp-url"] = "http://ocsp.example";
  cert_["issuer-urls"] = {"http://pki.example/1", "http://pki.example/2"};
  EXPECT_EQ(RemakeReason(CertStep, cert_),
            "OCSP URL differs: spec http://ocsp.example, certificate none; issuer URL differs: spec "
            "http://pki.example/1 http://pki.example/2, certificate none");
  absl::StatusOr<RunResult> run = kplan::Run(
      {"openssl", "x509", "-in", "pki/x.pem", "-noout", "-ext", "authorityInfoAccess,crlDistributionPoints"});
  ASSERT_TRUE(run.ok() && run->ok());
  EXPECT_EQ(run->out,
            "Authority Information Access: \n    OCSP - URI:http://ocsp.example\n"
            "    CA Issuers - URI:http://pki.example/1\n    CA Issuers - URI:http://pki.example/2\n"
            "X509v3 CRL Distribution Points: \n    Full Name:\n      URI:http://pki.example/ca.crl\n");
  cert_.erase("crl-url");
  EXPECT_EQ(RemakeReason(CertStep, cert_),
            "CRL URL differs: spec none, certificate http://pki.example/ca.crl");
}

TEST_F(IntermediateTest, RevokedBeforeADate) {
  cert_["superseded"] = "pki/superseded/x";
  Certificate old = Parsed("pki/x.pem");
  // Revoked a minute after it was made, found out two hours later.
  const int64_t date = absl::ToUnixSeconds(now_) + 60;
  now_ += absl::Hours(2);
  cert_["revoked-before"] = date;
  EXPECT_EQ(RemakeReason(CertStep, cert_), "revoked on 2026-11-22 08:23 UTC");
  Certificate made = Parsed("pki/x.pem");
  EXPECT_GE(made.not_before, date);
  EXPECT_EQ(made.not_after - made.not_before, 31536000);
  EXPECT_EQ(List("pki/superseded/x"), std::vector<std::string>{FileOf(old)});
  EXPECT_EQ(Parsed("pki/superseded/x/" + FileOf(old)).der, old.der);

  // Revoked this very second: the new one starts then, and not five minutes before.
  cert_["revoked-before"] = absl::ToUnixSeconds(now_);
  EXPECT_TRUE(absl::StartsWith(RemakeReason(CertStep, cert_), "revoked on "));
  EXPECT_EQ(Parsed("pki/x.pem").not_before, absl::ToUnixSeconds(now_));
  EXPECT_EQ(List("pki/superseded/x").size(), 2u);

  cert_["revoked-before"] = absl::ToUnixSeconds(now_) + 1;
  EXPECT_TRUE(absl::StartsWith(Refusal(CertStep, cert_),
                               "pki/x.pem is revoked from 2026-11-22 10:22 UTC on, which is later than now"));
}

// A kill between the two writes leaves the old one twice; the next run completes.
TEST_F(IntermediateTest, SupersededIsWrittenFirst) {
  cert_["superseded"] = "pki/superseded/x";
  Certificate old = Parsed("pki/x.pem");
  Write("pki/superseded/x/" + FileOf(old), old.ToPem());
  cert_["expiry"] = 86400 * 300;
  EXPECT_NE(RemakeReason(CertStep, cert_), "");
  EXPECT_EQ(List("pki/superseded/x"), std::vector<std::string>{FileOf(old)});
}

}  // namespace
}  // namespace kplan
