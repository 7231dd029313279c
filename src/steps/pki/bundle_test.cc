#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "src/base/digest.h"
#include "src/base/process.h"
#include "src/pki/der.h"
#include "src/pki/pkcs12.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

constexpr const char kPassphrase[] = "correct horse: $5 \"&";

class BundleTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    now_ = absl::Now();
    MakeAll();
    MakeIntermediate("pki/sub");
    now_ = absl::Now();
    // The leaf below the intermediate.
    cert_["issuer"] = "pki/sub.pem";
    cert_["issuer-key"] = "pki/sub-key.pem";
    ASSERT_EQ(unlink("pki/x.pem"), 0);
    ASSERT_EQ(ReasonOf(CertStep, cert_), "missing");
    Write("secret/passphrase", absl::StrCat(kPassphrase, "\n"), 0600);
    chain_ = {{"cert", "pki/x.pem"},
              {"form", "chain"},
              {"issuers", {"pki/sub.pem"}},
              {"kind", "bundle"},
              {"path", "pki/x-chain.pem"}};
    bundle_ = chain_;
    bundle_["form"] = "bundle";
    bundle_["key"] = "pki/x-key.pem";
    bundle_["path"] = "pki/x-bundle.pem";
    pkcs12_ = bundle_;
    pkcs12_["form"] = "pkcs12";
    pkcs12_["name"] = "x of worker";
    pkcs12_["passphrase"] = {"file", "secret/passphrase"};
    pkcs12_["path"] = "pki/x.p12";
  }

  // A CA below pki/ca.pem, made by openssl so that it is not the same code that judges it.
  static void MakeIntermediate(const std::string& stem) {
    Write("ext.cnf",
          "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
          "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
    Output({"openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", stem + "-key.pem"});
    Output({"openssl", "req", "-new", "-key", stem + "-key.pem", "-subj", "/CN=sub", "-out", stem + ".csr"});
    Output({"openssl", "x509", "-req", "-in", stem + ".csr", "-CA", "pki/ca.pem", "-CAkey", "pki/ca-key.pem",
            "-days", "1800", "-extfile", "ext.cnf", "-set_serial", "77", "-out", stem + ".pem"});
  }

  static std::string Output(const std::vector<std::string>& argv) {
    RunOptions options;
    options.environment = {absl::StrCat("P=", kPassphrase), "LC_ALL=C.UTF-8"};
    absl::StatusOr<RunResult> run = kplan::Run(argv, options);
    EXPECT_TRUE(run.ok() && run->ok())
        << argv[0] << " " << argv[1] << run.status() << (run.ok() ? run->out + run->err : "");
    return run.ok() ? absl::StrCat(run->out, run->err) : "";
  }

  Json chain_, bundle_, pkcs12_;
};

TEST_F(BundleTest, Chain) {
  EXPECT_EQ(RemakeReason(BundleStep, chain_), "missing");
  EXPECT_EQ(Read("pki/x-chain.pem"), Read("pki/x.pem") + Parsed("pki/sub.pem").ToPem());
  EXPECT_EQ(ModeOf("pki/x-chain.pem"), 0644u);
  EXPECT_EQ(DigestOf(BundleStep, chain_), Sha256Hex(Parsed("pki/x.pem").der + Parsed("pki/sub.pem").der));
  // It is what a server sends to somebody who knows the root alone.
  Output({"openssl", "verify", "-partial_chain", "-CAfile", "pki/ca.pem", "-untrusted", "pki/x-chain.pem",
          "pki/x-chain.pem"});
  chain_["issuers"] = Json::array();
  EXPECT_EQ(RemakeReason(BundleStep, chain_), "issuers changed");
  EXPECT_EQ(Read("pki/x-chain.pem"), Read("pki/x.pem"));
}

TEST_F(BundleTest, Bundle) {
  const std::string key = Read("pki/x-key.pem");
  EXPECT_EQ(RemakeReason(BundleStep, bundle_), "missing");
  EXPECT_EQ(Read("pki/x-bundle.pem"), absl::StrCat(key, Read("pki/x.pem"), Parsed("pki/sub.pem").ToPem()));
  EXPECT_EQ(ModeOf("pki/x-bundle.pem"), 0600u);
  // The explanatory text and the curve in front of a key, and Windows' line ends, do not come along.
  Write("pki/x-key.pem",
        absl::StrCat("key-generation: 2\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC "
                     "PARAMETERS-----\n",
                     key, "and behind it\n"),
        0600);
  EXPECT_EQ(ReasonOf(BundleStep, bundle_), "");
  Write("pki/x-key.pem", key.substr(0, key.size() - 1), 0600);
  EXPECT_EQ(ReasonOf(BundleStep, bundle_), "");
  Write("pki/x-key.pem", absl::StrReplaceAll(key, {{"\n", "\r\n"}}), 0600);
  EXPECT_EQ(RemakeReason(BundleStep, bundle_), "its text differs");
  Write("pki/x-key.pem", key, 0600);
  EXPECT_EQ(RemakeReason(BundleStep, bundle_), "its text differs");

  for (const std::string& bad : {std::string(), std::string("garbage"), key, std::string(2 << 20, 'x')}) {
    Write("pki/x-bundle.pem", bad, 0600);
    EXPECT_EQ(RemakeReason(BundleStep, bundle_), "damaged");
  }
  ASSERT_EQ(chmod("pki/x-bundle.pem", 0644), 0);
  EXPECT_EQ(RemakeReason(BundleStep, bundle_), "mode was 0644, is 0600");
  ASSERT_EQ(chmod("pki/x-bundle.pem", 0400), 0);
  EXPECT_EQ(ReasonOf(BundleStep, bundle_), "");
}

TEST_F(BundleTest, Renewed) {
  for (const Json* record : {&chain_, &bundle_, &pkcs12_}) {
    ASSERT_EQ(RemakeReason(BundleStep, *record), "missing");
  }
  ASSERT_EQ(unlink("pki/x.pem"), 0);
  ASSERT_EQ(ReasonOf(CertStep, cert_), "missing");
  for (const Json* record : {&chain_, &bundle_, &pkcs12_}) {
    EXPECT_EQ(RemakeReason(BundleStep, *record), "certificate changed");
  }
  ASSERT_EQ(unlink("pki/x-key.pem"), 0);
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  // The certificate is still the old key's.
  for (const Json* record : {&bundle_, &pkcs12_}) {
    EXPECT_EQ(Refusal(BundleStep, *record),
              "pki/x-key.pem is not the key of the certificate pki/x.pem; run ninja to sign it again");
  }
  ASSERT_NE(ReasonOf(CsrStep, csr_), "");
  ASSERT_NE(ReasonOf(CertStep, cert_), "");
  EXPECT_EQ(RemakeReason(BundleStep, bundle_), "key changed; certificate changed");
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "key changed; certificate changed");
}

TEST_F(BundleTest, NoChainComesOfStrangers) {
  for (Json* record : {&chain_, &bundle_, &pkcs12_}) {
    (*record)["issuers"] = {"pki/ca.pem"};
    EXPECT_TRUE(absl::StartsWith(Refusal(BundleStep, *record), "pki/x.pem was not signed by pki/ca.pem"));
    (*record)["issuers"] = {"pki/x.pem"};
    EXPECT_TRUE(absl::StartsWith(Refusal(BundleStep, *record), "pki/x.pem was not signed by pki/x.pem"));
    (*record)["issuers"] = {"pki/sub.pem", "pki/sub.pem"};
    EXPECT_TRUE(absl::StartsWith(Refusal(BundleStep, *record), "pki/sub.pem was not signed by pki/sub.pem"));
    (*record)["issuers"] = {"pki/sub.pem", "pki/ca.pem"};
    EXPECT_EQ(RemakeReason(BundleStep, *record), "missing");
  }
  // The same name and another key.
  MakeIntermediate("pki/other");
  chain_["issuers"] = {"pki/other.pem"};
  EXPECT_TRUE(absl::StartsWith(Refusal(BundleStep, chain_), "pki/x.pem was not signed by pki/other.pem"));
}

TEST_F(BundleTest, BadRecordsAndFiles) {
  Json record = bundle_;
  record["form"] = "jks";
  EXPECT_EQ(Refusal(BundleStep, record), "there is no form \"jks\" of a bundle");
  for (const char* field : {"cert", "form", "key", "path"}) {
    record = bundle_;
    record.erase(field);
    EXPECT_TRUE(absl::StrContains(Refusal(BundleStep, record), absl::StrCat("\"", field, "\""))) << field;
  }
  record = pkcs12_;
  record.erase("passphrase");
  EXPECT_EQ(Refusal(BundleStep, record), "there is no passphrase to read");
  record["passphrase"] = {"env", "KPLAN_TEST_NO_SUCH_VARIABLE"};
  EXPECT_TRUE(absl::StrContains(Refusal(BundleStep, record), "KPLAN_TEST_NO_SUCH_VARIABLE"));
  for (const char* bad : {"caf\xc3\xa9", "a\tb"}) {
    Write("secret/passphrase", bad, 0600);
    EXPECT_EQ(Refusal(BundleStep, pkcs12_),
              "the passphrase in secret/passphrase has characters that are not printable ASCII, and Java and "
              "others would not open pki/x.p12 with it; take another passphrase");
  }
  const std::string key = Read("pki/x-key.pem");
  Write("pki/x-key.pem", key.substr(0, key.size() / 2), 0600);
  for (const Json* each : {&bundle_, &pkcs12_}) {
    std::string message = Refusal(BundleStep, *each);
    EXPECT_TRUE(absl::StartsWith(message, "pki/x-key.pem ")) << message;
    EXPECT_FALSE(absl::StrContains(message, key.substr(40, 20))) << message;
  }
  ASSERT_EQ(unlink("pki/sub.pem"), 0);
  EXPECT_TRUE(absl::StrContains(Refusal(BundleStep, chain_), "pki/sub.pem"));
}

TEST_F(BundleTest, Pkcs12) {
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "missing");
  EXPECT_EQ(ModeOf("pki/x.p12"), 0600u);
  absl::StatusOr<Pkcs12Content> content = OpenPkcs12(Read("pki/x.p12"), kPassphrase);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->spki, Parsed("pki/x.pem").spki);
  EXPECT_EQ(content->certificates,
            (std::vector<std::string>{Parsed("pki/x.pem").der, Parsed("pki/sub.pem").der}));
  EXPECT_EQ(content->name, "x of worker");
  EXPECT_EQ(DigestOf(BundleStep, pkcs12_), Sha256Hex(absl::StrCat(content->spki, content->certificates[0],
                                                                  content->certificates[1], "x of worker")));

  const std::string before = DigestOf(BundleStep, pkcs12_);
  pkcs12_["name"] = "caf\xc3\xa9";
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "name changed");
  EXPECT_NE(DigestOf(BundleStep, pkcs12_), before);
  pkcs12_["issuers"] = Json::array();
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "issuers changed");
  pkcs12_.erase("name");
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "name changed");
  const std::string old = DigestOf(BundleStep, pkcs12_);
  Write("secret/passphrase", "another one\n", 0600);
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_),
            "passphrase changed (the passphrase in secret/passphrase does not open it), or damaged");
  EXPECT_EQ(DigestOf(BundleStep, pkcs12_), old);  // nothing secret is in it
  ASSERT_EQ(chmod("pki/x.p12", 0644), 0);
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "mode was 0644, is 0600");
}

TEST_F(BundleTest, DamagedPkcs12) {
  ASSERT_EQ(RemakeReason(BundleStep, pkcs12_), "missing");
  const std::string good = Read("pki/x.p12");
  for (const std::string& bad : {std::string(), std::string("garbage"), good.substr(0, good.size() / 2),
                                 good + "x", Read("pki/x-key.pem"), std::string(2 << 20, 'x')}) {
    Write("pki/x.p12", bad, 0600);
    EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "damaged");
  }
  // Opening costs time on purpose, so only some of the bits. None goes unseen, and none hangs.
  for (size_t bit = 3; bit < good.size() * 8; bit += 1009) {
    std::string flipped = good;
    flipped[bit / 8] ^= 1 << (bit % 8);
    absl::StatusOr<Pkcs12Content> content = OpenPkcs12(flipped, kPassphrase);
    EXPECT_FALSE(content.ok()) << bit;
  }
  // A count of rounds that would keep us busy for hours, at the end of the file.
  size_t at = good.rfind(std::string("\x02\x03\x03\x0d\x40", 5));
  ASSERT_NE(at, std::string::npos);
  ASSERT_EQ(at, good.size() - 5);
  std::string slow = good;
  slow[at + 2] = '\x7f';
  absl::StatusOr<Pkcs12Content> content = OpenPkcs12(slow, kPassphrase);
  EXPECT_TRUE(absl::IsDataLoss(content.status())) << content.status();
}

// Weaker files of other tools are not kept.
TEST_F(BundleTest, WeakPkcs12) {
  Write("c.pem", Read("pki/x.pem"));
  auto make = [this](std::vector<std::string> options) {
    std::vector<std::string> argv = {"openssl",     "pkcs12",    "-export", "-inkey",      "pki/x-key.pem",
                                     "-in",         "pki/x.pem", "-name",   "x of worker", "-certfile",
                                     "pki/sub.pem", "-passout",  "env:P",   "-out",        "pki/x.p12"};
    argv.insert(argv.end(), options.begin(), options.end());
    Output(argv);
    ASSERT_EQ(chmod("pki/x.p12", 0600), 0);
  };
  make({});
  EXPECT_EQ(ReasonOf(BundleStep, pkcs12_), "");  // what OpenSSL 3 makes is adopted
  make({"-keypbe", "PBE-SHA1-3DES"});
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "its key is encrypted in an old way");
  make({"-certpbe", "PBE-SHA1-3DES"});
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "its certificates are encrypted in an old way");
  make({"-macalg", "sha1"});
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "its MAC is not HMAC-SHA256");
  make({"-keypbe", "NONE"});
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_),
            "it holds something besides an encrypted key and certificates");
  make({"-nomac"});
  EXPECT_EQ(RemakeReason(BundleStep, pkcs12_), "damaged");
}

TEST_F(BundleTest, OtherToolsOpenIt) {
  std::string skipped;
  for (const auto& [algo, size] : std::vector<std::pair<const char*, int>>{
           {"rsa", 2048}, {"ecdsa", 256}, {"ecdsa", 384}, {"ecdsa", 521}, {"ed25519", 0}}) {
    key_["algo"] = algo;
    key_["size"] = size;
    for (const char* path : {"pki/x-key.pem", "pki/x.csr", "pki/x.pem"}) ASSERT_EQ(unlink(path), 0);
    ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
    ASSERT_EQ(ReasonOf(CsrStep, csr_), "missing");
    ASSERT_EQ(ReasonOf(CertStep, cert_), "missing");
    EXPECT_NE(RemakeReason(BundleStep, pkcs12_), "");
    EXPECT_NE(RemakeReason(BundleStep, bundle_), "");

    std::string told =
        Output({"openssl", "pkcs12", "-in", "pki/x.p12", "-passin", "env:P", "-info", "-nodes"});
    EXPECT_TRUE(absl::StrContains(told, "friendlyName: x of worker")) << told;
    EXPECT_TRUE(absl::StrContains(told, "MAC: sha256")) << told;
    EXPECT_TRUE(absl::StrContains(told, "PBES2, PBKDF2, AES-256-CBC")) << told;
    EXPECT_TRUE(absl::StrContains(told, Read("pki/x.pem"))) << told;
    EXPECT_TRUE(absl::StrContains(told, Parsed("pki/sub.pem").ToPem())) << told;
    // The key that comes out is the one that went in.
    Output(
        {"openssl", "pkcs12", "-in", "pki/x.p12", "-passin", "env:P", "-nodes", "-nocerts", "-out", "k.pem"});
    EXPECT_EQ(Output({"openssl", "pkey", "-in", "k.pem", "-pubout"}),
              Output({"openssl", "pkey", "-in", "pki/x-bundle.pem", "-pubout"}));

    if (FindProgram("certtool").empty()) {
      skipped = "certtool is not installed (gnutls-bin)";
    } else {
      told =
          Output({"certtool", "--p12-info", "--inder", "--infile", "pki/x.p12", "--password", kPassphrase});
      EXPECT_TRUE(absl::StrContains(told, "Friendly name: x of worker")) << told;
    }
    if (FindProgram("keytool").empty()) {
      skipped = "keytool is not installed (a JRE)";
    } else {
      told = Output({"keytool", "-list", "-v", "-storetype", "PKCS12", "-keystore", "pki/x.p12",
                     "-storepass:env", "P", "-J-Dfile.encoding=UTF-8", "-J-Dsun.jnu.encoding=UTF-8"});
      EXPECT_TRUE(absl::StrContains(told, "Alias name: x of worker")) << told;
      EXPECT_TRUE(absl::StrContains(told, "Entry type: PrivateKeyEntry")) << told;
      EXPECT_TRUE(absl::StrContains(told, "Certificate chain length: 2")) << told;
    }
  }
  if (!skipped.empty()) GTEST_SKIP() << skipped << "; openssl agreed";
}

}  // namespace
}  // namespace kplan
