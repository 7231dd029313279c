#include <unistd.h>

#include <set>
#include <thread>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "src/base/process.h"
#include "src/pki/der.h"
#include "src/pki/issue.h"
#include "src/pki/usages.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

class CertTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    MakeAll();
  }
};

TEST_F(CertTest, MadeOnce) {
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  ASSERT_EQ(unlink("pki/x.pem"), 0);
  EXPECT_EQ(RemakeReason(CertStep, cert_), "missing");
  EXPECT_EQ(ModeOf("pki/x.pem"), 0644u);
  Certificate c = Parsed("pki/x.pem");
  EXPECT_EQ(TimeText(c.not_before), "2026-11-22 08:18 UTC");
  EXPECT_EQ(c.not_after - c.not_before, 31536000);
  EXPECT_FALSE(c.is_ca);
  EXPECT_EQ(UsagesText(c.key_usage, c.extended_key_usages),
            "[signing, key encipherment, server auth, client auth]");
  EXPECT_EQ(c.authority_key_id, Parsed("pki/ca.pem").subject_key_id);
  EXPECT_EQ(c.sans, (StringPairs{{"dns", "worker"}, {"ip", "127.0.0.1"}}));
}

TEST_F(CertTest, NothingToDoNeedsNoCaKeyAndNoRequest) {
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  ASSERT_EQ(unlink("pki/x.csr"), 0);
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
}

TEST_F(CertTest, DifferencesFromTheSpec) {
  cert_["sans"] = StringPairs{{"ip", "127.0.0.1"}, {"dns", "worker"}};  // the same, and an order says nothing
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  cert_["sans"] = StringPairs{{"dns", "worker"}, {"dns", "etcd"}, {"ip", "::1"}};
  EXPECT_EQ(RemakeReason(CertStep, cert_), "SAN differs: added dns etcd, ip ::1, removed ip 127.0.0.1");

  cert_["usages"] = {"client auth", "server auth", "key encipherment", "digital signature"};  // the same
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  cert_["usages"] = {"signing", "client auth"};
  EXPECT_EQ(RemakeReason(CertStep, cert_),
            "usages differ: spec [signing, client auth], certificate [signing, key encipherment, server "
            "auth, client auth]");

  cert_["subject"] =
      StringPairs{{"CN", "Kubernetes"}, {"C", "US"}, {"O", "Kubernetes"}, {"OU", "The Hard Way"}};
  EXPECT_EQ(RemakeReason(CertStep, cert_),
            "subject differs: spec C=US, O=Kubernetes, OU=The Hard Way, CN=Kubernetes, certificate C=US, "
            "O=Kubernetes, OU=The Hard Way, CN=kubernetes");

  cert_["expiry"] = 31536000 / 2;
  EXPECT_EQ(RemakeReason(CertStep, cert_), "expiry differs: spec 4380h, certificate 8760h");

  cert_["subject"] = StringPairs{{"CN", "y"}};
  cert_["sans"] = Json::array();
  EXPECT_EQ(RemakeReason(CertStep, cert_),
            "subject differs: spec CN=y, certificate C=US, O=Kubernetes, OU=The Hard Way, CN=Kubernetes; SAN "
            "differs: removed dns worker, dns etcd, ip ::1");

  ASSERT_EQ(chmod("pki/x.pem", 0664), 0);
  EXPECT_EQ(RemakeReason(CertStep, cert_), "mode was 0664, is 0644");
}

// Several runs at once: one certificate comes of it, and everybody has it.
TEST_F(CertTest, RaceOfThreads) {
  for (const auto& [step, record, path] : {std::make_tuple(AnyStep(CaCertStep), ca_cert_, "pki/ca.pem"),
                                           std::make_tuple(AnyStep(CertStep), cert_, "pki/x.pem")}) {
    for (int round = 0; round < 20; ++round) {
      ASSERT_EQ(unlink(path), 0);
      std::vector<std::string> digests(8);
      std::vector<std::thread> threads;
      for (std::string& digest : digests) {
        threads.emplace_back([&, run = step, &mine = record] { digest = DigestOf(run, mine); });
      }
      for (std::thread& thread : threads) thread.join();
      for (const std::string& digest : digests) EXPECT_EQ(digest, DigestOf(step, record));
    }
  }
}

TEST_F(CertTest, Damage) {
  std::string text = Read("pki/x.pem");
  for (const std::string& bad :
       {std::string(), std::string("garbage"), text.substr(0, text.size() / 2), std::string(2 << 20, 'x'),
        absl::StrReplaceAll(text, {{"CERTIFICATE", "X509 CRL"}}),
        EncodePem("CERTIFICATE", "\x30\x03\x02\x01\x01")}) {
    Write("pki/x.pem", bad);
    EXPECT_EQ(RemakeReason(CertStep, cert_), "damaged");
  }
  Write("pki/x.pem", text + text);
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, cert_), "pki/x.pem holds 2 PEM blocks"));
}

// Whatever bit is flipped in a certificate, the step sees it: all bits were tried, and are here of what the
// signature does not cover (the outermost header, the algorithm, the signature's own header).
TEST_F(CertTest, FlippedBits) {
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(Read("pki/x.pem"));
  ASSERT_TRUE(blocks.ok());
  const std::string der(blocks->front().der.view());
  absl::StatusOr<SignedObject> object = SignedObject::Parse(der);
  ASSERT_TRUE(object.ok());
  const size_t header = der.find(object->signed_part), end = header + object->signed_part.size();
  const size_t signature = der.size() - object->signature.size();
  for (size_t bit = 0; bit < der.size() * 8; ++bit) {
    const bool covered = bit / 8 >= header && (bit / 8 < end || bit / 8 >= signature);
    if (covered && bit % 37 != 0) continue;
    std::string flipped = der;
    flipped[bit / 8] ^= 1 << (bit % 8);
    Write("pki/x.pem", EncodePem("CERTIFICATE", flipped));
    EXPECT_NE(ReasonOf(CertStep, cert_), "") << "bit " << bit;
  }
}

TEST_F(CertTest, KeyAndIssuer) {
  key_["size"] = 384;
  ASSERT_NE(ReasonOf(KeyStep, key_), "");
  // The request is still the old key's: nothing is signed for it.
  EXPECT_EQ(Refusal(CertStep, cert_),
            "pki/x.csr is not a request of the key pki/x-key.pem; run ninja to make it again");
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "key does not match");
  EXPECT_EQ(RemakeReason(CertStep, cert_), "key does not match");

  // A new CA under the same name.
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  EXPECT_EQ(RemakeReason(CertStep, cert_), "issuer changed");
  // The same key under a new name.
  ca_cert_["subject"] = StringPairs{{"CN", "Kubernetes 2"}};
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  EXPECT_EQ(RemakeReason(CertStep, cert_), "issuer changed");
}

TEST_F(CertTest, Times) {
  const absl::Time start = now_;
  now_ = start - absl::Minutes(4);
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  now_ = start + absl::Seconds(31536000) * 2 / 3 - absl::Minutes(5);
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  now_ = start + absl::Seconds(31536000) * 2 / 3;
  EXPECT_EQ(RemakeReason(CertStep, cert_), "expires soon, on 2027-11-22 08:18 UTC");
  now_ += absl::Seconds(31536000);
  EXPECT_EQ(RemakeReason(CertStep, cert_), "expired on 2028-07-22 16:18 UTC");
  cert_["renew-before"] = 31536000 - 2 * 86400;
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  now_ += absl::Hours(49);
  EXPECT_TRUE(absl::StartsWith(RemakeReason(CertStep, cert_), "expires soon, on "));
  cert_["renew-before"] = 31536000;
  EXPECT_EQ(Refusal(CertStep, cert_),
            "a certificate of 8760h that is renewed 8760h before its end would be renewed at once");
  cert_.erase("renew-before");
  // Made under a clock that was far ahead.
  now_ = start;
  EXPECT_TRUE(absl::StartsWith(RemakeReason(CertStep, cert_), "not valid before 2028-"));
}

TEST_F(CertTest, NeverStartsBeforeItsCa) {
  now_ -=
      absl::Minutes(4);  // the clock was set back after the CA was made: 08:14 would be before the CA's 08:18
  ASSERT_EQ(unlink("pki/x.pem"), 0);
  EXPECT_EQ(RemakeReason(CertStep, cert_), "missing");
  Certificate c = Parsed("pki/x.pem");
  EXPECT_EQ(c.not_before, Parsed("pki/ca.pem").not_before);
  EXPECT_EQ(c.not_after - c.not_before, 31536000);
}

TEST_F(CertTest, NeverOutlivesItsCa) {
  ca_cert_["expiry"] = 30 * 86400;
  ASSERT_NE(ReasonOf(CaCertStep, ca_cert_), "");
  // What was signed before, by whomever, is good for as long as its CA is.
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  ASSERT_EQ(unlink("pki/x.pem"), 0);
  absl::StatusOr<StepResult> result = RunNow(CertStep, cert_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reason, "missing");
  EXPECT_EQ(result->output,
            "pki/x.pem ends with its CA on 2026-12-22 08:18 UTC, 720h instead of 8760h from its start; renew "
            "the CA certificate");
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  Certificate c = Parsed("pki/x.pem"), ca = Parsed("pki/ca.pem");
  EXPECT_EQ(c.not_after, ca.not_after);
  // Close to that end nothing is gained by another one with the same end.
  now_ += absl::Hours(24 * 29);
  EXPECT_EQ(ReasonOf(CertStep, cert_), "");
  // The CA's certificate is renewed: now there is.
  EXPECT_EQ(RemakeReason(CaCertStep, ca_cert_), "expires soon, on 2026-12-22 08:18 UTC");
  EXPECT_TRUE(
      absl::StartsWith(RemakeReason(CertStep, cert_), "expiry differs: spec 8760h, certificate 720h"));
}

TEST_F(CertTest, RefusesToSign) {
  ASSERT_EQ(unlink("pki/x.pem"), 0);
  const absl::Time start = now_;

  Json record = cert_;
  record["issuer-key"] = "pki/x-key.pem";
  EXPECT_EQ(Refusal(CertStep, record),
            "cannot sign with pki/ca.pem: it is not the certificate of pki/x-key.pem");

  record = cert_;
  record["subject"] = ca_cert_["subject"];
  EXPECT_EQ(Refusal(CertStep, record),
            "cannot sign with pki/ca.pem: the certificate asked for has the same subject, C=US, L=Portland, "
            "O=Kubernetes, CN=Kubernetes, and would pass for self-signed; give it another CN");

  now_ = start + absl::Hours(24 * 365 * 6);
  EXPECT_EQ(Refusal(CertStep, cert_),
            "cannot sign with pki/ca.pem: it expired on 2031-11-21 08:18 UTC; remove it and run ninja to "
            "make it again with the same key");
  now_ = start - absl::Hours(1);
  EXPECT_EQ(Refusal(CertStep, cert_),
            "cannot sign with pki/ca.pem: it is not valid before 2026-11-22 08:18 UTC; is the clock right?");
  now_ = start;

  Write("pki/x.csr", "garbage");
  EXPECT_EQ(Refusal(CertStep, cert_), "pki/x.csr is damaged; run ninja to make it again");
  ASSERT_EQ(unlink("pki/x.csr"), 0);
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, cert_), "pki/x.csr"));
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");

  record = cert_;
  record["usages"] = {"signing", "server"};
  EXPECT_EQ(Refusal(CertStep, record), "there is no usage \"server\"");
  record["usages"] = Json::array();
  EXPECT_EQ(Refusal(CertStep, record), "a certificate needs at least one usage");
  record = cert_;
  record["subject"] = Json::array();
  record["sans"] = Json::array();
  EXPECT_EQ(Refusal(CertStep, record), "a certificate needs a subject or a SAN; this one has neither");
  for (const char* field : {"csr", "expiry", "issuer", "key", "path"}) {
    record = cert_;
    record.erase(field);
    EXPECT_TRUE(absl::StrContains(Refusal(CertStep, record), absl::StrCat("\"", field, "\""))) << field;
  }

  // A leaf is no CA.
  ASSERT_EQ(ReasonOf(CertStep, cert_), "missing");
  record = cert_;
  record["issuer"] = "pki/x.pem";
  record["issuer-key"] = "pki/x-key.pem";
  record["path"] = "pki/y.pem";
  record["subject"] = StringPairs{{"CN", "y"}};
  EXPECT_EQ(Refusal(CertStep, record), "cannot sign with pki/x.pem: it is not a CA certificate");

  Write("pki/ca-key.pem", "garbage");
  record["issuer"] = "pki/ca.pem";
  record["issuer-key"] = "pki/ca-key.pem";
  EXPECT_TRUE(absl::StrContains(Refusal(CertStep, record), "pki/ca-key.pem cannot be used as a private key"));
}

TEST_F(CertTest, EmptySubjectMakesTheSanCritical) {
  csr_["subject"] = cert_["subject"] = Json::array();
  ASSERT_NE(ReasonOf(CsrStep, csr_), "");
  EXPECT_TRUE(
      absl::StartsWith(RemakeReason(CertStep, cert_), "subject differs: spec (empty), certificate C=US"));
  absl::StatusOr<RunResult> run =
      kplan::Run({"openssl", "x509", "-in", "pki/x.pem", "-noout", "-ext", "subjectAltName"});
  ASSERT_TRUE(run.ok() && run->ok());
  EXPECT_TRUE(absl::StrContains(run->out, "X509v3 Subject Alternative Name: critical")) << run->out;
}

// Every kind of key signs every kind of key, and two judges who are not us agree.
TEST_F(CertTest, OtherToolsVerify) {
  now_ = absl::Now();
  const bool certtool = !FindProgram("certtool").empty();
  int n = 0;
  for (const auto& [ca_algo, ca_size] : std::vector<std::pair<const char*, int>>{
           {"rsa", 2048}, {"rsa", 3072}, {"ecdsa", 256}, {"ecdsa", 384}, {"ecdsa", 521}}) {
    for (const auto& [algo, size] : std::vector<std::pair<const char*, int>>{{"rsa", 2048}, {"ecdsa", 256}}) {
      std::string dir = absl::StrCat("p", n++, "/");
      for (Json* record : {&ca_key_, &ca_cert_, &key_, &csr_, &cert_}) {
        for (auto& [key, value] : record->items()) {
          if (!value.is_string() || !absl::StrContains(value.get<std::string>(), "/")) continue;
          std::string path = value;
          value = absl::StrCat(dir, path.substr(path.find('/') + 1));
        }
      }
      ca_key_["algo"] = ca_algo;
      ca_key_["size"] = ca_size;
      key_["algo"] = algo;
      key_["size"] = size;
      MakeAll();
      absl::StatusOr<RunResult> run =
          kplan::Run({"openssl", "verify", "-x509_strict", "-CAfile", dir + "ca.pem", "-verify_ip",
                      "127.0.0.1", "-verify_hostname", "worker", "-purpose", "sslserver", dir + "x.pem"});
      ASSERT_TRUE(run.ok()) << run.status();
      EXPECT_TRUE(run->ok()) << run->out << run->err;
      run = kplan::Run({"openssl", "req", "-in", dir + "x.csr", "-verify", "-noout"});
      ASSERT_TRUE(run.ok()) << run.status();
      EXPECT_TRUE(run->ok()) << run->out << run->err;
      if (!certtool) continue;
      run = kplan::Run({"certtool", "--verify", "--load-ca-certificate", dir + "ca.pem", "--infile",
                        dir + "x.pem", "--verify-hostname", "worker"});
      ASSERT_TRUE(run.ok()) << run.status();
      EXPECT_TRUE(run->ok()) << run->out << run->err;
    }
  }
  if (!certtool) GTEST_SKIP() << "certtool is not installed (gnutls-bin); openssl verify agreed";
}

TEST(Serial, PositiveAndAtMost20Octets) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    absl::StatusOr<std::string> serial = RandomSerial();
    ASSERT_TRUE(serial.ok());
    EXPECT_EQ(serial->size(), 20u);
    EXPECT_EQ((*serial)[0] & 0x80, 0);
    EXPECT_TRUE(seen.insert(*serial).second);
  }
}

TEST(Validity, RoundsLikeGo) {
  auto from = [](int64_t now, int64_t backdate = kBackdate) {
    return *ValidityFrom(absl::FromUnixSeconds(now), 600, backdate);
  };
  EXPECT_EQ(from(1200000000).not_before, 1200000000 - 300);
  EXPECT_EQ(from(1200000029).not_before, 1200000000 - 300);
  EXPECT_EQ(from(1200000030).not_before, 1200000060 - 300);
  EXPECT_EQ(from(1200000059).not_before, 1200000060 - 300);
  EXPECT_EQ(from(1200000030).not_after, 1200000060 + 300);
  // Rounded first, back-dated then.
  EXPECT_EQ(from(1200000029, 45).not_before, 1200000000 - 45);
  // Never from a moment to come.
  EXPECT_EQ(from(1200000031, 1).not_before, 1200000031);
  EXPECT_FALSE(ValidityFrom(absl::FromUnixSeconds(253402300799), 600).ok());
  EXPECT_TRUE(ValidityFrom(absl::FromUnixSeconds(253402300799), 200).ok());
}

TEST(Usages, TableIsWellFormed) {
  std::set<absl::string_view> names;
  for (const Usage& usage : kUsages) {
    EXPECT_TRUE(names.insert(usage.name).second) << usage.name;
    EXPECT_EQ(usage.key_usage == 0, !usage.extended.empty()) << usage.name;
    EXPECT_EQ(FindUsage(usage.name), &usage);
    if (usage.extended.empty()) continue;
    ObjectPtr object(OBJ_txt2obj(std::string(usage.extended).c_str(), 1));
    ASSERT_NE(object, nullptr) << usage.name;
    EXPECT_NE(OBJ_obj2nid(object.get()), NID_undef) << usage.name;
  }
  EXPECT_EQ(FindUsage("Server Auth"), nullptr);
  EXPECT_EQ(FindUsage(""), nullptr);
}

}  // namespace
}  // namespace kplan
