#include "src/pki/encrypted_key.h"

#include <stdlib.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/process.h"
#include "src/pki/der.h"
#include "src/pki/private_key.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

class EncryptedKeyTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    Write("pass", "secret phrase\n", 0600);
    Write("wrong", "secret phrase \n", 0600);
  }

  static RunResult Tool(std::vector<std::string> argv) {
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    EXPECT_TRUE(run.ok()) << run.status();
    return run.ok() ? *run : RunResult();
  }
  static void MustTool(std::vector<std::string> argv) {
    RunResult run = Tool(argv);
    ASSERT_TRUE(run.ok()) << argv[1] << ": " << run.out << run.err;
  }
  static std::string DerOf(const std::string& path) {
    absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(Read(path));
    EXPECT_TRUE(blocks.ok()) << path;
    return blocks.ok() ? std::string(blocks->front().der.view()) : "";
  }
  static std::string SpkiOf(const std::string& path) {
    absl::StatusOr<PrivateKey> key = PrivateKey::Read(path, kPass);
    EXPECT_TRUE(key.ok()) << path << key.status();
    return key.ok() ? key->spki() : "";
  }

  static const PassphraseSource kPass, kWrong;
};
const PassphraseSource EncryptedKeyTest::kPass{PassphraseSource::Kind::kFile, "pass"};
const PassphraseSource EncryptedKeyTest::kWrong{PassphraseSource::Kind::kFile, "wrong"};

TEST_F(EncryptedKeyTest, OthersReadWhatWeWrite) {
  for (const char* kind : {"rsa 2048", "ecdsa 256", "ecdsa 521", "ed25519"}) {
    const std::string algo = std::string(kind).substr(0, std::string(kind).find(' '));
    absl::StatusOr<PrivateKey> key =
        PrivateKey::Generate(algo, algo == "ed25519" ? 0 : atoi(kind + algo.size()));
    ASSERT_TRUE(key.ok()) << key.status();
    absl::StatusOr<Secret> pem = key->ToPem(KeyForm::kEncrypted, "secret phrase");
    absl::StatusOr<Secret> plain = key->ToPem(KeyForm::kPkcs8);
    ASSERT_TRUE(pem.ok() && plain.ok());
    Write("k.pem", pem->view(), 0600);
    EXPECT_TRUE(absl::StartsWith(pem->view(), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    EXPECT_EQ(Tool({"openssl", "pkcs8", "-in", "k.pem", "-passin", "file:pass"}).out, plain->view());
    EXPECT_FALSE(Tool({"openssl", "pkey", "-in", "k.pem", "-passin", "file:wrong"}).ok());
    MustTool({"certtool", "--key-info", "--infile", "k.pem", "--password=secret phrase"});
    std::string form = Tool({"openssl", "asn1parse", "-in", "k.pem"}).out;
    for (const char* part : {":PBES2", ":PBKDF2", ":hmacWithSHA256", ":aes-256-cbc", ":030D40"}) {
      EXPECT_TRUE(absl::StrContains(form, part)) << part << "\n" << form;
    }
    EXPECT_TRUE(absl::StrContains(form, "l=  16 prim: OCTET STRING")) << form;

    absl::StatusOr<PrivateKey> again = PrivateKey::Read("k.pem", kPass);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->form(), KeyForm::kEncrypted);
    EXPECT_EQ(again->kind(), kind);
    EXPECT_EQ(again->spki(), key->spki());
    // A salt and an IV of its own, every time.
    EXPECT_NE(key->ToPem(KeyForm::kEncrypted, "secret phrase")->view(), pem->view());
  }
}

TEST_F(EncryptedKeyTest, WeReadWhatOthersWrite) {
  MustTool(
      {"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "k.pem"});
  const std::string spki = SpkiOf("k.pem");
  std::vector<std::vector<std::string>> ways = {{},
                                                {"-v2", "aes-128-cbc"},
                                                {"-v2", "des3"},
                                                {"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"},
                                                {"-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512"},
                                                {"-v2", "aes-192-cbc", "-iter", "1"},
                                                {"-v2", "camellia-256-cbc"},
                                                {"-scrypt"}};
  for (const std::vector<std::string>& way : ways) {
    std::vector<std::string> argv = {"openssl",  "pkcs8",     "-topk8", "-in",  "k.pem",
                                     "-passout", "file:pass", "-out",   "e.pem"};
    argv.insert(argv.end(), way.begin(), way.end());
    MustTool(argv);
    EXPECT_EQ(SpkiOf("e.pem"), spki);
  }
  for (const char* cipher : {"aes-128", "aes-256", "3des"}) {
    MustTool({"certtool", "--to-p8", "--load-privkey", "k.pem", "--password=secret phrase",
              absl::StrCat("--pkcs-cipher=", cipher), "--outfile", "e.pem"});
    EXPECT_EQ(SpkiOf("e.pem"), spki) << cipher;
  }
}

TEST_F(EncryptedKeyTest, OldWaysAreRefusedWithTheCommandThatConverts) {
  MustTool({"openssl", "genrsa", "-traditional", "-out", "k.pem", "2048"});
  std::vector<std::vector<std::string>> ways = {
      {"openssl", "pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-in", "k.pem", "-passout", "file:pass"},
      {"openssl", "pkcs8", "-topk8", "-v1", "PBE-MD5-DES", "-provider", "legacy", "-provider", "default",
       "-in", "k.pem", "-passout", "file:pass"},
      {"openssl", "rsa", "-traditional", "-aes256", "-in", "k.pem", "-passout", "file:pass"}};
  for (std::vector<std::string> argv : ways) {
    argv.insert(argv.end(), {"-out", "old.pem"});
    MustTool(argv);
    for (const PassphraseSource& source : {kPass, kWrong}) {
      absl::Status status = PrivateKey::Read("old.pem", source).status();
      EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
      EXPECT_TRUE(absl::StrContains(status.message(), "convert it with `openssl pkcs8 -topk8")) << status;
    }
  }
  // More rounds than anybody means: three octets of the salt become three of the number.
  MustTool({"openssl", "pkcs8", "-topk8", "-iter", "1", "-in", "k.pem", "-passout", "file:pass", "-out",
            "old.pem"});
  std::string der = DerOf("old.pem");
  const size_t rounds = der.find(std::string("\x02\x01\x01", 3), der.find("\x04\x08"));
  ASSERT_NE(rounds, std::string::npos);
  der[rounds - 9] = '\x05';
  der.replace(rounds - 3, 6, "\x02\x04\x7f\xff\xff\xff");
  absl::Status status = DecryptPkcs8(der, "secret phrase").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "2147483647 rounds")) << status;
  // And that command does it.
  MustTool({"openssl", "rsa", "-traditional", "-aes256", "-in", "k.pem", "-passout", "file:pass", "-out",
            "old.pem"});
  Write("same", "secret phrase\n", 0600);  // openssl takes the second line of a file that it is given twice
  MustTool({"openssl", "pkcs8", "-topk8", "-in", "old.pem", "-out", "new.pem", "-passin", "file:pass",
            "-passout", "file:same"});
  EXPECT_EQ(SpkiOf("new.pem"), SpkiOf("k.pem"));
}

TEST_F(EncryptedKeyTest, AWrongPassphraseIsNeverDamage) {
  MustTool({"openssl", "genpkey", "-algorithm", "ed25519", "-out", "k.pem"});
  MustTool(
      {"openssl", "pkcs8", "-topk8", "-iter", "1", "-in", "k.pem", "-passout", "file:pass", "-out", "e.pem"});
  const std::string der = DerOf("e.pem");
  ASSERT_TRUE(DecryptPkcs8(der, "secret phrase").ok());
  // Among 2,000 some eight have a padding that is right by chance.
  for (int i = 0; i < 2000; ++i) {
    absl::Status status = DecryptPkcs8(der, absl::StrCat("guess ", i)).status();
    ASSERT_TRUE(absl::IsPermissionDenied(status)) << status;
  }
  absl::Status status = PrivateKey::Read("e.pem", kWrong).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(status.message(),
            "e.pem cannot be used as a private key: the passphrase in wrong does not open it: it is another "
            "passphrase, or the file is damaged");
  status = PrivateKey::Read("e.pem").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "the spec names none")) << status;
  // That the passphrase is not there must not read as that the key is not there.
  for (PassphraseSource::Kind kind : {PassphraseSource::Kind::kFile, PassphraseSource::Kind::kEnvironment}) {
    status = PrivateKey::Read("e.pem", {kind, "KPLAN_TEST_NOT_THERE"}).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "KPLAN_TEST_NOT_THERE")) << status;
    // A key that is not encrypted is read without it.
    EXPECT_TRUE(PrivateKey::Read("k.pem", {kind, "KPLAN_TEST_NOT_THERE"}).ok());
  }
}

// Flipped bits: a Status or a key, never a crash and never a very long wait.
TEST_F(EncryptedKeyTest, FlippedBits) {
  MustTool(
      {"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "k.pem"});
  MustTool(
      {"openssl", "pkcs8", "-topk8", "-iter", "1", "-in", "k.pem", "-passout", "file:pass", "-out", "e.pem"});
  const std::string der = DerOf("e.pem");
  const std::string spki = SpkiOf("k.pem");
  for (size_t bit = 0; bit < der.size() * 8; ++bit) {
    std::string flipped = der;
    flipped[bit / 8] ^= 1 << (bit % 8);
    absl::StatusOr<PrivateKey> key = PrivateKey::Parse(EncodePem("ENCRYPTED PRIVATE KEY", flipped), kPass);
    if (key.ok()) {
      EXPECT_EQ(key->spki(), spki) << bit;
    } else {
      EXPECT_TRUE(absl::IsDataLoss(key.status()) || absl::IsFailedPrecondition(key.status())) << key.status();
    }
  }
  EXPECT_TRUE(absl::IsDataLoss(DecryptPkcs8("", "x").status()));
  EXPECT_TRUE(absl::IsDataLoss(DecryptPkcs8(DerOf("k.pem"), "x").status()));
}

}  // namespace
}  // namespace kplan
