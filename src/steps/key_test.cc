#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/steps/pki_testing.h"
#include "src/steps/private_key.h"

namespace kplan {
namespace {

class KeyTest : public PkiTest {
 protected:
  static void OpenSsl(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "openssl");
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    ASSERT_TRUE(run.ok() && run->ok()) << run.status() << (run.ok() ? run->err : "");
  }
  static std::string KindOf(const std::string& path) {
    absl::StatusOr<PrivateKey> key = PrivateKey::Read(path);
    return key.ok() ? key->kind() : key.status().ToString();
  }
};

TEST_F(KeyTest, MakesEveryKindOnceAndAdoptsIt) {
  for (const char* algo : {"rsa", "ecdsa"}) {
    for (int size : algo[0] == 'r' ? std::vector<int>{2048} : std::vector<int>{256, 384, 521}) {
      key_["algo"] = algo;
      key_["size"] = size;
      key_["path"] = absl::StrCat("new/folder/", algo, size, "-key.pem");
      EXPECT_EQ(RemakeReason(KeyStep, key_), "missing");
      EXPECT_EQ(KindOf(key_["path"]), KeyKind(algo, size));
      EXPECT_EQ(ModeOf(key_["path"]), 0600u);
      absl::StatusOr<PrivateKey> key = PrivateKey::Read(key_["path"]);
      ASSERT_TRUE(key.ok());
      EXPECT_EQ(DigestOf(KeyStep, key_), Sha256Hex(key->spki()));
    }
  }
  EXPECT_EQ(List("new/folder").size(), 4u);  // no temporary file is left
}

TEST_F(KeyTest, AdoptsPkcs8AndStricterModes) {
  OpenSsl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "k.pem"});
  std::string text = Read("k.pem");
  ASSERT_TRUE(absl::StartsWith(text, "-----BEGIN PRIVATE KEY-----"));
  Write("pki/x-key.pem", text, 0400);
  EXPECT_EQ(ReasonOf(KeyStep, key_), "");
  EXPECT_EQ(Read("pki/x-key.pem"), text);
  EXPECT_EQ(ModeOf("pki/x-key.pem"), 0400u);
}

TEST_F(KeyTest, AdoptsThroughALink) {
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(rename("pki/ca-key.pem", "vault.pem"), 0);
  ASSERT_EQ(symlink("../vault.pem", "pki/ca-key.pem"), 0);
  ASSERT_EQ(chmod("vault.pem", 0640), 0);
  EXPECT_EQ(RemakeReason(KeyStep, ca_key_), "mode was 0640, is 0600");
  EXPECT_EQ(ModeOf("vault.pem"), 0600u);
  ASSERT_EQ(unlink("vault.pem"), 0);  // as when what holds it is not mounted
  EXPECT_EQ(Refusal(KeyStep, ca_key_),
            "pki/ca-key.pem is a symbolic link to a file that is not there; mount what it points to, or "
            "remove the link");
}

TEST_F(KeyTest, RepairsTheMode) {
  for (const Json& record : {ca_key_, key_}) {
    ASSERT_EQ(ReasonOf(KeyStep, record), "missing");
    const std::string path = record["path"], before = Read(path), digest = DigestOf(KeyStep, record);
    ASSERT_EQ(chmod(path.c_str(), 0644), 0);
    EXPECT_EQ(RemakeReason(KeyStep, record), "mode was 0644, is 0600");
    EXPECT_EQ(ModeOf(path), 0600u);
    EXPECT_EQ(Read(path), before);
    EXPECT_EQ(DigestOf(KeyStep, record), digest);
  }
}

TEST_F(KeyTest, RepairsTheOwner) {
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  if (chown("pki/x-key.pem", 4242, 4242) != 0) {
    GTEST_SKIP() << "only root, outside of a user namespace, can give a file to somebody else";
  }
  EXPECT_EQ(RemakeReason(KeyStep, key_), "owner was uid 4242, is 0");
  // Somebody's own folder, and root runs in it: the person keeps access.
  ASSERT_EQ(chown("pki", 4242, 4242), 0);
  ASSERT_EQ(chown("pki/x-key.pem", 4242, 4242), 0);
  EXPECT_EQ(ReasonOf(KeyStep, key_), "");
  EXPECT_EQ(Look("pki/x-key.pem").st_uid, 4242u);
}

TEST_F(KeyTest, OtherKindOfLeafKeyIsMadeAgain) {
  key_["algo"] = "rsa";
  key_["size"] = 2048;
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  key_["algo"] = "ecdsa";
  key_["size"] = 256;
  EXPECT_EQ(RemakeReason(KeyStep, key_), "spec asks for ecdsa 256, the file holds rsa 2048");
  key_["size"] = 384;
  EXPECT_EQ(RemakeReason(KeyStep, key_), "spec asks for ecdsa 384, the file holds ecdsa 256");
  OpenSsl({"genpkey", "-algorithm", "ed25519", "-out", "pki/x-key.pem"});
  EXPECT_EQ(RemakeReason(KeyStep, key_), "spec asks for ecdsa 384, the file holds ed25519");
  EXPECT_EQ(ModeOf("pki/x-key.pem"), 0600u);
}

TEST_F(KeyTest, OtherKindOfCaKeyIsRefused) {
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ca_key_["algo"] = "rsa";
  ca_key_["size"] = 2048;
  EXPECT_EQ(Refusal(KeyStep, ca_key_),
            "pki/ca-key.pem holds a key of kind ecdsa 256, and the spec asks for rsa 2048; a CA key is never "
            "replaced. "
            "Either put ecdsa 256 back into the spec, or rotate: give the new CA another name (a generation "
            "in its CN) "
            "and files of its own, let every host trust both certificates while the leaves are signed again, "
            "and only "
            "then drop the old one");
}

TEST_F(KeyTest, DamagedLeafKeyIsMadeAgainAndTheOldBytesKept) {
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  std::string whole = Read("pki/x-key.pem"), half = whole.substr(0, whole.size() / 2);
  Write("pki/x-key.pem", half, 0644);
  EXPECT_EQ(RemakeReason(KeyStep, key_), "damaged (what was there is kept as pki/x-key.pem.damaged)");
  EXPECT_EQ(Read("pki/x-key.pem.damaged"), half);
  EXPECT_EQ(ModeOf("pki/x-key.pem.damaged"), 0600u);
  Write("pki/x-key.pem", "");
  EXPECT_EQ(RemakeReason(KeyStep, key_), "damaged (what was there is kept as pki/x-key.pem.damaged-2)");
  EXPECT_EQ(Read("pki/x-key.pem.damaged"), half);
}

TEST_F(KeyTest, DamagedCaKeyIsRefused) {
  for (const char* content :
       {"", "garbage", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"}) {
    Write("pki/ca-key.pem", content);
    std::string message = Refusal(KeyStep, ca_key_);
    EXPECT_TRUE(
        absl::StrContains(message,
                          "A CA key is never overwritten: restore it from a backup; to begin a new CA, "
                          "move pki/ca-key.pem and its certificate away"))
        << message;
  }
}

TEST_F(KeyTest, LostCaKeyIsNotMadeAgain) {
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  std::string message = Refusal(KeyStep, ca_key_);
  EXPECT_TRUE(
      absl::StartsWith(message,
                       "pki/ca-key.pem is missing, but the CA certificate pki/ca.pem is there; a CA key "
                       "is never made a second time. Restore the key from a backup"))
      << message;
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  EXPECT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
}

TEST_F(KeyTest, EncryptedKeyIsNeverTouched) {
  OpenSsl({"genrsa", "-aes128", "-passout", "pass:secret", "-out", "k.pem", "2048"});
  for (const Json& record : {ca_key_, key_}) {
    Write(record["path"], Read("k.pem"), 0600);
    EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), "it is encrypted with a passphrase")) << record;
  }
}

TEST_F(KeyTest, UnreadableKeyIsAnError) {
  ASSERT_EQ(mkdir("pki", 0755), 0);
  ASSERT_EQ(mkdir("pki/x-key.pem", 0755), 0);
  EXPECT_EQ(Refusal(KeyStep, key_), "pki/x-key.pem is a folder");
  if (geteuid() == 0) return;  // root reads everything
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(chmod("pki/ca-key.pem", 0), 0);
  EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, ca_key_), "cannot open pki/ca-key.pem"));
}

TEST_F(KeyTest, BadRecords) {
  Json record = key_;
  record["algo"] = "dsa";
  EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), "kplan makes no key of the kind \"dsa 256\""));
  record = key_;
  record["size"] = 1024;
  EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), "\"ecdsa 1024\""));
  for (const char* field : {"algo", "ca", "path", "size"}) {
    record = key_;
    record.erase(field);
    EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), absl::StrCat("\"", field, "\""))) << field;
  }
  EXPECT_FALSE(Exists("pki"));
}

// Many at once, in threads and in processes: one key survives, and everybody has it.
TEST_F(KeyTest, RaceOfThreads) {
  for (const Json& record : {ca_key_, key_}) {
    for (int round = 0; round < 20; ++round) {
      Json mine = record;
      mine["path"] = absl::StrCat("race/", round, std::string(record["path"]).substr(4));
      std::vector<std::string> digests(8);
      std::vector<std::thread> threads;
      for (std::string& digest : digests) {
        threads.emplace_back([&] { digest = DigestOf(KeyStep, mine); });
      }
      for (std::thread& thread : threads) thread.join();
      for (const std::string& digest : digests) EXPECT_EQ(digest, DigestOf(KeyStep, mine));
      EXPECT_EQ(ReasonOf(KeyStep, mine), "");
    }
  }
  EXPECT_EQ(List("race").size(), 40u);
}

TEST_F(KeyTest, RaceOfProcesses) {
  ca_key_["algo"] = "rsa";
  ca_key_["size"] = 2048;
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      absl::StatusOr<StepResult> result = RunNow(KeyStep, ca_key_);
      bool ok = result.ok() && WriteFile(absl::StrCat("digest-", i), result->digest, 0644).ok();
      _exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(List("pki"), std::vector<std::string>{"ca-key.pem"});
  const std::string digest = DigestOf(KeyStep, ca_key_);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(Read(absl::StrCat("digest-", i)), digest);
}

// A leaf key of the wrong kind, and several runs that all want to replace it.
TEST_F(KeyTest, RaceToReplace) {
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  key_["size"] = 384;
  std::vector<std::string> digests(8);
  std::vector<std::thread> threads;
  for (std::string& digest : digests) threads.emplace_back([&] { digest = DigestOf(KeyStep, key_); });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& digest : digests) EXPECT_EQ(digest, DigestOf(KeyStep, key_));
}

TEST_F(KeyTest, NoSecretInResultsAndMessages) {
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  std::string pem = Read("pki/x-key.pem");
  std::string body = pem.substr(pem.find('\n') + 1, 40);
  Json record = key_;
  record["ca"] = true;
  record["certificate"] = "pki/x.pem";
  record["size"] = 384;
  EXPECT_FALSE(absl::StrContains(Refusal(KeyStep, record), body));
  Write("pki/x-key.pem", pem.substr(0, 150));
  record["size"] = 256;
  EXPECT_FALSE(absl::StrContains(Refusal(KeyStep, record), body));
}

}  // namespace
}  // namespace kplan
