#include "src/steps/files/pair.h"

#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/clock_testing.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/pki/openssl_util.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kRecord[] = R"({"cert-from":"pki/x.pem","cert-path":"/etc/x.pem","key-from":"pki/x-key.pem",)"
                           R"("key-path":"/etc/x-key.pem","kind":"install-pair","root":"./rootfs"})";
constexpr char kCertificate[] = "./rootfs/etc/x.pem";
constexpr char kKey[] = "./rootfs/etc/x-key.pem";

std::string TextOf(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);  // NOLINT(runtime/int): OpenSSL's type
  return std::string(data, size);
}

struct TestPair {
  std::string certificate, key;  // PEM
  bool operator==(const TestPair& other) const {
    return certificate == other.certificate && key == other.key;
  }
};

// A certificate that signs itself, for KEY, and told from others by its serial number.
std::string CertificateFor(EVP_PKEY* key, int serial) {
  CertificatePtr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("x"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  X509_set_pubkey(certificate.get(), key);
  EXPECT_GT(X509_sign(certificate.get(), key, EVP_sha256()), 0);
  BioPtr bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_X509(bio.get(), certificate.get()), 1);
  return TextOf(bio.get());
}

// Thousands of swaps, and hundreds of kills: on a disk their fsyncs would take minutes, and show nothing
// more.
void UseMemory() {
  if (access("/dev/shm", W_OK) == 0) setenv("TEST_TMPDIR", "/dev/shm", 1);
}

class InstallPairTest : public StepTest {
 protected:
  void SetUp() override {
    UseMemory();
    StepTest::SetUp();
  }
  void TearDown() override { ASSERT_EQ(system(absl::StrCat("rm -rf ", working_folder_).c_str()), 0); }

  // Key number N, made when first asked for, and its certificate with the serial number SERIAL.
  static const TestPair& Pair(int n, int serial = 1) {
    static std::map<int, PkeyPtr>* const keys = new std::map<int, PkeyPtr>;
    static std::map<std::pair<int, int>, TestPair>* const pairs = new std::map<std::pair<int, int>, TestPair>;
    PkeyPtr& key = (*keys)[n];
    if (key == nullptr) key.reset(EVP_EC_gen("P-256"));
    TestPair& pair = (*pairs)[{n, serial}];
    if (pair.key.empty()) {
      BioPtr bio(BIO_new(BIO_s_mem()));
      EXPECT_EQ(
          PEM_write_bio_PrivateKey_traditional(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr),
          1);
      pair.key = TextOf(bio.get());
      pair.certificate = CertificateFor(key.get(), serial);
    }
    return pair;
  }
  static std::string Pkcs8(int n) {
    Pair(n);
    BioPtr in(BIO_new_mem_buf(Pair(n).key.data(), -1)), out(BIO_new(BIO_s_mem()));
    PkeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
    EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
    return TextOf(out.get());
  }

  static void SetSources(const TestPair& pair) {
    Write("pki/x.pem", pair.certificate);
    Write("pki/x-key.pem", pair.key, 0600);
  }
  static TestPair Installed() { return {Read(kCertificate), Read(kKey)}; }  // through links

  static absl::StatusOr<StepResult> Install(const std::string& record = kRecord) {
    PairSwapOptions options;
    options.drain = absl::ZeroDuration();
    absl::StatusOr<PairRecord> parsed = FromText<PairRecord>(record);
    if (!parsed.ok()) return parsed.status();
    return InstallPair(*parsed, options);
  }
  // Expects success, everything as it has to be, and a second run that touches nothing; the reason.
  static std::string MustInstall(const TestPair& pair) {
    absl::StatusOr<StepResult> result = Install();
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return result.status().ToString();
    EXPECT_EQ(Installed(), pair) << result->reason;
    EXPECT_EQ(Look(kCertificate).st_mode, S_IFREG | 0644u) << result->reason;
    EXPECT_EQ(Look(kKey).st_mode, S_IFREG | 0600u) << result->reason;
    EXPECT_THAT(List("rootfs/etc"), ElementsAre("x-key.pem", "x.pem")) << result->reason;
    EXPECT_THAT(result->files, ElementsAre(kCertificate, kKey));
    std::string before = Everything();
    absl::StatusOr<StepResult> again = Install();
    EXPECT_TRUE(again.ok()) << again.status();
    if (!again.ok()) return again.status().ToString();
    EXPECT_EQ(again->reason, "") << "after: " << result->reason;
    EXPECT_EQ(again->digest, result->digest);
    EXPECT_EQ(Everything(), before);
    return result->reason;
  }
  static std::string RefusalMessage(absl::StatusCode code) {
    std::string before = Everything();
    absl::StatusOr<StepResult> result = Install();
    EXPECT_EQ(result.status().code(), code) << result.status();
    EXPECT_EQ(Everything(), before);
    return std::string(result.status().message());
  }
};

std::string DerOf(const std::string& pem, bool key) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (key) {
    PkeyPtr pkey(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    return ToDer(pkey.get(), i2d_PUBKEY);
  }
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  return ToDer(certificate.get(), i2d_X509);
}

TEST_F(InstallPairTest, PutsBothInPlace) {
  SetSources(Pair(1));
  mode_t old = umask(077);
  absl::StatusOr<StepResult> result = Install();
  umask(old);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reason, "missing");
  EXPECT_EQ(result->digest, Sha256Hex(DerOf(Pair(1).certificate, false) + DerOf(Pair(1).key, true)));
  EXPECT_EQ(MustInstall(Pair(1)), "");
  EXPECT_EQ(ModeOf("rootfs/etc"), 0755u);
}

TEST_F(InstallPairTest, TheStepItselfTakesTheUsualOptions) {
  SetSources(Pair(1));
  EXPECT_EQ(MustRun(PairStep, kRecord).reason, "missing");
  SetSources(Pair(2));
  FakeClock clock;
  StepContext context;
  context.clock = &clock;
  absl::StatusOr<StepResult> result = RunAs<PairRecord, PairStep>(context, Json::parse(kRecord));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->reason, "certificate and key differ");
  EXPECT_GE(clock.waited(), PairSwapOptions().drain);
  EXPECT_EQ(MustInstall(Pair(2)), "");
}

TEST_F(InstallPairTest, ARenewalReplacesTheCertificateAlone) {
  SetSources(Pair(1));
  MustInstall(Pair(1));
  ino_t key = Look(kKey).st_ino;
  SetSources(Pair(1, 2));
  EXPECT_EQ(MustInstall(Pair(1, 2)), "certificate differs");
  EXPECT_EQ(Look(kKey).st_ino, key);
}

TEST_F(InstallPairTest, AnotherFormOfTheSameKeyIsNoOtherKey) {
  SetSources(Pair(1));
  MustInstall(Pair(1));
  ino_t certificate = Look(kCertificate).st_ino;
  TestPair pair = {Pair(1).certificate, Pkcs8(1)};
  ASSERT_NE(pair.key, Pair(1).key);
  SetSources(pair);
  std::string digest = Install()->digest;
  EXPECT_EQ(MustInstall(pair), "");
  EXPECT_EQ(Look(kCertificate).st_ino, certificate);
  SetSources(Pair(1));
  EXPECT_EQ(Install()->digest, digest);
}

TEST_F(InstallPairTest, AReKeySwapsBoth) {
  SetSources(Pair(1));
  MustInstall(Pair(1));
  for (int n = 2; n < 6; ++n) {
    SetSources(Pair(n));
    EXPECT_EQ(MustInstall(Pair(n)), "certificate and key differ");
  }
}

TEST_F(InstallPairTest, IntermediatesComeAlong) {
  TestPair chain = {Pair(1).certificate + Pair(7).certificate, Pair(1).key};
  SetSources(chain);
  EXPECT_EQ(MustInstall(chain), "missing");
  std::string digest = Install()->digest;
  SetSources({Pair(1).certificate + Pair(8).certificate, Pair(1).key});
  EXPECT_NE(Install()->digest, digest);
}

TEST_F(InstallPairTest, RepairsForAReason) {
  struct Damage {
    std::function<void()> make;
    const char* reason;
  } damages[] = {
      {[] { unlink(kCertificate); }, "x.pem was missing"},
      {[] { unlink(kKey); }, "x-key.pem was missing"},
      {[] {
         unlink(kKey);
         Write(kCertificate, Pair(3).certificate);
       },
       "x-key.pem was missing; certificate differs"},
      {[] {
         unlink(kKey);
         unlink(kCertificate);
       },
       "missing"},
      {[] { chmod(kKey, 0644); }, "x-key.pem: mode was 0644, is 0600"},
      {[] { chmod(kCertificate, 0600); }, "x.pem: mode was 0600, is 0644"},
      {[] { Write(kCertificate, Pair(3).certificate); }, "certificate differs; they did not belong together"},
      {[] { Write(kKey, Pair(3).key, 0600); }, "key differs; they did not belong together"},
      {[] { Write(kKey, "", 0600); }, "key differs; they did not belong together"},
      {[] { Write(kCertificate, Pair(1).certificate + "\n"); }, "certificate differs"},
      {[] { Write(kCertificate, std::string(3 << 20, 'x')); },
       "certificate differs; they did not belong together"},
      {[] {
         Write(kCertificate, Pair(3).certificate);
         Write(kKey, Pair(3).key, 0640);
       },
       "certificate and key differ; x-key.pem: mode was 0640, is 0600"},
      {[] { ASSERT_EQ(mkdir("rootfs/etc/.x.pem.kplan-pair.old", 0700), 0); },
       "a run that was cut short left something behind"},
  };
  SetSources(Pair(1));
  for (const Damage& damage : damages) {
    MustInstall(Pair(1));
    damage.make();
    EXPECT_EQ(MustInstall(Pair(1)), damage.reason);
  }
}

TEST_F(InstallPairTest, WhatIsNoPairIsNotInstalled) {
  SetSources(Pair(1));
  MustInstall(Pair(1));
  SetSources({Pair(1).certificate, Pair(2).key});
  EXPECT_THAT(
      RefusalMessage(absl::StatusCode::kFailedPrecondition),
      AllOf(HasSubstr("pki/x.pem is the certificate of another key than pki/x-key.pem"), HasSubstr(kKey)));
  SetSources({Pair(2).certificate, "s3cret, but no PEM"});
  std::string message = RefusalMessage(absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(message, HasSubstr("pki/x-key.pem holds no private key"));
  EXPECT_EQ(message.find("s3cret"), std::string::npos);
  SetSources({"no PEM", Pair(1).key});
  EXPECT_THAT(RefusalMessage(absl::StatusCode::kInvalidArgument),
              HasSubstr("pki/x.pem holds no certificate"));
  SetSources({Pair(1).certificate + Pair(1).key, Pair(1).key});
  EXPECT_THAT(RefusalMessage(absl::StatusCode::kInvalidArgument), HasSubstr("pki/x.pem holds a private key"));
  ASSERT_EQ(unlink("pki/x-key.pem"), 0);
  RefusalMessage(absl::StatusCode::kNotFound);
  ASSERT_EQ(symlink("x.pem", "pki/x-key.pem"), 0);
  EXPECT_THAT(RefusalMessage(absl::StatusCode::kFailedPrecondition), HasSubstr("is a symbolic link"));
}

TEST_F(InstallPairTest, LinksThatAreNotOursAreRefused) {
  SetSources(Pair(1));
  Write("victim", "victim", 0600);
  ASSERT_TRUE(MakeFolders("rootfs/etc").ok());
  ASSERT_EQ(symlink("../../victim", kKey), 0);
  EXPECT_THAT(RefusalMessage(absl::StatusCode::kFailedPrecondition),
              HasSubstr("symbolic link to ../../victim"));
  ASSERT_EQ(unlink(kKey), 0);
  ASSERT_EQ(mkdir(kKey, 0755), 0);
  EXPECT_THAT(RefusalMessage(absl::StatusCode::kFailedPrecondition), HasSubstr("there is a folder"));
}

TEST_F(InstallPairTest, TwoFoldersAreNoPlaceForAPair) {
  SetSources(Pair(1));
  EXPECT_THAT(
      std::string(Install(absl::StrReplaceAll(kRecord, {{"/etc/x.pem", "/usr/x.pem"}})).status().message()),
      HasSubstr("are not two files of one folder"));
  EXPECT_FALSE(Exists("rootfs"));
}

TEST_F(InstallPairTest, OnlyOneAtATime) {
  SetSources(Pair(1));
  ASSERT_TRUE(MakeFolders("rootfs/etc").ok());
  {
    UniqueFd folder(open("rootfs/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    absl::StatusOr<PendingFile> other = PendingFile::Create(folder.get(), "x.pem.kplan-pair", 0600);
    ASSERT_TRUE(other.ok());
    EXPECT_THAT(RefusalMessage(absl::StatusCode::kAborted), HasSubstr("by another process"));
  }
  // One that was killed.
  Write("rootfs/etc/.x.pem.kplan-pair.kplan-tmp", "");
  EXPECT_EQ(MustInstall(Pair(1)), "missing");
  Write("rootfs/etc/.x.pem.kplan-pair.kplan-tmp", "");
  EXPECT_EQ(MustInstall(Pair(1)), "");
}

// Below "/", in the test's own folder.
TEST_F(InstallPairTest, TheKeyIsItsOwners) {
  Write("probe", "");
  if (geteuid() != 0 || chown("probe", 1, 1) != 0) GTEST_SKIP() << "needs root rights, to give files away";
  std::string record = absl::StrReplaceAll(kRecord, {{"\"/etc", absl::StrCat("\"", working_folder_)},
                                                     {"\"./rootfs\"", "\"/\""},
                                                     {"\"root\"", "\"owner\":\"12:34\",\"root\""}});
  for (int n : {1, 2}) {
    SetSources(Pair(n));
    ASSERT_TRUE(Install(record).ok()) << Install(record).status();
    EXPECT_EQ(Look("x-key.pem").st_uid, 12u);
    EXPECT_EQ(Look("x-key.pem").st_gid, 34u);
    EXPECT_EQ(Look("x.pem").st_uid, 0u);
    EXPECT_EQ(Read("x-key.pem"), Pair(n).key);
  }
  ASSERT_EQ(chown("x-key.pem", 1, 1), 0);
  EXPECT_EQ(Install(record)->reason, "x-key.pem: owner was 1:1, is 12:34");
  EXPECT_EQ(Install(record)->reason, "");
}

// Runs the step in a process of its own and kills that before its system call number NUMBER, counted from 1.
// False when it has fewer.
bool KilledAt(int number, void (*run)()) {
  fflush(nullptr);
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    run();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSTOPPED(status));
  EXPECT_EQ(ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
  // It stops at the entry and at the exit of each.
  for (int stops = 0; stops < 2 * number - 1;) {
    EXPECT_EQ(ptrace(PTRACE_SYSCALL, child, nullptr, nullptr), 0);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) return false;
    if (WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80)) ++stops;
  }
  kill(child, SIGKILL);
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  return true;
}

class KillTest : public InstallPairTest {
 protected:
  static void InstallOnce() {
    if (!Install().ok()) _exit(1);
  }
  static void StartFrom(const TestPair& pair) {
    ASSERT_EQ(system("rm -rf rootfs/etc"), 0);
    ASSERT_TRUE(MakeFolders("rootfs/etc").ok());
    if (!pair.certificate.empty()) Write(kCertificate, pair.certificate);
    if (!pair.key.empty()) Write(kKey, pair.key, 0600);
  }
};

// From one pair to another, killed at each call: one of them is there, and the next run, which may have to
// put a third one there, or the first one again, does so.
TEST_F(KillTest, AReKeyKilledAnywhereLeavesAPair) {
  const TestPair &a = Pair(1), &b = Pair(2);
  int number = 1, old_pairs = 0, new_pairs = 0, linked = 0;
  for (;; ++number) {
    StartFrom(a);
    SetSources(b);
    if (!KilledAt(number, InstallOnce)) break;
    TestPair found = Installed();
    ASSERT_TRUE(found == a || found == b) << "killed at " << number << "\n" << Everything("rootfs");
    ++(found == a ? old_pairs : new_pairs);
    if (S_ISLNK(Look(kKey).st_mode)) ++linked;
    const TestPair& next = Pair(1 + number % 3);
    SetSources(next);
    MustInstall(next);
    if (HasFailure()) FAIL() << "after a kill at " << number;
  }
  EXPECT_EQ(Installed(), b);
  printf("killed at %d calls: %d with the old pair, %d with the new one, %d with links\n", number - 1,
         old_pairs, new_pairs, linked);
  EXPECT_GT(old_pairs, 40);
  EXPECT_GT(new_pairs, 10);
  EXPECT_GT(linked, 10);
}

// And the run that cleans up after a kill is killed as well.
TEST_F(KillTest, TheNextRunKilledAnywhereLeavesAPair) {
  const TestPair &a = Pair(1), &b = Pair(2), &c = Pair(3);
  int kills = 0;
  for (int first = 1, more = true; more; first += 9) {
    for (int second = 1;; second += 4) {
      StartFrom(a);
      SetSources(b);
      more = KilledAt(first, InstallOnce);
      SetSources(c);
      if (!KilledAt(second, InstallOnce)) break;
      ++kills;
      TestPair found = Installed();
      ASSERT_TRUE(found == a || found == b || found == c)
          << "killed at " << first << " and " << second << "\n"
          << Everything("rootfs");
      MustInstall(c);
      if (HasFailure()) FAIL() << "after kills at " << first << " and " << second;
    }
  }
  printf("%d kills\n", kills);
  EXPECT_GT(kills, 300);
}

TEST_F(KillTest, TheFirstRunKilledAnywhere) {
  const TestPair& a = Pair(1);
  SetSources(a);
  int number = 1;
  for (;; ++number) {
    StartFrom({});
    if (!KilledAt(number, InstallOnce)) break;
    // The certificate is the last to come.
    if (Exists(kCertificate)) {
      EXPECT_EQ(Installed(), a);
    } else if (Exists(kKey)) {
      EXPECT_EQ(Read(kKey), a.key);
    }
    MustInstall(a);
    if (HasFailure()) FAIL() << "after a kill at " << number;
  }
  EXPECT_GT(number, 20);
}

TEST_F(KillTest, ARenewalKilledAnywhereLeavesAPair) {
  int number = 1;
  for (;; ++number) {
    StartFrom(Pair(1));
    SetSources(Pair(1, 2));
    if (!KilledAt(number, InstallOnce)) break;
    TestPair found = Installed();
    EXPECT_TRUE(found == Pair(1) || found == Pair(1, 2));
    MustInstall(Pair(1, 2));
    if (HasFailure()) FAIL() << "after a kill at " << number;
  }
  EXPECT_GT(number, 20);
}

// Somebody takes the folders away while the names lead there: there is no pair to keep, and the next run
// makes one.
TEST_F(KillTest, AFolderThatWentIsMadeUpFor) {
  SetSources(Pair(2));
  for (const char* what : {"rm -r rootfs/etc/.x.pem.kplan-pair.old", "rm rootfs/etc/.x.pem.kplan-pair",
                           "rm rootfs/etc/.x.pem.kplan-pair.*/x.pem"}) {
    bool linked = false;
    for (int number = 1; !linked; ++number) {
      StartFrom(Pair(1));
      ASSERT_TRUE(KilledAt(number, InstallOnce));
      linked = Exists(kKey) && S_ISLNK(Look(kKey).st_mode);
    }
    ASSERT_EQ(system(what), 0) << what;
    MustInstall(Pair(2));
    if (HasFailure()) FAIL() << what;
  }
}

}  // namespace
}  // namespace kplan
