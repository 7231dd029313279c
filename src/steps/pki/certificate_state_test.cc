// `kplan certs` explains what the step decides: whatever is done to files and records, both give the same
// reasons.

#include "src/steps/pki/certificate_state.h"

#include <unistd.h>

#include <functional>

#include "absl/strings/match.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

class CertificateStateTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    MakeAll();
  }

  std::string Why(const Json& record) const {
    return WhyCertificateIsStale(ReadAnyRecord(record.dump()), now_);
  }
  std::vector<std::string> Names(const Json& record) const {
    std::vector<std::string> names;
    for (const Reason& reason : CertificateState(ReadAnyRecord(record.dump()), now_))
      names.emplace_back(reason.name);
    return names;
  }
};

TEST_F(CertificateStateTest, SaysWhatTheStepSays) {
  struct Change {
    const char* names;
    std::function<void()> make;
  };
  const absl::Time start = now_;
  const Change changes[] = {
      {"missing", [&] { ASSERT_EQ(unlink("pki/x.pem"), 0); }},
      {"damaged", [&] { Write("pki/x.pem", "rubbish"); }},
      {"subject",
       [&] {
         cert_["subject"] = StringPairs{{"CN", "y"}};
       }},
      {"names",
       [&] {
         cert_["sans"] = StringPairs{{"dns", "y"}};
       }},
      {"usages", [&] { cert_["usages"] = {"client auth"}; }},
      {"constraints", [&] { cert_["ca"] = true; }},
      {"constraints", [&] { cert_.erase("ca"); }},
      {"urls", [&] { cert_["crl-url"] = "http://c/crl"; }},
      {"expiry", [&] { cert_["expiry"] = 30000000; }},
      {"expires-soon",
       [&] {
         cert_["renew-before"] = 30000000 - 400;
         now_ += absl::Hours(24);
       }},
      {"revoked", [&] { cert_["revoked-before"] = absl::ToUnixSeconds(now_); }},
      {"expired", [&] { now_ += absl::Hours(24 * 500); }},
      {"not-yet-valid", [&] { now_ = start + absl::Hours(48); }},
      {"expiry",
       [&] {
         cert_.erase("renew-before");
         cert_["expiry"] = 86400 * 200;
       }},
      {"issuer",
       [&] {
         ca_cert_["subject"] = StringPairs{{"CN", "z"}};
         ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
       }},
      {"signature",
       [&] {
         std::string text = Read("pki/x.pem");
         size_t at = text.find("\n-----END") - 8;
         text[at] = text[at] == 'A' ? 'B' : 'A';
         Write("pki/x.pem", text);
       }},
      {"key",
       [&] {
         ASSERT_EQ(unlink("pki/x-key.pem"), 0);
         ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
         ASSERT_NE(ReasonOf(CsrStep, csr_), "");
       }},
  };
  for (const Change& change : changes) {
    EXPECT_EQ(Why(cert_), "") << "before " << change.names;
    change.make();
    const std::string before = Everything();
    const std::string why = Why(cert_);
    EXPECT_EQ(Everything(), before);
    EXPECT_EQ(Names(cert_), std::vector<std::string>{change.names}) << why;
    EXPECT_EQ(RemakeReason(CertStep, cert_), why);
  }
  EXPECT_EQ(Why(cert_), "");
}

TEST_F(CertificateStateTest, OfACa) {
  EXPECT_EQ(Why(ca_cert_), "");
  ca_cert_["max-path-len"] = 2;
  std::string why = Why(ca_cert_);
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), why);
  now_ += absl::Seconds(157680000) * 2 / 3;
  EXPECT_EQ(Names(ca_cert_), std::vector<std::string>{"expires-soon"});

  Json adopt = {{"from", "pki/ca.pem"}, {"kind", "adopt-ca"}, {"path", "pki/corp.pem"}};
  EXPECT_EQ(Why(adopt), "missing");
  ASSERT_TRUE(RunNow(AdoptCaStep, adopt).ok());
  EXPECT_EQ(Names(adopt), std::vector<std::string>{"expires-soon"});
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  EXPECT_EQ(Names(adopt), (std::vector<std::string>{"source", "expires-soon"}));
  ASSERT_TRUE(RunNow(AdoptCaStep, adopt).ok());
  EXPECT_EQ(Why(adopt), "");
  adopt["key"] = "pki/x-key.pem";
  EXPECT_EQ(Why(adopt), "key does not match");
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  EXPECT_EQ(Why(adopt), "pki/ca.pem is missing; key does not match");
  EXPECT_EQ(Why(cert_), "its issuer pki/ca.pem is missing");
}

TEST_F(CertificateStateTest, NeedsNoKey) {
  ASSERT_EQ(unlink("pki/x-key.pem"), 0);
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  EXPECT_EQ(Why(cert_), "");
  EXPECT_EQ(Why(ca_cert_), "");
  // A passphrase is not even looked for.
  ca_cert_["passphrase"] = {"file", "none"};
  EXPECT_EQ(Why(ca_cert_), "");
}

TEST_F(CertificateStateTest, OfOneThatSomebodyElseSigns) {
  Json record = cert_;
  record.erase("issuer-key");
  record["path"] = "pki/y.pem";
  EXPECT_EQ(Why(record), "waits for signing");
  record = cert_;
  record["kind"] = "csr";
  EXPECT_EQ(Names(record), std::vector<std::string>{"spec"});
}

}  // namespace
}  // namespace kplan
