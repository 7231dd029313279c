#include "src/steps/pki/pki_testing.h"

#include <utility>

namespace kplan {

PkiTest::PkiTest() : now_(absl::FromCivil(absl::CivilSecond(2026, 11, 22, 8, 22, 53), absl::UTCTimeZone())) {
  const StringPairs ca_subject = {{"C", "US"}, {"L", "Portland"}, {"O", "Kubernetes"}, {"CN", "Kubernetes"}};
  const StringPairs subject = {
      {"C", "US"}, {"O", "Kubernetes"}, {"OU", "The Hard Way"}, {"CN", "kubernetes"}};
  const StringPairs sans = {{"dns", "worker"}, {"ip", "127.0.0.1"}};
  ca_key_ = {{"algo", "ecdsa"},          {"ca", true}, {"certificate", "pki/ca.pem"}, {"kind", "key"},
             {"path", "pki/ca-key.pem"}, {"size", 256}};
  ca_cert_ = {{"expiry", 157680000},
              {"key", "pki/ca-key.pem"},
              {"kind", "ca-cert"},
              {"path", "pki/ca.pem"},
              {"subject", ca_subject}};
  key_ = {{"algo", "ecdsa"}, {"ca", false}, {"kind", "key"}, {"path", "pki/x-key.pem"}, {"size", 256}};
  csr_ = {{"ca", false},         {"key", "pki/x-key.pem"}, {"kind", "csr"},
          {"path", "pki/x.csr"}, {"sans", sans},           {"subject", subject}};
  cert_ = {
      {"csr", "pki/x.csr"},     {"expiry", 31536000},
      {"issuer", "pki/ca.pem"}, {"issuer-key", "pki/ca-key.pem"},
      {"key", "pki/x-key.pem"}, {"kind", "cert"},
      {"path", "pki/x.pem"},    {"sans", sans},
      {"subject", subject},     {"usages", {"signing", "key encipherment", "server auth", "client auth"}}};
}

absl::StatusOr<StepResult> PkiTest::RunNow(const AnyStep& step, const Json& record) const {
  StepContext context;
  context.label = "test";
  context.now = now_;
  return step(context, record);
}

std::string PkiTest::ReasonOf(const AnyStep& step, const Json& record) const {
  absl::StatusOr<StepResult> result = RunNow(step, record);
  EXPECT_TRUE(result.ok()) << result.status() << "\n" << record;
  if (!result.ok()) return result.status().ToString();
  EXPECT_EQ(result->files, std::vector<std::string>{record["path"].get<std::string>()});
  EXPECT_EQ(result->digest.size(), 64u);
  return result->reason;
}

std::string PkiTest::RemakeReason(const AnyStep& step, const Json& record) const {
  std::string reason = ReasonOf(step, record);
  EXPECT_NE(reason, "") << record;
  EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
  std::string before = Everything(), digest = DigestOf(step, record);
  EXPECT_EQ(ReasonOf(step, record), "") << "not its own fixed point, after: " << reason;
  EXPECT_EQ(Everything(), before);
  EXPECT_EQ(DigestOf(step, record), digest);
  return reason;
}

std::string PkiTest::Refusal(const AnyStep& step, const Json& record) const {
  std::string before = Everything();
  absl::StatusOr<StepResult> result = RunNow(step, record);
  EXPECT_FALSE(result.ok()) << record;
  EXPECT_EQ(Everything(), before);
  return std::string(result.status().message());
}

std::string PkiTest::DigestOf(const AnyStep& step, const Json& record) const {
  absl::StatusOr<StepResult> result = RunNow(step, record);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->digest : "";
}

void PkiTest::MakeIntermediate() {
  mid_key_ = ca_key_;
  mid_key_["path"] = "pki/mid-key.pem";
  mid_key_["certificate"] = "pki/mid.pem";
  const StringPairs subject = {{"CN", "Intermediate"}};
  mid_csr_ = {{"ca", true},
              {"key", "pki/mid-key.pem"},
              {"kind", "csr"},
              {"path", "pki/mid.csr"},
              {"sans", StringPairs()},
              {"subject", subject}};
  mid_cert_ = {{"ca", true},
               {"csr", "pki/mid.csr"},
               {"expiry", 94608000},
               {"issuer", "pki/ca.pem"},
               {"issuer-key", "pki/ca-key.pem"},
               {"key", "pki/mid-key.pem"},
               {"kind", "cert"},
               {"path", "pki/mid.pem"},
               {"sans", StringPairs()},
               {"subject", subject},
               {"superseded", "pki/superseded/mid"},
               {"usages", {"cert sign", "crl sign"}}};
  ASSERT_EQ(ReasonOf(KeyStep, mid_key_), "missing");
  ASSERT_EQ(ReasonOf(CsrStep, mid_csr_), "missing");
  ASSERT_EQ(ReasonOf(CertStep, mid_cert_), "missing");
}

void PkiTest::MakeAll() const {
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  ASSERT_EQ(ReasonOf(CertStep, cert_), "missing");
}

Certificate PkiTest::Parsed(const std::string& path) {
  absl::StatusOr<Certificate> certificate = Certificate::Read(path);
  EXPECT_TRUE(certificate.ok()) << certificate.status();
  return certificate.ok() ? *std::move(certificate) : Certificate();
}

}  // namespace kplan
