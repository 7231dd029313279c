#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "src/base/process.h"
#include "src/pki/der.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

class CsrTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  }
  static std::string OpenSsl(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "openssl");
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    EXPECT_TRUE(run.ok() && run->ok()) << run.status() << (run.ok() ? run->err : "");
    return run.ok() ? run->out : "";
  }
};

TEST_F(CsrTest, MadeOnce) {
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "missing");
  EXPECT_EQ(ModeOf("pki/x.csr"), 0644u);
  std::string text = OpenSsl({"req", "-in", "pki/x.csr", "-verify", "-noout", "-text"});
  EXPECT_TRUE(absl::StrContains(text, "Subject: C = US, O = Kubernetes, OU = The Hard Way, CN = kubernetes"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "DNS:worker, IP Address:127.0.0.1")) << text;
}

TEST_F(CsrTest, DigestIsOfWhatIsSigned) {
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  std::string digest = DigestOf(CsrStep, csr_), text = Read("pki/x.csr");
  ASSERT_EQ(unlink("pki/x.csr"), 0);
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  EXPECT_NE(Read("pki/x.csr"), text);  // ECDSA: another signature
  EXPECT_EQ(DigestOf(CsrStep, csr_), digest);
}

TEST_F(CsrTest, OfAnEd25519Key) {
  key_["algo"] = "ed25519";
  key_["size"] = 0;
  ASSERT_EQ(RemakeReason(KeyStep, key_), "spec asks for ed25519, the file holds ecdsa 256");
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "missing");
  const std::string text = OpenSsl({"req", "-in", "pki/x.csr", "-verify", "-noout", "-text"});
  EXPECT_TRUE(absl::StrContains(text, "Signature Algorithm: ED25519")) << text;
  // The signature is looked at: one bit of it, and of what is signed.
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(Read("pki/x.csr"));
  ASSERT_TRUE(blocks.ok());
  std::string der(blocks->front().der.view());
  der.back() ^= 1;
  Write("pki/x.csr", EncodePem("CERTIFICATE REQUEST", der));
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "damaged");
}

TEST_F(CsrTest, OfAnEncryptedKey) {
  Write("pass", "secret\n", 0600);
  OpenSsl(
      {"pkcs8", "-topk8", "-iter", "1", "-in", "pki/x-key.pem", "-passout", "file:pass", "-out", "e.pem"});
  const std::string before = DigestOf(CsrStep, csr_);
  Write("pki/x-key.pem", Read("e.pem"), 0600);
  EXPECT_TRUE(absl::StrContains(Refusal(CsrStep, csr_), "the spec names none"));
  csr_["passphrase"] = {"file", "pass"};
  EXPECT_EQ(ReasonOf(CsrStep, csr_), "");
  EXPECT_EQ(DigestOf(CsrStep, csr_), before);
  ASSERT_EQ(unlink("pki/x.csr"), 0);
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "missing");
  csr_["passphrase"] = {"vault", "pass"};
  EXPECT_TRUE(absl::StrContains(Refusal(CsrStep, csr_), "no usable \"passphrase\""));
}

TEST_F(CsrTest, EveryReason) {
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  std::string digest = DigestOf(CsrStep, csr_);

  csr_["sans"] = StringPairs{{"dns", "worker"}, {"dns", "etcd"}};
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "SAN differs: added dns etcd, removed ip 127.0.0.1");
  EXPECT_NE(DigestOf(CsrStep, csr_), digest);
  csr_["sans"] = Json::array();
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "SAN differs: removed dns worker, dns etcd");
  csr_["sans"] = StringPairs{{"dns", "a"}, {"dns", "b"}};
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "SAN differs: added dns a, dns b");
  digest = DigestOf(CsrStep, csr_);
  csr_["sans"] = StringPairs{{"dns", "b"}, {"dns", "a"}};  // the same question
  EXPECT_EQ(ReasonOf(CsrStep, csr_), "");
  EXPECT_EQ(DigestOf(CsrStep, csr_), digest);

  csr_["subject"] = StringPairs{{"CN", "other"}};
  EXPECT_EQ(RemakeReason(CsrStep, csr_),
            "subject differs: spec CN=other, request C=US, O=Kubernetes, OU=The Hard Way, CN=kubernetes");

  key_["size"] = 384;
  ASSERT_NE(ReasonOf(KeyStep, key_), "");
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "key does not match");

  ASSERT_EQ(chmod("pki/x.csr", 0600), 0);
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "mode was 0600, is 0644");

  std::string text = Read("pki/x.csr");
  for (const std::string& bad :
       {std::string(), std::string("garbage"), text.substr(0, text.size() / 2), text + text,
        absl::StrReplaceAll(text, {{"CERTIFICATE REQUEST", "CERTIFICATE"}}), std::string(2 << 20, 'x')}) {
    Write("pki/x.csr", bad);
    EXPECT_EQ(RemakeReason(CsrStep, csr_), "damaged");
  }
}

// What another tool asks in its own way is asked all the same: names in capitals, a final dot, attributes
// that say nothing to kplan, another name of the PEM block.
TEST_F(CsrTest, KeepsWhatAsksTheSame) {
  csr_["subject"] = StringPairs{{"CN", "x"}};
  csr_["sans"] = StringPairs{{"dns", "web.example"}, {"email", "Ops@lab.example"}};
  OpenSsl({"req", "-new", "-key", "pki/x-key.pem", "-subj", "/CN=x", "-addext",
           "basicConstraints=critical,CA:TRUE,pathlen:1", "-addext",
           "subjectAltName=email:Ops@LAB.example,DNS:WEB.Example,DNS:web.example.", "-out", "pki/x.csr"});
  const std::string foreign = Read("pki/x.csr");
  EXPECT_EQ(ReasonOf(CsrStep, csr_), "");
  EXPECT_EQ(Read("pki/x.csr"), foreign);
  Write("pki/x.csr", absl::StrReplaceAll(foreign, {{"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}}));
  EXPECT_EQ(ReasonOf(CsrStep, csr_), "");
  csr_["sans"] = StringPairs{{"dns", "web.example"}};
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "SAN differs: removed email Ops@lab.example");
}

// The last base64 line holds the end of the signature.
TEST_F(CsrTest, WrongSignatureIsDamage) {
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  std::string text = Read("pki/x.csr");
  size_t at = text.find("\n-----END") - 8;
  text[at] = text[at] == 'A' ? 'B' : 'A';
  Write("pki/x.csr", text);
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "damaged");
}

TEST_F(CsrTest, OrderOfTheSubjectDoesNotMatter) {
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  csr_["subject"] =
      StringPairs{{"CN", "kubernetes"}, {"OU", "The Hard Way"}, {"O", "Kubernetes"}, {"C", "US"}};
  EXPECT_EQ(ReasonOf(CsrStep, csr_), "");
}

TEST_F(CsrTest, RsaIsDeterministic) {
  key_["algo"] = "rsa";
  key_["size"] = 2048;
  ASSERT_NE(ReasonOf(KeyStep, key_), "");
  ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
  std::string text = Read("pki/x.csr");
  ASSERT_EQ(unlink("pki/x.csr"), 0);
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "missing");
  EXPECT_EQ(Read("pki/x.csr"), text);
}

// No request that nobody can verify is written for it.
TEST_F(CsrTest, KeyWhoseHalvesDoNotMatch) {
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(Read("pki/x-key.pem"));
  ASSERT_TRUE(blocks.ok());
  std::string der(blocks->front().der.view());
  der[20] ^= 1;  // inside the private number (RFC 5915: it starts at 7)
  Write("pki/x-key.pem", EncodePem("EC PRIVATE KEY", der), 0600);
  EXPECT_EQ(Refusal(CsrStep, csr_),
            "pki/x-key.pem cannot be used as a private key: it is not a private key, or damaged");
  EXPECT_TRUE(absl::StartsWith(ReasonOf(KeyStep, key_), "damaged"));
  EXPECT_EQ(RemakeReason(CsrStep, csr_), "missing");
}

TEST_F(CsrTest, Refusals) {
  Json record = csr_;
  record["sans"] = StringPairs{{"ip", "127.0.0.1/8"}};
  EXPECT_EQ(Refusal(CsrStep, record), "the ip SAN \"127.0.0.1/8\" is not an IP address");
  record = csr_;
  record["subject"] = StringPairs{{"C", "USA"}};
  EXPECT_TRUE(absl::StrContains(Refusal(CsrStep, record), "X.509 allows 2"));
  record = csr_;
  record.erase("path");
  EXPECT_TRUE(absl::StrContains(Refusal(CsrStep, record), "\"path\""));
  Write("pki/x-key.pem", "garbage");
  EXPECT_TRUE(absl::StrContains(Refusal(CsrStep, csr_), "pki/x-key.pem cannot be used as a private key"));
  OpenSsl({"genpkey", "-algorithm", "ed448", "-out", "pki/x-key.pem"});
  EXPECT_EQ(Refusal(CsrStep, csr_), "pki/x-key.pem holds a key of the kind ed448, which kplan cannot use");
  ASSERT_EQ(unlink("pki/x-key.pem"), 0);
  EXPECT_TRUE(absl::StrContains(Refusal(CsrStep, csr_), "pki/x-key.pem"));
}

}  // namespace
}  // namespace kplan
