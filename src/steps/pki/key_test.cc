#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iterator>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/pki/private_key.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

class KeyTest : public PkiTest {
 protected:
  static std::string OpenSsl(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "openssl");
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    EXPECT_TRUE(run.ok() && run->ok()) << run.status() << (run.ok() ? run->err : "");
    return run.ok() ? run->out : "";
  }
  static std::string WriteTo(const std::string& path, absl::string_view content) {
    Write(path, content, 0600);
    return path;
  }
  static std::string KindOf(const std::string& path) {
    absl::StatusOr<PrivateKey> key = PrivateKey::Read(path);
    return key.ok() ? key->kind() : key.status().ToString();
  }
};

TEST_F(KeyTest, MakesEveryKindOnceAndAdoptsIt) {
  struct Case {
    const char* algo;
    int size;
  } cases[] = {{"rsa", 2048}, {"ecdsa", 256}, {"ecdsa", 384}, {"ecdsa", 521}, {"ed25519", 0}};
  for (const Case& c : cases) {
    key_["algo"] = c.algo;
    key_["size"] = c.size;
    key_["path"] = absl::StrCat("new/folder/", c.algo, c.size, "-key.pem");
    EXPECT_EQ(RemakeReason(KeyStep, key_), "missing");
    EXPECT_EQ(KindOf(key_["path"]), KindOfKey(c.algo, c.size));
    EXPECT_EQ(ModeOf(key_["path"]), 0600u);
    absl::StatusOr<PrivateKey> key = PrivateKey::Read(key_["path"]);
    ASSERT_TRUE(key.ok());
    EXPECT_EQ(DigestOf(KeyStep, key_), Sha256Hex(key->spki()));
  }
  EXPECT_EQ(List("new/folder").size(), 5u);  // no temporary file is left
}

// The same key in the form that the record asks for; the mode and the text around it stay.
TEST_F(KeyTest, AnotherFormatIsWrittenAgain) {
  struct Case {
    const char* algo;
    int size;
    const char* usual;
  } cases[] = {{"rsa", 2048, "PKCS#1"}, {"ecdsa", 256, "SEC1"}};
  for (const Case& c : cases) {
    for (Json record : {key_, ca_key_}) {
      record["algo"] = c.algo;
      record["size"] = c.size;
      const std::string path = absl::StrCat(c.algo, std::string(record["path"]).substr(4));
      record["path"] = path;
      ASSERT_EQ(ReasonOf(KeyStep, record), "missing");
      const std::string usual = Read(path), digest = DigestOf(KeyStep, record);
      Write(path, absl::StrCat("mine\n", usual, "more\n"), 0400);
      EXPECT_EQ(ReasonOf(KeyStep, record), "");
      record["format"] = "pkcs8";
      EXPECT_EQ(RemakeReason(KeyStep, record), absl::StrCat("format was ", c.usual, ", is PKCS#8"));
      Write("usual.pem", usual);
      EXPECT_EQ(
          Read(path),
          absl::StrCat("mine\n", OpenSsl({"pkcs8", "-topk8", "-nocrypt", "-in", "usual.pem"}), "more\n"));
      EXPECT_EQ(ModeOf(path), 0400u);
      EXPECT_EQ(DigestOf(KeyStep, record), digest);
      record.erase("format");
      EXPECT_EQ(RemakeReason(KeyStep, record), absl::StrCat("format was PKCS#8, is ", c.usual));
      EXPECT_EQ(Read(path), absl::StrCat("mine\n", usual, "more\n"));
      EXPECT_EQ(DigestOf(KeyStep, record), digest);
    }
  }
  key_["algo"] = "ed25519";
  key_["size"] = 0;
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  key_["format"] = "pkcs8";  // it has no other
  EXPECT_EQ(ReasonOf(KeyStep, key_), "");
}

// `openssl ecparam -genkey` says the curve twice: that is not another format.
TEST_F(KeyTest, ParametersInFrontAreFine) {
  Write("pki/x-key.pem", OpenSsl({"ecparam", "-name", "prime256v1", "-genkey"}), 0600);
  const std::string text = Read("pki/x-key.pem");
  ASSERT_TRUE(absl::StartsWith(text, "-----BEGIN EC PARAMETERS-----"));
  EXPECT_EQ(ReasonOf(KeyStep, key_), "");
  EXPECT_EQ(Read("pki/x-key.pem"), text);
}

TEST_F(KeyTest, EncryptsNewKeysAndThoseThatAreThere) {
  Write("pass", "secret\n", 0600);
  for (const char* algo : {"ecdsa", "ed25519"}) {
    Json record = ca_key_;
    record["algo"] = algo;
    record["size"] = algo[1] == 'c' ? 256 : 0;
    record["path"] = absl::StrCat(algo, ".pem");
    const std::string path = record["path"];
    ASSERT_EQ(ReasonOf(KeyStep, record), "missing");
    const std::string digest = DigestOf(KeyStep, record), plain = Read(path);
    record["passphrase"] = {"file", "pass"};
    EXPECT_EQ(RemakeReason(KeyStep, record), "was not encrypted");
    EXPECT_TRUE(absl::StartsWith(Read(path), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    EXPECT_EQ(ModeOf(path), 0600u);
    EXPECT_EQ(DigestOf(KeyStep, record), digest);
    EXPECT_EQ(OpenSsl({"pkey", "-in", path, "-passin", "file:pass"}),
              OpenSsl({"pkcs8", "-topk8", "-nocrypt", "-in", WriteTo("plain.pem", plain)}));
    // "format" is of plain keys; an encrypted one is PKCS#8 in any case.
    record["format"] = "pkcs8";
    EXPECT_EQ(ReasonOf(KeyStep, record), "");
    record["path"] = absl::StrCat("new-", algo, ".pem");
    EXPECT_EQ(RemakeReason(KeyStep, record), "missing");
    EXPECT_TRUE(absl::StartsWith(Read(record["path"]), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    EXPECT_EQ(ModeOf(record["path"]), 0600u);
  }
}

TEST_F(KeyTest, RewritesThroughALinkAndSaysWhatIsLeft) {
  Write("pass", "secret\n", 0600);
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(mkdir("vault", 0700), 0);
  ASSERT_EQ(rename("pki/ca-key.pem", "vault/k.pem"), 0);
  ASSERT_EQ(symlink("../vault/k.pem", "pki/ca-key.pem"), 0);
  ASSERT_EQ(link("vault/k.pem", "vault/copy.pem"), 0);
  ca_key_["passphrase"] = {"file", "pass"};
  EXPECT_EQ(RemakeReason(KeyStep, ca_key_),
            "was not encrypted (the old file is still there under 1 other name, hard links)");
  EXPECT_TRUE(S_ISLNK(Look("pki/ca-key.pem").st_mode));
  EXPECT_TRUE(absl::StartsWith(Read("vault/k.pem"), "-----BEGIN ENCRYPTED"));
  EXPECT_EQ(List("vault"), (std::vector<std::string>{"copy.pem", "k.pem"}));
  EXPECT_EQ(List("pki"), std::vector<std::string>{"ca-key.pem"});
  // A leaf's, when another key is made.
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  ASSERT_EQ(rename("pki/x-key.pem", "vault/x.pem"), 0);
  ASSERT_EQ(symlink("../vault/x.pem", "pki/x-key.pem"), 0);
  key_["generation"] = 2;
  EXPECT_EQ(RemakeReason(KeyStep, key_), "key-generation was 1, is 2");
  EXPECT_TRUE(S_ISLNK(Look("pki/x-key.pem").st_mode));
  EXPECT_TRUE(absl::StartsWith(Read("vault/x.pem"), "key-generation: 2\n"));
}

TEST_F(KeyTest, TheOwnerStaysWhenAKeyIsWrittenAgain) {
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  // Somebody's own folder, and root runs in it.
  if (chown("pki", 4242, 4343) != 0) {
    GTEST_SKIP() << "only root, outside of a user namespace, can give a file to somebody else";
  }
  ASSERT_EQ(chown("pki/x-key.pem", 4242, 4343), 0);
  ASSERT_EQ(chmod("pki/x-key.pem", 0644), 0);
  key_["format"] = "pkcs8";
  EXPECT_EQ(RemakeReason(KeyStep, key_), "format was SEC1, is PKCS#8; mode was 0644, is 0600");
  EXPECT_EQ(Look("pki/x-key.pem").st_uid, 4242u);
  EXPECT_EQ(Look("pki/x-key.pem").st_gid, 4343u);
  EXPECT_EQ(ModeOf("pki/x-key.pem"), 0600u);
}

TEST_F(KeyTest, AnotherGenerationIsAnotherKey) {
  ASSERT_EQ(ReasonOf(KeyStep, key_), "missing");
  std::string digest = DigestOf(KeyStep, key_);
  struct Case {
    int generation;
    const char* reason;
    const char* start;
  } cases[] = {{2, "key-generation was 1, is 2", "key-generation: 2\n-----BEGIN EC PRIVATE KEY-----\n"},
               {10, "key-generation was 2, is 10", "key-generation: 10\n-----BEGIN EC PRIVATE KEY-----\n"},
               {1, "key-generation was 10, is 1", "-----BEGIN EC PRIVATE KEY-----\n"}};
  for (const Case& c : cases) {
    key_["generation"] = c.generation;
    EXPECT_EQ(RemakeReason(KeyStep, key_), c.reason);
    EXPECT_TRUE(absl::StartsWith(Read("pki/x-key.pem"), c.start));
    EXPECT_NE(DigestOf(KeyStep, key_), digest);
    digest = DigestOf(KeyStep, key_);
    EXPECT_TRUE(
        absl::StrContains(OpenSsl({"pkey", "-in", "pki/x-key.pem", "-noout", "-text"}), "prime256v1"));
    absl::StatusOr<RunResult> gnutls = kplan::Run({"certtool", "--key-info", "--infile", "pki/x-key.pem"});
    EXPECT_TRUE(gnutls.ok() && gnutls->ok());
  }
  EXPECT_EQ(List("pki"), std::vector<std::string>{"x-key.pem"});
  // With another kind at once, and kept when only the format is another.
  key_["generation"] = 3;
  key_["size"] = 384;
  EXPECT_EQ(RemakeReason(KeyStep, key_),
            "spec asks for ecdsa 384, the file holds ecdsa 256; key-generation was 1, is 3");
  digest = DigestOf(KeyStep, key_);
  key_["format"] = "pkcs8";
  EXPECT_EQ(RemakeReason(KeyStep, key_), "format was SEC1, is PKCS#8");
  EXPECT_TRUE(absl::StartsWith(Read("pki/x-key.pem"), "key-generation: 3\n-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_EQ(DigestOf(KeyStep, key_), digest);
  ASSERT_EQ(unlink("pki/x-key.pem"), 0);
  EXPECT_EQ(RemakeReason(KeyStep, key_), "missing");
  EXPECT_TRUE(absl::StartsWith(Read("pki/x-key.pem"), "key-generation: 3\n"));

  // A CA has none: not in its record, and what stands in its file means nothing.
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  const std::string text = absl::StrCat("key-generation: 5\n", Read("pki/ca-key.pem"));
  Write("pki/ca-key.pem", text, 0600);
  EXPECT_EQ(ReasonOf(KeyStep, ca_key_), "");
  EXPECT_EQ(Read("pki/ca-key.pem"), text);
  ca_key_["generation"] = 5;
  EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, ca_key_), "\"generation\""));
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
  key_["algo"] = "ed25519";
  key_["size"] = 0;
  EXPECT_EQ(RemakeReason(KeyStep, key_), "spec asks for ed25519, the file holds ecdsa 384");
  EXPECT_EQ(ModeOf("pki/x-key.pem"), 0600u);
}

TEST_F(KeyTest, OtherKindOfCaKeyIsRefused) {
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ca_key_["algo"] = "rsa";
  ca_key_["size"] = 2048;
  EXPECT_EQ(
      Refusal(KeyStep, ca_key_),
      "pki/ca-key.pem holds a key of kind ecdsa 256, and the spec asks for rsa 2048; a CA key is never "
      "replaced. Either put ecdsa 256 back into the spec, or exchange the CA for one with another key: write "
      "a "
      "higher `key-generation` (2, if there is none), and it gets files of its own, while everybody goes on "
      "trusting the old one until it is not needed any more");
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
    EXPECT_TRUE(absl::StrContains(message,
                                  "A CA key is never overwritten: restore it from a backup; to begin a new "
                                  "CA, move pki/ca-key.pem and its certificate away"))
        << message;
  }
}

TEST_F(KeyTest, LostCaKeyIsNotMadeAgain) {
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  ASSERT_EQ(unlink("pki/ca-key.pem"), 0);
  std::string message = Refusal(KeyStep, ca_key_);
  EXPECT_TRUE(absl::StartsWith(message,
                               "pki/ca-key.pem is missing, but the CA certificate pki/ca.pem is there; a CA "
                               "key is never made a second time. Restore the key from a backup"))
      << message;
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  EXPECT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
}

TEST_F(KeyTest, BadRecords) {
  Json record = key_;
  record["algo"] = "dsa";
  EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), "kplan makes no key of the kind \"dsa 256\""));
  record = key_;
  record["size"] = 1024;
  EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), "\"ecdsa 1024\""));
  for (const char* field : {"format", "generation", "passphrase"}) {
    record = key_;
    record[field] = field[0] == 'g' ? Json(0) : field[0] == 'f' ? Json("der") : Json({"file"});
    EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), absl::StrCat("\"", field, "\""))) << field;
  }
  record = key_;  // before anything is made
  record["passphrase"] = {"file", "not-there"};
  EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), "not-there"));
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

// A plain key, and several runs that all want to encrypt it.
TEST_F(KeyTest, RaceToEncrypt) {
  Write("pass", "secret\n", 0600);
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  const std::string digest = DigestOf(KeyStep, ca_key_);
  ca_key_["passphrase"] = {"file", "pass"};
  std::vector<absl::StatusOr<StepResult>> results(6, absl::UnknownError("not run"));
  std::vector<std::thread> threads;
  for (auto& result : results) threads.emplace_back([&] { result = RunNow(KeyStep, ca_key_); });
  for (std::thread& thread : threads) thread.join();
  int rewritten = 0;
  for (const auto& result : results) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->digest, digest);
    if (!result->reason.empty()) ++rewritten;
  }
  EXPECT_EQ(rewritten, 1);
  EXPECT_EQ(ReasonOf(KeyStep, ca_key_), "");
  EXPECT_EQ(List("pki"), std::vector<std::string>{"ca-key.pem"});
}

// (renameat: what glibc makes of a renameat2 without flags.)
// From now on the system call NUMBER fails in this process with ERROR or, when that is 0, kills it.
bool BreakSystemCall(unsigned number, unsigned error) {
  const unsigned verdict = error == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | error;
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, verdict),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {static_cast<unsigned short>(std::size(program)), program};  // NOLINT
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// A CA's key is encrypted where it stands. Whatever breaks, and at whichever system call a kill comes, there
// is the old file, whole, and the next run completes.
TEST_F(KeyTest, FaultsWhileEncryptingLeaveTheOldKey) {
  Write("pass", "secret\n", 0600);
  ASSERT_EQ(ReasonOf(KeyStep, ca_key_), "missing");
  const std::string plain = Read("pki/ca-key.pem"), digest = DigestOf(KeyStep, ca_key_);
  ca_key_["passphrase"] = {"file", "pass"};
  struct Fault {
    const char* name;
    unsigned call, error;
    int files;  // in the folder afterwards: a kill after the temporary file was made leaves that, too
  } faults[] = {{"write, disk full", SYS_write, ENOSPC, 1}, {"write, killed", SYS_write, 0, 2},
                {"fsync, disk broken", SYS_fsync, EIO, 1},  {"fsync, killed", SYS_fsync, 0, 2},
                {"rename, failed", SYS_renameat, EIO, 1},   {"rename, killed", SYS_renameat, 0, 2},
                {"mode, failed", SYS_fchmod, EPERM, 1},     {"mode, killed", SYS_fchmod, 0, 2},
                {"lock, killed", SYS_flock, 0, 1}};
  for (const Fault& fault : faults) {
    Write("pki/ca-key.pem", plain, 0600);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      if (!BreakSystemCall(fault.call, fault.error)) _exit(3);
      _exit(RunNow(KeyStep, ca_key_).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (fault.error == 0) {
      EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << fault.name << " " << status;
    } else {
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1) << fault.name << " " << status;
    }
    EXPECT_EQ(Read("pki/ca-key.pem"), plain) << fault.name;
    EXPECT_EQ(ModeOf("pki/ca-key.pem"), 0600u) << fault.name;
    EXPECT_EQ(List("pki").size(), static_cast<size_t>(fault.files)) << fault.name;
    EXPECT_EQ(RemakeReason(KeyStep, ca_key_), "was not encrypted") << fault.name;
    EXPECT_EQ(DigestOf(KeyStep, ca_key_), digest) << fault.name;
    EXPECT_EQ(List("pki"), std::vector<std::string>{"ca-key.pem"}) << fault.name;
  }
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
