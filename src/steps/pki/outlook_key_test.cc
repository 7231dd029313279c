// What the looks of keys and requests say, and that the steps then do just that; and what holds of all looks.

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/base/files.h"
#include "src/pki/private_key.h"
#include "src/step/certificate_changes.h"
#include "src/steps/pki/pki_outlook_testing.h"

namespace kplan {
namespace {

using testing::HasSubstr;

constexpr char kPassphrase[] = "correct horse";

class OutlookKeyTest : public PkiOutlookTest {
 protected:
  static std::string Fingerprint(const std::string& path) {
    absl::StatusOr<PrivateKey> key = PrivateKey::Read(path);
    EXPECT_TRUE(key.ok()) << key.status();
    return key.ok() ? KeyFingerprint(key->spki()) : "";
  }
};

TEST_F(OutlookKeyTest, Key) {
  const char* path = "pki/x-key.pem";
  Try(KeyStep, KeyLook, &key_,
      {
          {"right", [] {}, "", "", false},
          {"missing", [=] { Remove(path); }, "missing", "", true},
          {"damaged", [=] { Flip(path, 60); }, "damaged", "", true},
          {"another thing", [=] { Write(path, Read("pki/x.pem"), 0600); }, "damaged", "", true},
          {"mode opened", [=] { SetMode(path); }, "mode", "mode: \"0644\" -> \"0600\"", false},
          {"only readable", [=] { SetMode(path, 0400); }, "", "", false},
          {"another size", [this] { key_["size"] = 384; }, "kind", "*", true},
          {"another kind and generation",
           [this] {
             key_["algo"] = "ed25519";
             key_["size"] = 0;
             key_["generation"] = 2;
           },
           "kind, generation", "*", true},
          {"another form", [this] { key_["format"] = "pkcs8"; }, "format", "format: \"SEC1\" -> \"PKCS#8\"",
           false},
          {"another form, and opened",
           [=] {
             key_["format"] = "pkcs8";
             SetMode(path);
           },
           "format, mode", "format: \"SEC1\" -> \"PKCS#8\"\nmode: \"0644\" -> \"0600\"", false},
          {"byte order mark", [=] { Write(path, "\xEF\xBB\xBF" + Read(path), 0600); }, "text", "", false},
          {"to be encrypted",
           [this] {
             Write("pass", kPassphrase, 0600);
             key_["passphrase"] = {"file", "pass"};
           },
           "encryption", "format: \"SEC1\" -> \"PKCS#8, encrypted\"", false},
      });
}

TEST_F(OutlookKeyTest, NothingPrivateIsSaid) {
  Fresh();
  const std::string before = Fingerprint("pki/x-key.pem");
  EXPECT_TRUE(absl::StartsWith(before, "SHA256:"));
  key_["generation"] = 2;
  Outlook outlook = LookAt(KeyLook, key_);
  EXPECT_EQ(ChangesOf(outlook), absl::StrCat("key: \"", before, "\" -> \"a new ecdsa 256 key\""));
  ASSERT_EQ(outlook.files.size(), 1u);
  EXPECT_FALSE(outlook.files[0].second.content.has_value());
  EXPECT_EQ(outlook.files[0].second.spki, "");
  key_["generation"] = 1;
  key_["format"] = "pkcs8";
  outlook = LookAt(KeyLook, key_);
  ASSERT_EQ(outlook.files.size(), 1u);
  EXPECT_FALSE(outlook.files[0].second.content.has_value());
  EXPECT_EQ(KeyFingerprint(outlook.files[0].second.spki), before);
}

TEST_F(OutlookKeyTest, RefusalsAreTheSteps) {
  Fresh();
  Json other = ca_key_;
  other["size"] = 384;
  EXPECT_THAT(Refused(KeyStep, KeyLook, other), HasSubstr("a CA key is never replaced"));
  Flip("pki/ca-key.pem", 60);
  EXPECT_THAT(Refused(KeyStep, KeyLook, ca_key_), HasSubstr("never overwritten"));
  Remove("pki/ca-key.pem");
  EXPECT_THAT(Refused(KeyStep, KeyLook, ca_key_), HasSubstr("never made a second time"));
  EXPECT_THAT(Refused(CaCertStep, CaCertLook, ca_cert_), HasSubstr("pki/ca-key.pem"));
  Remove("pki/ca.pem");
  EXPECT_EQ(NamesOf(Agree(KeyStep, KeyLook, ca_key_)), "missing");
  Remove("pki/x-key.pem");
  EXPECT_THAT(Refused(CsrStep, CsrLook, csr_), HasSubstr("pki/x-key.pem"));
  key_["algo"] = "dsa";
  EXPECT_THAT(Refused(KeyStep, KeyLook, key_), HasSubstr("makes no key of the kind \"dsa 256\""));
  key_["algo"] = "rsa";
  EXPECT_THAT(Refused(KeyStep, KeyLook, key_), HasSubstr("an RSA key of 256 bits is not possible"));
}

TEST_F(OutlookKeyTest, Request) {
  const char* path = "pki/x.csr";
  Try(CsrStep, CsrLook, &csr_,
      {
          {"right", [] {}, "", "", false},
          {"missing", [=] { Remove(path); }, "missing", "", true},
          {"no PEM", [=] { Write(path, "x"); }, "damaged", "", true},
          {"its signature damaged", [=] { Flip(path, 60); }, "damaged", "", false},
          {"mode", [=] { SetMode(path, 0600); }, "mode", "mode: \"0600\" -> \"0644\"", false},
          {"a host name more",
           [this] {
             csr_["sans"] = StringPairs{{"dns", "worker"}, {"dns", "w2"}, {"ip", "127.0.0.1"}};
           },
           "names", "SAN: \"\" -> \"dns w2\"", true},
          {"another one",
           [this] {
             csr_["sans"] = StringPairs{{"dns", "w2"}, {"ip", "127.0.0.1"}};
           },
           "names", "SAN: \"\" -> \"dns w2\"\nSAN: \"dns worker\" -> \"\"", true},
          {"another CN",
           [this] {
             csr_["subject"] =
                 StringPairs{{"C", "US"}, {"O", "Kubernetes"}, {"OU", "The Hard Way"}, {"CN", "other"}};
           },
           "subject", "CN: \"kubernetes\" -> \"other\"", true},
          {"of another key",
           [=] {
             Remove("pki/x-key.pem");
             ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
           },
           "key", "*", true},
      });
}

// A request that was deleted comes back the same, and its stamp with it.
TEST_F(OutlookKeyTest, ADeletedRequestComesBackTheSame) {
  Fresh();
  const std::string stamp = DigestOf(CsrStep, csr_);
  Remove("pki/x.csr");
  EXPECT_EQ(LookAt(CsrLook, csr_).digest, stamp);
}

// Whether or not the passphrase is to be had, a look never needs it.
TEST_F(OutlookKeyTest, EncryptedKeysStayShut) {
  for (Json& record : first_) record["passphrase"] = {"file", "pass"};
  first_[4]["issuer-passphrase"] = {"file", "pass"};
  SetUp();
  ca_key_ = first_[0], ca_cert_ = first_[1], key_ = first_[2], csr_ = first_[3], cert_ = first_[4];
  Write("pass", kPassphrase, 0600);
  MakeAll();
  Remove("pass");
  for (auto& [look, record] : std::vector<std::pair<AnyLook, Json>>{
           {KeyLook, ca_key_}, {CaCertLook, ca_cert_}, {KeyLook, key_}, {CsrLook, csr_}, {CertLook, cert_}}) {
    EXPECT_EQ(NamesOf(LookAt(look, record)), "") << record;
  }
  // What can be told without it is told, and foreseen.
  SetMode("pki/x-key.pem");
  key_["generation"] = 2;
  EXPECT_EQ(NamesOf(LookAt(KeyLook, key_)), "generation");
  key_["generation"] = 1;
  csr_["sans"] = cert_["sans"] = StringPairs{{"dns", "w2"}};
  ca_cert_["expiry"] = 94608000;
  Foreseen foreseen;
  std::string said;
  for (auto& [look, record] : std::vector<std::pair<AnyLook, Json>>{
           {KeyLook, ca_key_}, {CaCertLook, ca_cert_}, {KeyLook, key_}, {CsrLook, csr_}, {CertLook, cert_}}) {
    absl::StatusOr<Outlook> outlook = look({"test", now_, foreseen}, record);
    ASSERT_TRUE(outlook.ok()) << record << ": " << outlook.status();
    absl::StrAppend(&said, record["path"].get<std::string>(), ": ", NamesOf(*outlook), "\n");
    for (const auto& [path, file] : outlook->files) foreseen.Add(path, file);
  }
  EXPECT_EQ(
      said,
      "pki/ca-key.pem: \npki/ca.pem: expiry\npki/x-key.pem: mode\npki/x.csr: names\npki/x.pem: names\n");
  ASSERT_NE(foreseen.Find("pki/x.pem"), nullptr);
  ASSERT_NE(foreseen.Find("pki/x.pem")->certificate, nullptr);
  EXPECT_EQ(foreseen.Find("pki/x.pem")->certificate->spki, Parsed("pki/x.pem").spki);
  // An encrypted key for which the spec names no passphrase is an error of both.
  Json bare = key_;
  bare.erase("passphrase");
  EXPECT_THAT(Refused(KeyStep, KeyLook, bare), HasSubstr("the spec names none"));
  // Damage to what says how it is encrypted is seen from outside.
  Write("pki/x-key.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
        0600);
  EXPECT_EQ(NamesOf(LookAt(KeyLook, key_)), "damaged");
}

// A folder in which nothing can be written is no trouble for a look.
TEST_F(OutlookKeyTest, ReadOnlyFolder) {
  Fresh();
  csr_["sans"] = cert_["sans"] = StringPairs{{"dns", "w2"}};
  key_["format"] = "pkcs8";
  ca_cert_["expiry"] = 94608000;
  SetMode("pki", 0555);
  // Root passes over modes, unless it gives that power away.
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct saved[2], less[2];
  ASSERT_EQ(syscall(SYS_capget, &header, saved), 0);
  less[0] = saved[0];
  less[1] = saved[1];
  less[0].effective &= ~((1u << CAP_DAC_OVERRIDE) | (1u << CAP_DAC_READ_SEARCH));
  ASSERT_EQ(syscall(SYS_capset, &header, less), 0);
  EXPECT_FALSE(WriteFile("pki/probe", "", 0644).ok());
  EXPECT_EQ(NamesOf(LookAt(KeyLook, key_)), "format");
  EXPECT_EQ(NamesOf(LookAt(CaCertLook, ca_cert_)), "expiry");
  EXPECT_EQ(NamesOf(LookAt(CsrLook, csr_)), "names");
  EXPECT_EQ(NamesOf(LookAt(CertLook, cert_)), "names");
  EXPECT_FALSE(RunNow(CsrStep, csr_).ok());
  ASSERT_EQ(syscall(SYS_capset, &header, saved), 0);
  SetMode("pki", 0755);
}

// As root: a stranger's key goes to the owner of its folder.
TEST_F(OutlookKeyTest, Owner) {
  Fresh();
  if (chown("pki/x-key.pem", 12345, 12345) != 0) GTEST_SKIP() << "may not give files away here";
  Outlook outlook = Agree(KeyStep, KeyLook, key_);
  EXPECT_EQ(NamesOf(outlook), "owner");
  EXPECT_EQ(ChangesOf(outlook), absl::StrCat("owner: \"12345\" -> \"", Look("pki").st_uid, "\""));
}

}  // namespace
}  // namespace kplan
