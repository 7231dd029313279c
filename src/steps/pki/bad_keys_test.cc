// Key files that somebody else left in the place of one of kplan's: what becomes of each, as a leaf's and as
// a CA's. Never a silent overwrite: a repair that keeps the key and says what it did, another key while the
// old bytes are kept aside (a leaf), or an error that changes nothing.

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/pki/private_key.h"
#include "src/steps/pki/pki_testing.h"

namespace kplan {
namespace {

constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";

class BadKeysTest : public PkiTest {
 protected:
  void SetUp() override {
    PkiTest::SetUp();
    Write("pass", "secret\n", 0600);
    Write("wrong", "Secret\n", 0600);
    for (Json* record : {&key_, &ca_key_}) {
      ASSERT_EQ(ReasonOf(KeyStep, *record), "missing");
    }
  }

  static std::string OpenSsl(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "openssl");
    absl::StatusOr<RunResult> run = kplan::Run(argv);
    EXPECT_TRUE(run.ok() && run->ok()) << run.status() << (run.ok() ? run->err : "");
    return run.ok() ? run->out : "";
  }

  // CONTENT stands in the place of the leaf's key and of the CA's: an error with REFUSED in it, for both.
  void ExpectRefused(const std::string& content, const std::string& refused) {
    for (Json* record : {&key_, &ca_key_}) {
      Write((*record)["path"], content, 0600);
      const std::string message = Refusal(KeyStep, *record);
      EXPECT_TRUE(absl::StrContains(message, refused)) << message;
      EXPECT_TRUE(absl::StrContains(message, std::string((*record)["path"]))) << message;
    }
  }

  // A CA refuses it, naming what it is (CA); a leaf gets another key, with the reason LEAF, and what was
  // there is kept when KEPT.
  void ExpectReplaced(const std::string& content, const std::string& leaf, const std::string& ca,
                      bool kept = false) {
    Write(ca_key_["path"], content, 0600);
    const std::string message = Refusal(KeyStep, ca_key_);
    EXPECT_TRUE(absl::StrContains(message, ca)) << message;
    EXPECT_TRUE(absl::StrContains(message, "a CA key is never replaced") ||
                absl::StrContains(message, "A CA key is never overwritten"))
        << message;
    const std::string path = key_["path"];
    const std::string aside = path + ".damaged";
    unlink(aside.c_str());
    Write(path, content, 0644);
    EXPECT_EQ(RemakeReason(KeyStep, key_),
              kept ? absl::StrCat(leaf, " (what was there is kept as ", aside, ")") : leaf);
    EXPECT_EQ(ModeOf(path), 0600u);
    EXPECT_EQ(Exists(aside), kept);
    if (kept) {
      EXPECT_EQ(Read(aside), content);
      EXPECT_EQ(ModeOf(aside), 0600u);
    }
  }

  // Both go on with the same key, for this reason; the file's new text is WANTED of the old.
  void ExpectTaken(const std::function<std::string(const std::string&)>& make, const std::string& reason,
                   const std::function<std::string(const std::string&)>& wanted) {
    for (Json* record : {&key_, &ca_key_}) {
      const std::string path = (*record)["path"];
      unlink(path.c_str());
      ASSERT_EQ(ReasonOf(KeyStep, *record), "missing");
      const std::string good = Read(path), digest = DigestOf(KeyStep, *record);
      Write(path, make(good), 0600);
      EXPECT_EQ(reason.empty() ? ReasonOf(KeyStep, *record) : RemakeReason(KeyStep, *record), reason);
      EXPECT_EQ(Read(path), wanted(good));
      EXPECT_EQ(DigestOf(KeyStep, *record), digest);
    }
  }
};

TEST_F(BadKeysTest, NoKeyAtAll) {
  const std::string good = Read("pki/x-key.pem");
  for (const std::string& content :
       {std::string(), std::string("\n"), std::string("garbage"), std::string(3000, '\0'), good.substr(0, 90),
        good.substr(0, good.size() - 20),
        std::string("-----BEGIN EC PRIVATE KEY-----\nAAAA\n"
                    "-----END EC PRIVATE KEY-----\n"),
        std::string((1 << 20) + 1, 'x')}) {
    ExpectReplaced(content, "damaged", "restore it from a backup", /*kept=*/true);
  }
}

TEST_F(BadKeysTest, SomethingElseInItsPlace) {
  const std::string request = OpenSsl({"req", "-new", "-key", "pki/x-key.pem", "-subj", "/CN=x"});
  const std::string certificate =
      OpenSsl({"req", "-x509", "-new", "-key", "pki/x-key.pem", "-subj", "/CN=x"});
  const std::string public_half = OpenSsl({"pkey", "-in", "pki/x-key.pem", "-pubout"});
  ExpectReplaced(request, "held no private key", "a PEM block \"CERTIFICATE REQUEST\"", /*kept=*/true);
  ExpectReplaced(certificate, "held no private key", "a PEM block \"CERTIFICATE\"", /*kept=*/true);
  ExpectReplaced(public_half, "held no private key", "a PEM block \"PUBLIC KEY\"", /*kept=*/true);
}

TEST_F(BadKeysTest, OtherKinds) {
  struct Case {
    std::vector<std::string> argv;
    const char* kind;
  } cases[] = {
      {{"ecparam", "-name", "secp384r1", "-genkey", "-noout"}, "ecdsa 384"},
      {{"ecparam", "-name", "secp256k1", "-genkey", "-noout"}, "ecdsa secp256k1"},
      {{"ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-genkey", "-noout"}, "ecdsa prime256v1"},
      {{"genrsa", "-traditional", "1024"}, "rsa 1024"},
      {{"genrsa", "-traditional", "-primes", "3", "2048"}, "rsa 2048 of 3 primes"},
      {{"genrsa", "-traditional", "-3", "2048"}, "rsa 2048 with exponent 3"},
      {{"genpkey", "-algorithm", "RSA-PSS"}, "rsassa-pss"},
      {{"genpkey", "-algorithm", "ed448"}, "ed448"},
      {{"genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024", "-out", "dsa.pem"},
       ""},
      {{"genpkey", "-paramfile", "dsa.pem"}, "dsa"},
      {{"gendsa", "dsa.pem"}, "dsa"},
  };
  for (const Case& c : cases) {
    const std::string content = OpenSsl(c.argv);
    if (*c.kind == '\0') continue;
    ExpectReplaced(content, absl::StrCat("spec asks for ecdsa 256, the file holds ", c.kind),
                   absl::StrCat("holds a key of kind ", c.kind, ", and the spec asks for ecdsa 256"));
  }
  // What cannot be put back into the spec is not advised.
  for (Json* record : {&key_, &ca_key_}) (*record)["algo"] = "rsa", (*record)["size"] = 2048;
  const std::string three = OpenSsl({"genrsa", "-traditional", "-3", "2048"});
  ExpectReplaced(
      three, "spec asks for rsa 2048, the file holds rsa 2048 with exponent 3",
      "kplan does not sign with rsa 2048 with exponent 3, so exchange the CA for one with another key");
  ExpectReplaced(OpenSsl({"genrsa", "-traditional", "-primes", "3", "2048"}),
                 "spec asks for rsa 2048, the file holds rsa 2048 of 3 primes", "so exchange the CA");
}

TEST_F(BadKeysTest, TextAroundIsFine) {
  auto same = [](const std::string& good) { return good; };
  auto lines = [](const std::string& good) { return absl::StrReplaceAll(good, {{"\n", "\r\n"}}); };
  auto tail = [](const std::string& good) {
    return absl::StrCat("Bag Attributes\n", good, "trailing\ntext");
  };
  auto no_end = [](const std::string& good) { return good.substr(0, good.size() - 1); };
  ExpectTaken(same, "", same);
  ExpectTaken(lines, "", lines);
  ExpectTaken(tail, "", tail);
  ExpectTaken(no_end, "", no_end);
  // Go, and so etcd, finds no key behind a byte order mark.
  ExpectTaken([](const std::string& good) { return absl::StrCat(kByteOrderMark, good); },
              "began with a byte order mark", same);
  ExpectTaken([](const std::string& good) { return absl::StrCat(kByteOrderMark, "mine\r\n", good, "end"); },
              "began with a byte order mark",
              [](const std::string& good) { return absl::StrCat("mine\r\n", good, "end"); });
}

TEST_F(BadKeysTest, TwoKeys) {
  const std::string good = Read("pki/x-key.pem"), other = Read("pki/ca-key.pem");
  ExpectRefused(good + other, "it holds 2 private keys, and which one is meant it does not say; leave one");
  ExpectRefused(good + good, "it holds 2 private keys");
}

// A combined PEM is fine as long as there is nothing to write; nothing in it is ever dropped.
TEST_F(BadKeysTest, ACertificateBesideTheKey) {
  const std::string certificate =
      OpenSsl({"req", "-x509", "-new", "-key", "pki/x-key.pem", "-subj", "/CN=x"});
  auto both = [&](const std::string& good) { return certificate + good; };
  ExpectTaken(both, "", both);
  for (Json* record : {&key_, &ca_key_}) (*record)["format"] = "pkcs8";
  ExpectRefused(both(Read("pki/x-key.pem")).substr(0), "beside the key it holds a \"CERTIFICATE\"");
}

TEST_F(BadKeysTest, Encrypted) {
  const std::string pbes2 = OpenSsl({"pkcs8", "-topk8", "-in", "pki/x-key.pem", "-passout", "file:pass"});
  const std::string old = OpenSsl({"ec", "-aes256", "-in", "pki/x-key.pem", "-passout", "file:pass"});
  ASSERT_TRUE(absl::StrContains(old, "Proc-Type: 4,ENCRYPTED"));
  ExpectRefused(pbes2, "it is encrypted with a passphrase, and the spec names none");
  ExpectRefused(old, "convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`");

  for (Json* record : {&key_, &ca_key_}) (*record)["passphrase"] = {"file", "wrong"};
  ExpectRefused(pbes2, "the passphrase in wrong does not open it");
  ExpectRefused(old, "convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`");
  for (Json* record : {&key_, &ca_key_}) (*record)["passphrase"] = {"env", "KPLAN_TEST_NOT_SET"};
  ExpectRefused(pbes2, "the environment variable KPLAN_TEST_NOT_SET, which holds a passphrase, is not set");
  for (Json* record : {&key_, &ca_key_}) (*record)["passphrase"] = {"file", "not-there"};
  ExpectRefused(pbes2, "not-there");

  for (Json* record : {&key_, &ca_key_}) {
    (*record)["passphrase"] = {"file", "pass"};
    Write((*record)["path"], pbes2, 0600);
    EXPECT_EQ(ReasonOf(KeyStep, *record), "");  // somebody else's encryption is as good
    EXPECT_EQ(Read((*record)["path"]), pbes2);
    // Cut off, a leaf's is as damaged as any other.
    Write((*record)["path"], pbes2.substr(0, 150), 0600);
  }
  EXPECT_TRUE(absl::StartsWith(Refusal(KeyStep, ca_key_), "pki/ca-key.pem cannot be used as a private key"));
  EXPECT_EQ(RemakeReason(KeyStep, key_), "damaged (what was there is kept as pki/x-key.pem.damaged)");
}

// An old key, to be encrypted, and no passphrase to be had: nothing is written.
TEST_F(BadKeysTest, PlainAndThePassphraseIsMissing) {
  for (Json* record : {&key_, &ca_key_}) (*record)["passphrase"] = {"file", "not-there"};
  for (const Json& record : {key_, ca_key_}) {
    EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), "cannot read the passphrase file not-there"));
  }
  ASSERT_EQ(chmod("pass", 0644), 0);
  ca_key_["passphrase"] = {"file", "pass"};
  EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, ca_key_), "has mode 0644"));
}

TEST_F(BadKeysTest, NotAFile) {
  for (const Json& record : {key_, ca_key_}) {
    const std::string path = record["path"], good = Read(path);
    ASSERT_EQ(unlink(path.c_str()), 0);
    ASSERT_EQ(mkdir(path.c_str(), 0755), 0);
    EXPECT_EQ(Refusal(KeyStep, record), absl::StrCat(path, " is a folder"));
    ASSERT_EQ(rmdir(path.c_str()), 0);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);  // nobody writes to it: this must not hang
    EXPECT_EQ(Refusal(KeyStep, record), absl::StrCat(path, " is not a regular file; move it away"));
    ASSERT_EQ(unlink(path.c_str()), 0);
    ASSERT_EQ(symlink("/dev/null", path.c_str()), 0);
    EXPECT_EQ(Refusal(KeyStep, record), absl::StrCat(path, " is not a regular file; move it away"));
    ASSERT_EQ(unlink(path.c_str()), 0);
    ASSERT_EQ(symlink("nowhere", path.c_str()), 0);
    EXPECT_TRUE(
        absl::StartsWith(Refusal(KeyStep, record), path + " is a symbolic link to a file that is not there"));
    ASSERT_EQ(unlink(path.c_str()), 0);
    ASSERT_EQ(symlink("loop", "pki/loop"), 0);
    ASSERT_EQ(symlink("loop", path.c_str()), 0);
    EXPECT_TRUE(absl::StrContains(Refusal(KeyStep, record), absl::StrCat("cannot open ", path)));
    ASSERT_EQ(unlink(path.c_str()), 0);
    ASSERT_EQ(unlink("pki/loop"), 0);
    Write("elsewhere.pem", good, 0600);
    ASSERT_EQ(symlink("../elsewhere.pem", path.c_str()), 0);
    EXPECT_EQ(ReasonOf(KeyStep, record), "");
    EXPECT_TRUE(S_ISLNK(Look(path).st_mode));
    EXPECT_EQ(Read("elsewhere.pem"), good);
  }
}

TEST_F(BadKeysTest, Modes) {
  struct Case {
    mode_t was, is;
  } cases[] = {{0644, 0600}, {0666, 0600}, {0440, 0400}, {04600, 0600},
               {0700, 0600}, {0400, 0400}, {0600, 0600}};
  for (const Json& record : {key_, ca_key_}) {
    const std::string path = record["path"], good = Read(path);
    for (const Case& c : cases) {
      ASSERT_EQ(chmod(path.c_str(), c.was), 0);
      if (c.was == c.is) {
        EXPECT_EQ(ReasonOf(KeyStep, record), "");
      } else {
        EXPECT_TRUE(
            absl::StartsWith(RemakeReason(KeyStep, record), absl::StrFormat("mode was %04o, is 0", c.was)));
      }
      EXPECT_EQ(ModeOf(path), c.is);
      EXPECT_EQ(Read(path), good);
    }
  }
}

TEST_F(BadKeysTest, AStrangersKey) {
  for (const Json& record : {key_, ca_key_}) {
    const std::string path = record["path"], good = Read(path);
    if (chown(path.c_str(), 4242, 4242) != 0) {
      GTEST_SKIP() << "only root, outside of a user namespace, can give a file to somebody else";
    }
    EXPECT_EQ(RemakeReason(KeyStep, record), "owner was uid 4242, is 0");
    EXPECT_EQ(Look(path).st_uid, 0u);
    EXPECT_EQ(Read(path), good);
  }
}

// As an ordinary user: root, too, without its capabilities may not read a file that nobody may.
TEST_F(BadKeysTest, Unreadable) {
  for (const Json& record : {key_, ca_key_}) {
    const std::string path = record["path"], good = Read(path), before = Everything("pki");
    ASSERT_EQ(chmod(path.c_str(), 0), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
      __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
      if (syscall(SYS_capset, &header, none) != 0) _exit(3);
      absl::StatusOr<StepResult> result = RunNow(KeyStep, record);
      const std::string wanted = absl::StrCat("cannot open ", path, ": ");
      _exit(absl::IsPermissionDenied(result.status()) && absl::StartsWith(result.status().message(), wanted)
                ? 0
                : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    ASSERT_EQ(chmod(path.c_str(), 0600), 0);
    EXPECT_EQ(Read(path), good);
    EXPECT_EQ(List("pki"), (std::vector<std::string>{"ca-key.pem", "x-key.pem"}));
  }
}

// The key of one CA beside the certificate of another: the key is right by itself, and the next step says it.
TEST_F(BadKeysTest, NotTheCertificatesKey) {
  ASSERT_EQ(ReasonOf(CaCertStep, ca_cert_), "missing");
  Write("pki/ca-key.pem", OpenSsl({"ecparam", "-name", "prime256v1", "-genkey", "-noout"}), 0600);
  EXPECT_EQ(ReasonOf(KeyStep, ca_key_), "");
  EXPECT_TRUE(
      absl::StartsWith(Refusal(CaCertStep, ca_cert_),
                       "pki/ca.pem is the certificate of another key than pki/ca-key.pem, so one of the two "
                       "files is the wrong one; nothing was changed"));
}

TEST_F(BadKeysTest, NoMessageTellsAnything) {
  const std::string good = Read("pki/x-key.pem"), body = good.substr(good.find('\n') + 1, 30);
  const std::string encrypted = OpenSsl({"pkcs8", "-topk8", "-in", "pki/x-key.pem", "-passout", "file:pass"});
  for (const char* passphrase : {"", "wrong", "pass"}) {
    if (*passphrase != '\0') ca_key_["passphrase"] = {"file", passphrase};
    for (const std::string& content :
         {good.substr(0, 120), good + good, encrypted, encrypted.substr(0, 200), good + encrypted}) {
      Write("pki/ca-key.pem", content, 0600);
      absl::StatusOr<StepResult> result = RunNow(KeyStep, ca_key_);
      const std::string said = result.ok() ? result->reason + result->output : result.status().ToString();
      for (const char* secret : {"secret", "Secret", body.c_str(), "MIG", "MIH"}) {
        EXPECT_FALSE(absl::StrContains(said, secret)) << said;
      }
    }
  }
}

}  // namespace
}  // namespace kplan
