#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/host/process_info.h"
#include "src/host/service_marker.h"
#include "src/step/step_testing.h"
#include "src/steps/files/delivery.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kRecord[] = R"({"from":"pki/ca.pem","kind":"install","mode":"0644",)"
                           R"("path":"/etc/etcd/ca.pem","root":"./rootfs","secret":false})";
constexpr char kPath[] = "./rootfs/etc/etcd/ca.pem";

// `openssl ecparam -name prime256v1 -genkey -noout`, made for this test, and the digest that
// `openssl ec -pubout -outform DER | sha256sum` has for it.
constexpr char kKey[] = R"(-----BEGIN EC PRIVATE KEY-----
MHcCAQEEICqoWMA/EYra6Aryk1A0sosB5WDtPSrPdQAACecBIviloAoGCCqGSM49
AwEHoUQDQgAEGSW0kiV0/qNNWfJ8baXO3gU0HxLSR/VqOn7OaHsJeXBa6eHrPcZA
9DjSWuoxvXVwbDZWC0SXlkOZj3DRIsiwIA==
-----END EC PRIVATE KEY-----
)";
constexpr char kKeyDigest[] = "5d3d799cdbc02a13091daf3ab4af505aa24ced4e757c0b0c681cdc48e151b2d2";

class InstallTest : public StepTest {
 protected:
  void SetUp() override {
    StepTest::SetUp();
    Write("pki/ca.pem", "certificate", 0600);
  }
};

TEST_F(InstallTest, PutsTheFileInPlace) {
  mode_t old = umask(077);
  StepResult result = MustRun(FileStep, kRecord);
  umask(old);
  EXPECT_EQ(result.reason, "missing");
  EXPECT_EQ(result.digest, Sha256Hex("certificate"));
  EXPECT_THAT(result.files, ElementsAre(kPath));
  EXPECT_EQ(Read(kPath), "certificate");
  EXPECT_EQ(ModeOf(kPath), 0644u);
  EXPECT_EQ(ModeOf("rootfs/etc"), 0755u);
  EXPECT_EQ(ModeOf("rootfs/etc/etcd"), 0755u);
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(InstallTest, ASecondRunTouchesNothing) {
  StepResult first = MustRun(FileStep, kRecord);
  std::string before = Everything();
  StepResult second = MustRun(FileStep, kRecord);
  EXPECT_EQ(second.reason, "");
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(Everything(), before);
}

TEST_F(InstallTest, RepairsForAReason) {
  struct Damage {
    void (*make)();
    const char* reason;
  } damages[] = {
      {[] { Write(kPath, "CERTIFICATE"); }, "content differs"},
      {[] { Write(kPath, "shorter"); }, "content differs"},
      {[] { Write(kPath, ""); }, "content differs"},
      {[] { chmod(kPath, 0666); }, "mode was 0666, is 0644"},
      {[] { Write(kPath, "x", 0600); }, "content differs; mode was 0600, is 0644"},
      {[] { unlink(kPath); }, "missing"},
  };
  for (const Damage& damage : damages) {
    MustRun(FileStep, kRecord);
    damage.make();
    StepResult result = MustRun(FileStep, kRecord);
    EXPECT_EQ(result.reason, damage.reason);
    EXPECT_EQ(result.digest, Sha256Hex("certificate"));
    EXPECT_EQ(Read(kPath), "certificate");
    EXPECT_EQ(ModeOf(kPath), 0644u);
  }
}

TEST_F(InstallTest, AChangedSourceIsInstalled) {
  MustRun(FileStep, kRecord);
  Write("pki/ca.pem", "certificate 2");
  StepResult result = MustRun(FileStep, kRecord);
  EXPECT_EQ(result.reason, "content differs");
  EXPECT_EQ(result.digest, Sha256Hex("certificate 2"));
  EXPECT_EQ(Read(kPath), "certificate 2");
}

TEST_F(InstallTest, WhoHadTheOldFileOpenForWritingCannotChangeTheNewOne) {
  MustRun(FileStep, kRecord);
  ASSERT_EQ(chmod(kPath, 0666), 0);
  UniqueFd writer(open(kPath, O_WRONLY | O_CLOEXEC));
  MustRun(FileStep, kRecord);
  ASSERT_EQ(write(writer.get(), "HACKED", 6), 6);
  EXPECT_EQ(Read(kPath), "certificate");
}

TEST_F(InstallTest, ALargeFileThatDiffersInItsLastByte) {
  std::string large(3 << 20, 'x');
  Write("pki/ca.pem", large);
  MustRun(FileStep, kRecord);
  EXPECT_EQ(MustRun(FileStep, kRecord).reason, "");
  large.back() = 'y';
  Write(kPath, large);
  StepResult result = MustRun(FileStep, kRecord);
  EXPECT_EQ(result.reason, "content differs");
  EXPECT_EQ(Read(kPath), std::string(3 << 20, 'x'));
  EXPECT_EQ(result.digest, Sha256Hex(std::string(3 << 20, 'x')));
}

TEST_F(InstallTest, ARunningBinaryIsReplaced) {
  std::string sleep = FindProgram("sleep");
  Write("pki/ca.pem", Read(sleep));
  std::string record = absl::StrReplaceAll(kRecord, {{"0644", "0755"}});
  MustRun(FileStep, record);
  pid_t child = vfork();  // returns when the binary runs
  ASSERT_GE(child, 0);
  if (child == 0) {
    execl(kPath, kPath, "1000", nullptr);
    _exit(127);
  }
  Write("pki/ca.pem", "another binary");
  EXPECT_EQ(open(kPath, O_WRONLY | O_CLOEXEC), -1);
  EXPECT_EQ(errno, ETXTBSY);
  EXPECT_EQ(MustRun(FileStep, record).reason, "content differs");
  EXPECT_EQ(Read(kPath), "another binary");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST_F(InstallTest, ALinkAtTheNameIsRefusedAndNamed) {
  Write("victim", "victim", 0600);
  ASSERT_TRUE(MakeFolders("rootfs/etc/etcd").ok());
  ASSERT_EQ(symlink("../../../victim", kPath), 0);
  std::string before = Everything();
  EXPECT_THAT(ErrorOf(FileStep, kRecord),
              testing::AllOf(HasSubstr(kPath), HasSubstr("symbolic link to ../../../victim")));
  EXPECT_EQ(Everything(), before);
}

TEST_F(InstallTest, ALinkOnTheWayIsRefused) {
  ASSERT_TRUE(MakeFolders("outside").ok());
  ASSERT_TRUE(MakeFolders("rootfs/etc").ok());
  ASSERT_EQ(symlink("../../outside", "rootfs/etc/etcd"), 0);
  EXPECT_THAT(ErrorOf(FileStep, kRecord), HasSubstr("rootfs/etc/etcd is a symbolic link"));
  ASSERT_EQ(unlink("rootfs/etc/etcd"), 0);
  ASSERT_EQ(rmdir("rootfs/etc"), 0);
  ASSERT_EQ(symlink("../outside", "rootfs/etc"), 0);
  EXPECT_THAT(ErrorOf(FileStep, kRecord), HasSubstr("rootfs/etc is a symbolic link"));
  EXPECT_THAT(List("outside"), IsEmpty());
}

TEST_F(InstallTest, ALinkWhereTheTemporaryFileGoesIsNotFollowed) {
  Write("victim", "victim", 0600);
  ASSERT_TRUE(MakeFolders("rootfs/etc/etcd").ok());
  ASSERT_EQ(symlink("../../../victim", "rootfs/etc/etcd/.ca.pem.kplan-tmp"), 0);
  EXPECT_EQ(MustRun(FileStep, kRecord).reason, "missing");
  EXPECT_EQ(Read("victim"), "victim");
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(InstallTest, WhatIsNoFileIsRefused) {
  ASSERT_TRUE(MakeFolders(kPath).ok());
  EXPECT_THAT(ErrorOf(FileStep, kRecord), HasSubstr("there is a folder"));
  ASSERT_EQ(rmdir(kPath), 0);
  ASSERT_EQ(mkfifo(kPath, 0644), 0);
  EXPECT_THAT(ErrorOf(FileStep, kRecord), HasSubstr("there is a FIFO"));
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(InstallTest, TheSourceMustBeAFile) {
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  EXPECT_THAT(ErrorOf(FileStep, kRecord), HasSubstr("cannot open pki/ca.pem: No such file"));
  ASSERT_EQ(symlink("/etc/passwd", "pki/ca.pem"), 0);
  EXPECT_THAT(ErrorOf(FileStep, kRecord), HasSubstr("pki/ca.pem is a symbolic link"));
  ASSERT_EQ(unlink("pki/ca.pem"), 0);
  ASSERT_EQ(mkfifo("pki/ca.pem", 0600), 0);
  EXPECT_THAT(ErrorOf(FileStep, kRecord), HasSubstr("pki/ca.pem is no regular file"));
  EXPECT_FALSE(Exists("rootfs"));
}

TEST_F(InstallTest, AWriteThatFailsLeavesTheOldFile) {
  MustRun(FileStep, kRecord);
  Write("pki/ca.pem", std::string(1 << 20, 'x'));
  struct rlimit old_limit, limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old_limit), 0);
  limit = old_limit;
  limit.rlim_cur = 300000;  // more than one block
  signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::string message = ErrorOf(FileStep, kRecord);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old_limit), 0);
  signal(SIGXFSZ, SIG_DFL);
  EXPECT_THAT(message, testing::AllOf(HasSubstr(kPath), HasSubstr("File too large")));
  EXPECT_EQ(Read(kPath), "certificate");
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(InstallTest, WithoutTheRightsItSaysWhatToDo) {
  MustRun(FileStep, kRecord);
  Write("pki/ca.pem", "new");
  ASSERT_EQ(chmod("rootfs/etc/etcd", 0555), 0);
  int report[2];
  ASSERT_EQ(pipe2(report, O_CLOEXEC), 0);
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Root may write everywhere; "nobody" may not.
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0 && setresuid(kNobody, kNobody, kNobody) != 0) _exit(2);
    std::string message = ErrorOf(FileStep, kRecord);
    _exit(write(report[1], message.data(), message.size()) == static_cast<ssize_t>(message.size()) ? 0 : 1);
  }
  close(report[1]);
  std::string message(4096, '\0');
  message.resize(std::max<ssize_t>(0, read(report[0], &message[0], message.size())));
  close(report[0]);
  int wait_status = 0;
  ASSERT_EQ(waitpid(child, &wait_status, 0), child);
  ASSERT_EQ(chmod("rootfs/etc/etcd", 0755), 0);
  if (WEXITSTATUS(wait_status) == 2) GTEST_SKIP() << "in this user namespace nobody but root exists";
  EXPECT_THAT(message, testing::AllOf(
                           HasSubstr(kPath),
                           // A folder of one's own is one that may be opened again: that is only tried.
                           testing::AnyOf(
                               HasSubstr("Permission denied"),
                               HasSubstr("user 65534 may not write to ./rootfs/etc/etcd, a folder of root")),
                           HasSubstr("run as root, or give the host `become: sudo`, or a folder of yours")));
  EXPECT_EQ(Read(kPath), "certificate");
}

class SecretTest : public InstallTest {
 protected:
  static constexpr char kSecretRecord[] = R"({"from":"pki/key.pem","kind":"install","mode":"0600",)"
                                          R"("path":"/etc/etcd/key.pem","root":"./rootfs","secret":true})";
};
constexpr char SecretTest::kSecretRecord[];

TEST_F(SecretTest, TheDigestIsThatOfThePublicKey) {
  Write("pki/key.pem", kKey, 0600);
  StepResult result = MustRun(FileStep, kSecretRecord);
  EXPECT_EQ(result.digest, kKeyDigest);
  EXPECT_NE(result.digest, Sha256Hex(kKey));
  EXPECT_EQ(Read("rootfs/etc/etcd/key.pem"), kKey);
  EXPECT_EQ(ModeOf("rootfs/etc/etcd/key.pem"), 0600u);
  std::string before = Everything();
  StepResult second = MustRun(FileStep, kSecretRecord);
  EXPECT_EQ(second.reason, "");
  EXPECT_EQ(second.digest, kKeyDigest);
  EXPECT_EQ(Everything(), before);
}

TEST_F(SecretTest, AModeThatIsTooOpenIsRepaired) {
  Write("pki/key.pem", kKey, 0600);
  MustRun(FileStep, kSecretRecord);
  ASSERT_EQ(chmod("rootfs/etc/etcd/key.pem", 0644), 0);
  EXPECT_EQ(MustRun(FileStep, kSecretRecord).reason, "mode was 0644, is 0600");
  EXPECT_EQ(ModeOf("rootfs/etc/etcd/key.pem"), 0600u);
}

TEST_F(SecretTest, WhatHoldsNoKeyIsNotInstalled) {
  Write("pki/key.pem", "s3cret, but no PEM", 0600);
  std::string message = ErrorOf(FileStep, kSecretRecord);
  EXPECT_THAT(message, HasSubstr("pki/key.pem holds no private key"));
  EXPECT_EQ(message.find("s3cret"), std::string::npos);
  EXPECT_FALSE(Exists("rootfs"));
}

// Below "/", in the test's own folder.
class InstallOwnerTest : public InstallTest {
 protected:
  void SetUp() override {
    InstallTest::SetUp();
    // A user namespace (Bazel's sandbox) may know no user but us.
    Write("probe", "");
    if (geteuid() != 0 || chown("probe", 1, 1) != 0) GTEST_SKIP() << "needs root rights, to give files away";
  }

  std::string RecordFor(const std::string& owner) const {
    return absl::StrFormat(
        R"({"from":"pki/ca.pem","kind":"install","mode":"0640"%s,"path":"%s/ca.pem","root":"/",)"
        R"("secret":false})",
        owner.empty() ? "" : absl::StrCat(",\"owner\":\"", owner, "\""), working_folder_);
  }
};

TEST_F(InstallOwnerTest, RootUnlessTheRecordSaysOtherwise) {
  EXPECT_EQ(MustRun(FileStep, RecordFor("")).reason, "missing");
  ASSERT_EQ(chown("ca.pem", 1, 1), 0);
  EXPECT_EQ(MustRun(FileStep, RecordFor("")).reason, "owner was 1:1, is 0:0");
  EXPECT_EQ(MustRun(FileStep, RecordFor("12:34")).reason, "owner was 0:0, is 12:34");
  EXPECT_EQ(Look("ca.pem").st_uid, 12u);
  EXPECT_EQ(Look("ca.pem").st_gid, 34u);
  EXPECT_EQ(ModeOf("ca.pem"), 0640u);
  EXPECT_EQ(MustRun(FileStep, RecordFor("12:34")).reason, "");
}

TEST_F(InstallOwnerTest, AnUnknownUserIsNamed) {
  EXPECT_THAT(ErrorOf(FileStep, RecordFor("kplan-nobody")), HasSubstr("no user \"kplan-nobody\""));
  EXPECT_FALSE(Exists("ca.pem"));
}

// A file system that really is full, and one that really is read-only.
class FullDiskTest : public InstallTest {
 protected:
  void SetUp() override {
    InstallTest::SetUp();
    ASSERT_TRUE(MakeFolders("rootfs").ok());
    if (mount("tmpfs", "rootfs", "tmpfs", 0, "size=256k") != 0) GTEST_SKIP() << "needs root rights, to mount";
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) {
      EXPECT_EQ(umount("rootfs"), 0);
    }
  }
  bool mounted_ = false;
};

TEST_F(FullDiskTest, LeavesTheOldFileAndSaysWhatToDo) {
  MustRun(FileStep, kRecord);
  Write("pki/ca.pem", std::string(1 << 20, 'x'));
  EXPECT_THAT(ErrorOf(FileStep, kRecord),
              testing::AllOf(HasSubstr(kPath), HasSubstr("No space left"), HasSubstr("make room")));
  EXPECT_EQ(Read(kPath), "certificate");
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(FullDiskTest, ReadOnly) {
  MustRun(FileStep, kRecord);
  Write("pki/ca.pem", "new");
  ASSERT_EQ(mount(nullptr, "rootfs", nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_THAT(ErrorOf(FileStep, kRecord),
              testing::AllOf(HasSubstr(kPath), HasSubstr("Read-only file system"), HasSubstr("remount")));
  EXPECT_EQ(Read(kPath), "certificate");
}

// A file that waits for the restart of a service that runs.
class WaitingInstallTest : public InstallTest {
 protected:
  void SetUp() override {
    InstallTest::SetUp();
    MustRun(FileStep, Text());
  }
  void TearDown() override {
    Stop();
    InstallTest::TearDown();
  }

  std::string Text() const {
    const std::string waits = R"("waits-for":{"manager":"process","name":"etcd"}})";
    return absl::StrReplaceAll(
        kRecord, {{R"("secret":false})", absl::StrCat(R"("secret":false,)", waits)}, {"0644", mode_}});
  }

  // The service runs, and was started with what CONTENT is; "": that is not known.
  void Start(const std::string& content) {
    const std::string program = "/bin/sleep";
    service_ = fork();
    if (service_ == 0) {
      execl(program.c_str(), program.c_str(), "1000", nullptr);
      _exit(127);
    }
    std::unique_ptr<char, void (*)(void*)> exe(realpath(program.c_str(), nullptr), free);
    while (ExeOf(service_) != exe.get()) usleep(1000);
    Write("rootfs/run/etcd.pid", absl::StrCat(service_, "\n"));
    ServiceMarker marker;
    marker.exe = exe.get();
    marker.instance = FindInstance(service_)->ToString();
    if (content.empty()) marker.instance += "1";
    marker.files["/etc/etcd/ca.pem"].sha256 = Sha256Hex(content);
    ASSERT_TRUE(WriteMarker("rootfs", "etcd", marker).ok());
  }
  void Stop() {
    if (service_ == 0) return;
    kill(service_, SIGKILL);
    waitpid(service_, nullptr, 0);
    service_ = 0;
  }

  void Want(const std::string& content) { Write("pki/ca.pem", content, 0600); }
  StepResult MustRunIt() { return MustRun(FileStep, Text()); }

  // Nothing is done, and nothing touched.
  void ExpectUpToDate() {
    const std::string before = Everything("rootfs/etc");
    EXPECT_EQ(MustRunIt().reason, "");
    EXPECT_EQ(Everything("rootfs/etc"), before);
  }

  static constexpr char kBeside[] = "./rootfs/etc/etcd/.ca.pem.kplan-next";
  std::string mode_ = "0644";
  pid_t service_ = 0;
};

TEST_F(WaitingInstallTest, WaitsBesideItsPlaceWhileTheServiceRunsWithAnother) {
  for (const char* started_with : {"certificate", ""}) {
    Start(started_with);
    Want("certificate 2");
    mode_ = "0640";
    StepResult result = MustRunIt();
    EXPECT_EQ(result.reason, "content differs; mode was 0644, is 0640");
    EXPECT_EQ(result.digest, Sha256Hex("certificate 2"));
    EXPECT_THAT(result.files, ElementsAre(kPath)) << "what waits is gone when it has been put in place";
    EXPECT_EQ(result.waiting, kBeside);
    EXPECT_EQ(Read(kPath), "certificate");
    EXPECT_EQ(ModeOf(kPath), 0644u);
    EXPECT_EQ(Read(kBeside), "certificate 2");
    EXPECT_EQ(ModeOf(kBeside), 0640u);
    ExpectUpToDate();
    EXPECT_EQ(MustRunIt().digest, result.digest);
    EXPECT_EQ(MustRunIt().waiting, kBeside) << "it waits still";
    // Who asks from elsewhere hears of what was delivered.
    absl::StatusOr<FileRecord> record = FromText<FileRecord>(Text());
    ASSERT_TRUE(record.ok()) << record.status();
    absl::StatusOr<Standing> standing = FileStanding(*record);
    ASSERT_TRUE(standing.ok()) << standing.status();
    EXPECT_EQ(standing->digest, result.digest);
    EXPECT_THAT(standing->reasons, IsEmpty());
    // Also when it has ended, or is another instance: who restarts it puts it in place.
    Stop();
    ExpectUpToDate();
    // Somebody meddled with what waits.
    for (const char* damage : {"echo other >>", "chmod 600", "rm"}) {
      Start(started_with);
      ASSERT_EQ(system(absl::StrCat(damage, " ", kBeside).c_str()), 0);
      EXPECT_EQ(MustRunIt().reason, "content differs; mode was 0644, is 0640") << damage;
      EXPECT_EQ(Read(kBeside), "certificate 2");
      EXPECT_EQ(ModeOf(kBeside), 0640u);
      Stop();
    }
    Start(started_with);
    // A further change.
    Want("certificate 3");
    EXPECT_EQ(MustRunIt().reason, "content differs; mode was 0644, is 0640");
    EXPECT_EQ(Read(kBeside), "certificate 3");
    // The change is taken back.
    Want("certificate");
    mode_ = "0644";
    result = MustRunIt();
    EXPECT_EQ(result.reason, "a change that waited for a restart is taken back");
    EXPECT_EQ(result.digest, Sha256Hex("certificate"));
    EXPECT_EQ(result.waiting, "");
    EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
    ExpectUpToDate();
    Stop();
  }
}

TEST_F(WaitingInstallTest, IsWrittenAtOnceWhenNobodyRuns) {
  Want("certificate 2");
  StepResult result = MustRunIt();
  EXPECT_EQ(result.reason, "content differs");
  EXPECT_EQ(result.waiting, "");
  EXPECT_EQ(Read(kPath), "certificate 2");
  // What waits from before is not what is to come.
  Write(kBeside, "certificate");
  Want("certificate 3");
  EXPECT_EQ(MustRunIt().reason, "content differs");
  EXPECT_EQ(Read(kPath), "certificate 3");
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(WaitingInstallTest, WhatItWasStartedWithIsPutRightAtOnce) {
  Start("certificate");
  for (const char* damage : {"echo other >", "rm"}) {
    ASSERT_EQ(system(absl::StrCat(damage, " ", kPath).c_str()), 0);
    StepResult result = MustRunIt();
    EXPECT_NE(result.reason, "");
    EXPECT_EQ(result.waiting, "");
    EXPECT_EQ(Read(kPath), "certificate");
  }
  ASSERT_EQ(chmod(kPath, 0600), 0);
  EXPECT_EQ(MustRunIt().reason, "mode was 0600, is 0644");
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(WaitingInstallTest, AProgramThatIsNotThereIsInNobodysWay) {
  Start("something");
  ASSERT_EQ(unlink(kPath), 0);
  StepResult result = MustRunIt();
  EXPECT_EQ(result.reason, "missing");
  EXPECT_EQ(result.waiting, kBeside) << "a file that is new may be one that is read";
  EXPECT_FALSE(Exists(kPath));
  ExpectUpToDate();
  mode_ = "0755";
  result = MustRunIt();
  EXPECT_EQ(result.waiting, "");
  EXPECT_EQ(Read(kPath), "certificate");
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(WaitingInstallTest, WhoWaitsForNobodyLeavesNothingThatWaits) {
  Start("something");
  Want("certificate 2");
  EXPECT_EQ(MustRunIt().waiting, kBeside);
  StepResult result = MustRun(FileStep, kRecord);
  EXPECT_EQ(result.reason, "content differs");
  EXPECT_EQ(Read(kPath), "certificate 2");
  EXPECT_THAT(List("rootfs/etc/etcd"), ElementsAre("ca.pem"));
}

TEST_F(WaitingInstallTest, AProcessThatNoMarkerKnowsCounts) {
  Start("certificate");
  ASSERT_EQ(system("rm rootfs/run/kplan/etcd.started"), 0);
  Want("certificate 2");
  EXPECT_EQ(MustRunIt().waiting, kBeside);
  Want("certificate");
  MustRunIt();
  // One whose pid file cannot be read may run.
  ASSERT_EQ(system("rm rootfs/run/etcd.pid && mkdir rootfs/run/etcd.pid"), 0);
  Want("certificate 2");
  EXPECT_EQ(MustRunIt().waiting, kBeside);
  Want("certificate");
  MustRunIt();
  ASSERT_EQ(rmdir("rootfs/run/etcd.pid"), 0);
  // And one whose pid file is lost.
  Stop();
  Start("certificate");
  ASSERT_EQ(unlink("rootfs/run/etcd.pid"), 0);
  Want("certificate 2");
  EXPECT_EQ(MustRunIt().waiting, kBeside);
  Want("certificate");
  MustRunIt();
  // A number that nobody has is nobody.
  ASSERT_EQ(system("rm rootfs/run/kplan/etcd.started"), 0);
  Stop();
  Write("rootfs/run/etcd.pid", "4194300\n");
  Want("certificate 2");
  EXPECT_EQ(MustRunIt().waiting, "");
}

TEST_F(WaitingInstallTest, SomethingElseInTheWayIsAnError) {
  Start("something");
  Want("certificate 2");
  ASSERT_EQ(mkdir(kBeside, 0755), 0);
  EXPECT_THAT(ErrorOf(FileStep, Text()), HasSubstr("there is a folder"));
  EXPECT_EQ(Read(kPath), "certificate");
}

}  // namespace
}  // namespace kplan
