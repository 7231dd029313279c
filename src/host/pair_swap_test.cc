#include "src/host/pair_swap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/clock_testing.h"
#include "src/base/disk_testing.h"
#include "src/host/hold_readers.h"
#include "src/step/step_testing.h"

namespace kplan {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kCertificate[] = "etc/x.pem";
constexpr char kKey[] = "etc/x-key.pem";
constexpr char kLink[] = "etc/.x.pem.kplan-pair";

std::string Text(const char* what, int number) { return absl::StrCat(what, " ", number, "\n"); }

// The swap does not look at what it swaps: a certificate and a key belong together when their numbers agree.
// Some are longer than others.
PairContent Pair(int number) {
  PairContent pair;
  std::string filler(number % 3 * 100, 'x');
  pair.certificate = Secret(Text("certificate", number) + filler);
  pair.key = Secret(Text("key", number) + filler);
  return pair;
}

// The number in what Pair() made; -1 for anything else.
int NumberIn(const std::string& text, const char* what) {
  int number = -1;
  return sscanf(text.c_str(), absl::StrCat(what, " %d\n").c_str(), &number) == 1 ? number : -1;
}

// As a service reads it: open, read, close; no retry. Empty when it cannot be opened.
std::string ReadAsService(int folder, const char* name) {
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  char buffer[4096];
  ssize_t n = read(fd, buffer, sizeof(buffer));
  close(fd);
  return std::string(buffer, n < 0 ? 0 : n);
}

// Thousands of swaps, and hundreds of kills: on a disk their fsyncs would take minutes, and show nothing
// more.
void UseMemory() {
  if (access("/dev/shm", W_OK) == 0) setenv("TEST_TMPDIR", "/dev/shm", 1);
}

class PairSwapTest : public StepTest {
 protected:
  void SetUp() override {
    UseMemory();
    StepTest::SetUp();
    Write(kCertificate, Pair(0).certificate.view());
    Write(kKey, Pair(0).key.view(), 0600);
  }

  void TearDown() override { ASSERT_EQ(system(absl::StrCat("rm -rf ", working_folder_).c_str()), 0); }

  static InstallTarget Target(const char* path, mode_t mode) {
    absl::StatusOr<InstallTarget> target = MakeInstallTarget(".", path, mode, "");
    EXPECT_TRUE(target.ok()) << target.status();
    return *target;
  }
  static PairSwap Swapper(PairSwapOptions options) {
    return PairSwap(Target("/etc/x.pem", 0644), Target("/etc/x-key.pem", 0600), options);
  }
  static PairSwapOptions Quick() {
    PairSwapOptions options;
    options.drain = absl::ZeroDuration();
    return options;
  }

  static void ExpectAtRest(int number) {
    EXPECT_EQ(Read(kCertificate), Pair(number).certificate.view());
    EXPECT_EQ(Read(kKey), Pair(number).key.view());
    EXPECT_EQ(Look(kCertificate).st_mode, S_IFREG | 0644u);
    EXPECT_EQ(Look(kKey).st_mode, S_IFREG | 0600u);
    EXPECT_THAT(List("etc"), ElementsAre("x-key.pem", "x.pem"));
  }
};

TEST_F(PairSwapTest, LeavesTwoRegularFiles) {
  mode_t old = umask(077);
  for (int number = 1; number < 8; ++number) {
    absl::Status status = Swapper(Quick()).Swap(Pair(number - 1), Pair(number));
    ASSERT_TRUE(status.ok()) << status;
    ExpectAtRest(number);
  }
  umask(old);
}

// Each call fails once. Whatever it was, there is a pair, in files, and nowhere a copy of a key.
TEST_F(PairSwapTest, AFaultAnywhereLeavesAPairAndNoCopyOfAKey) {
  size_t faults = 0;
  for (bool hit = true; hit; ++faults) {
    Write(kCertificate, Pair(0).certificate.view());
    Write(kKey, Pair(0).key.view(), 0600);
    hit = false;
    size_t calls = 0;
    std::string failed;
    absl::Status status;
    {
      WatchedDisk disk([&](absl::string_view call) {
        if (calls++ != faults) return 0;
        hit = true;
        failed = std::string(call);
        return EIO;
      });
      status = Swapper(Quick()).Swap(Pair(0), Pair(1));
    }
    const int number = NumberIn(Read(kCertificate), "certificate");
    EXPECT_EQ(NumberIn(Read(kKey), "key"), number) << failed;
    EXPECT_TRUE(number == 1 || (number == 0 && !status.ok())) << failed << ": " << status;
    EXPECT_THAT(List("etc"), ElementsAre("x-key.pem", "x.pem")) << failed << ": " << status;
    if (!status.ok()) {
      EXPECT_THAT(std::string(status.message()), HasSubstr("Input/output error")) << failed;
    }
  }
  EXPECT_GT(faults, 40u);
}

// What the readers below count, in memory that processes share.
struct Counts {
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0}, failed{0}, mismatched{0};
  // One of the two in a reader that took longer than it may, as it happens on a machine with much to do.
  std::atomic<int> slow{0};
};

class ReadersTest : public PairSwapTest {
 protected:
  void SetUp() override {
    PairSwapTest::SetUp();
    void* memory = mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    counts_ = new (memory) Counts;
  }
  void TearDown() override {
    munmap(counts_, sizeof(Counts));
    PairSwapTest::TearDown();
  }

  // Swaps COUNT times while READ, in a process of its own, is called over and over.
  template <typename Reader>
  void SwapUnder(int count, PairSwapOptions options, Reader read) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      UniqueFd folder(open("etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      while (!counts_->stop) read(folder.get());
      _exit(0);
    }
    while (counts_->reads < 100) absl::SleepFor(absl::Milliseconds(1));
    for (int number = 1; number <= count; ++number) {
      absl::Status status = Swapper(options).Swap(Pair(number - 1), Pair(number));
      EXPECT_TRUE(status.ok()) << status;
    }
    counts_->stop = true;
    int wait_status = 0;
    EXPECT_EQ(waitpid(child, &wait_status, 0), child);
    EXPECT_EQ(wait_status, 0);
    ExpectAtRest(count);
    printf("%d swaps, %d reads, %d failed, %d mismatched, %d in a reader that was held up\n", count,
           counts_->reads.load(), counts_->failed.load(), counts_->mismatched.load(), counts_->slow.load());
    EXPECT_EQ(counts_->failed, 0);
  }

  // The certificate and then the key, each by its name: as etcd does.
  void ReadBothNames(int folder, absl::Duration drain) {
    absl::Time begin = absl::Now();
    int certificate = NumberIn(ReadAsService(folder, "x.pem"), "certificate");
    int key = NumberIn(ReadAsService(folder, "x-key.pem"), "key");
    bool slow = absl::Now() - begin > drain;
    ++counts_->reads;
    if (certificate >= 0 && certificate == key) return;
    ++(slow ? counts_->slow : certificate < 0 || key < 0 ? counts_->failed : counts_->mismatched);
  }

  Counts* counts_ = nullptr;
};

TEST_F(ReadersTest, WhoReadsCertificateAndThenKeyFindsAPair) {
  {
    UniqueFd file(open(kCertificate, O_WRONLY | O_CLOEXEC));
    if (!HoldReaders(file.get(), absl::ZeroDuration()).held())
      GTEST_SKIP() << "no leases on this file system";
  }
  PairSwapOptions options;
  options.drain = absl::Milliseconds(20);
  SwapUnder(250, options, [&](int folder) {
    ReadBothNames(folder, options.drain);
    // So that some come while readers are held, and wait for less than all of that time.
    if (int n = counts_->reads; n % 64 == 0) absl::SleepFor(options.drain * (n / 64 % 8) / 8);
  });
  EXPECT_EQ(counts_->mismatched, 0);
}

// Without leases: only who reads across the flip itself can see two halves.
TEST_F(ReadersTest, WithoutLeasesOnlyTheFlipItselfShows) {
  PairSwapOptions options;
  options.drain = absl::Milliseconds(4);
  options.hold_readers = false;
  SwapUnder(1000, options, [&](int folder) { ReadBothNames(folder, options.drain); });
  // At most one read can be under way when the link is flipped.
  EXPECT_LE(counts_->mismatched, 1000);
}

// What the link leads to is a pair at any time: whoever follows it once has two files that belong together.
TEST_F(ReadersTest, WithoutLeasesWhoFollowsTheLinkOnceFindsAPair) {
  PairSwapOptions options = Quick();
  options.hold_readers = false;
  options.drain = absl::Milliseconds(2);
  SwapUnder(1000, options, [&](int folder) {
    UniqueFd stage(openat(folder, ".x.pem.kplan-pair", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!stage.ok()) {  // at rest
      ++counts_->reads;
      return;
    }
    int certificate = NumberIn(ReadAsService(stage.get(), "x.pem"), "certificate");
    int key = NumberIn(ReadAsService(stage.get(), "x-key.pem"), "key");
    // The folder may go while it is read.
    if (certificate >= 0 && key >= 0) {
      ++counts_->reads;
      if (certificate != key) ++counts_->mismatched;
    }
  });
  EXPECT_EQ(counts_->mismatched, 0);
}

// A service that is another user needs no right to the folders but to enter them.
TEST_F(ReadersTest, AnotherUserCanReadWhatItMayRead) {
  Write("probe", "");
  if (geteuid() != 0 || chown("probe", 1, 1) != 0) GTEST_SKIP() << "needs root rights, to give files away";
  constexpr uid_t kService = 12;
  ASSERT_EQ(chown(kKey, kService, kService), 0);
  InstallTarget key = Target("/etc/x-key.pem", 0600);
  key.owner = HostOwner{kService, kService};
  PairSwapOptions options;
  options.drain = absl::Milliseconds(4);
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    UniqueFd folder(open("etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (setresgid(kService, kService, kService) != 0 || setresuid(kService, kService, kService) != 0)
      _exit(2);
    while (!counts_->stop) ReadBothNames(folder.get(), options.drain);
    _exit(0);
  }
  while (counts_->reads < 100) absl::SleepFor(absl::Milliseconds(1));
  for (int number = 1; number <= 50; ++number) {
    absl::Status status =
        PairSwap(Target("/etc/x.pem", 0644), key, options).Swap(Pair(number - 1), Pair(number));
    EXPECT_TRUE(status.ok()) << status;
  }
  counts_->stop = true;
  int wait_status = 0;
  EXPECT_EQ(waitpid(child, &wait_status, 0), child);
  EXPECT_EQ(wait_status, 0);
  EXPECT_EQ(counts_->failed, 0);
  EXPECT_EQ(Look(kKey).st_uid, kService);
  EXPECT_EQ(Look(kCertificate).st_uid, 0u);
}

TEST_F(PairSwapTest, ReadersAreHeldAndThenGetWhatIsThere) {
  UniqueFd file(open(kCertificate, O_RDWR | O_CLOEXEC));
  std::string seen;
  std::thread reader;
  {
    HoldReaders hold(file.get(), absl::Seconds(1));
    if (!hold.held()) GTEST_SKIP() << "no leases on this file system";
    reader = std::thread([&] { seen = ReadAsService(AT_FDCWD, kCertificate); });
    // The kernel tells that somebody waits, here by naming the lease that is wanted instead.
    while (fcntl(file.get(), F_GETLEASE) == F_WRLCK) absl::SleepFor(absl::Milliseconds(1));
    ASSERT_EQ(pwrite(file.get(), "CERTIFICATE", 11, 0), 11);
  }
  reader.join();
  EXPECT_EQ(seen, "CERTIFICATE 0\n");
}

TEST_F(PairSwapTest, AFileThatStaysOpenIsNotWaitedForForEver) {
  UniqueFd file(open(kCertificate, O_WRONLY | O_CLOEXEC));
  UniqueFd other(open(kCertificate, O_RDONLY | O_CLOEXEC));
  FakeClock clock;
  EXPECT_FALSE(HoldReaders(file.get(), absl::Seconds(1), &clock).held());
  EXPECT_EQ(clock.waited(), absl::Seconds(1));
  struct sigaction action;
  ASSERT_EQ(sigaction(SIGIO, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST_F(PairSwapTest, AFileThatIsClosedInTimeIsWaitedFor) {
  UniqueFd file(open(kCertificate, O_WRONLY | O_CLOEXEC));
  if (!HoldReaders(file.get(), absl::ZeroDuration()).held()) GTEST_SKIP() << "no leases on this file system";
  UniqueFd other(open(kCertificate, O_RDONLY | O_CLOEXEC));
  FakeClock clock;
  clock.After(absl::Milliseconds(700), [&] { other = UniqueFd(); });
  EXPECT_TRUE(HoldReaders(file.get(), absl::Seconds(1), &clock).held());
  EXPECT_EQ(clock.waited(), absl::Milliseconds(700));
}

TEST_F(PairSwapTest, ReadersHaveTheTimeOfTheDrain) {
  UniqueFd file(open(kCertificate, O_WRONLY | O_CLOEXEC));
  if (!HoldReaders(file.get(), absl::ZeroDuration()).held()) GTEST_SKIP() << "no leases on this file system";
  file = UniqueFd();
  FakeClock clock;
  PairSwapOptions options;
  options.clock = &clock;
  std::vector<std::string> seen;
  // The certificate cannot be opened meanwhile.
  clock.After(options.drain / 2, [&] { seen.push_back(Read(kKey)); });
  clock.After(options.drain * 3 / 2, [&] {
    seen.push_back(Read(kCertificate));
    seen.push_back(Read(kKey));
    EXPECT_EQ(access("etc/.x.pem.kplan-pair.old", F_OK), 0) << "somebody may be on the way there";
  });
  absl::Status status = Swapper(options).Swap(Pair(0), Pair(1));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(seen, ElementsAre(Pair(0).key.view(), Pair(1).certificate.view(), Pair(1).key.view()));
  EXPECT_EQ(clock.waited(), 2 * options.drain);
  ExpectAtRest(1);
}

TEST_F(PairSwapTest, WhatIsNotOursIsRefused) {
  struct Hostile {
    std::function<void()> make;
    const char* message;
  } hostiles[] = {
      {[] { ASSERT_EQ(symlink("/etc", kLink), 0); }, ".x.pem.kplan-pair"},
      {[] { ASSERT_EQ(symlink("../victim", "etc/.x.pem.kplan-pair.old"), 0); }, ".x.pem.kplan-pair.old"},
      {[] { Write("etc/.x.pem.kplan-pair.new", ""); }, ".x.pem.kplan-pair.new"},
      {[] { Write("etc/.x.pem.kplan-pair.link", ""); }, ".x.pem.kplan-pair.link"},
      {[] { Write(kLink, ""); }, ".x.pem.kplan-pair"},
      {[] {
         ASSERT_EQ(mkdir("etc/.x.pem.kplan-pair.old", 0755), 0);
         ASSERT_EQ(chmod("etc/.x.pem.kplan-pair.old", 0777), 0);
       },
       ".x.pem.kplan-pair.old"},
      {[] {
         ASSERT_EQ(unlink(kKey), 0);
         ASSERT_EQ(symlink("../victim/key", kKey), 0);
       },
       "symbolic link to ../victim/key"},
      {[] {
         ASSERT_EQ(unlink(kCertificate), 0);
         ASSERT_EQ(symlink(".x.pem.kplan-pair/other.pem", kCertificate), 0);
       },
       "symbolic link to .x.pem.kplan-pair/other.pem"},
      {[] {  // ours by its text, and then out of the folder
         ASSERT_EQ(unlink(kCertificate), 0);
         ASSERT_EQ(symlink(".x.pem.kplan-pair/x.pem", kCertificate), 0);
         ASSERT_EQ(symlink("../victim", kLink), 0);
       },
       ".x.pem.kplan-pair"},
  };
  for (const Hostile& hostile : hostiles) {
    TearDown();
    SetUp();
    Write("victim/key", "victim");
    hostile.make();
    std::string before = Everything();
    absl::StatusOr<PairSwap::State> state = Swapper(Quick()).Look();
    EXPECT_TRUE(absl::IsFailedPrecondition(state.status())) << hostile.message << ": " << state.status();
    EXPECT_THAT(std::string(state.status().message()),
                AllOf(HasSubstr(hostile.message), HasSubstr("move it away")));
    EXPECT_EQ(Everything(), before);
  }
}

TEST_F(PairSwapTest, AnotherUsersIsRefused) {
  Write("probe", "");
  if (geteuid() != 0 || chown("probe", 1, 1) != 0) GTEST_SKIP() << "needs root rights, to give files away";
  ASSERT_EQ(mkdir("etc/.x.pem.kplan-pair.old", 0755), 0);
  ASSERT_EQ(symlink(".x.pem.kplan-pair.old", kLink), 0);
  EXPECT_TRUE(Swapper(Quick()).Look().ok());
  ASSERT_EQ(lchown(kLink, 1, 1), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(Swapper(Quick()).Look().status()));
  ASSERT_EQ(lchown(kLink, 0, 0), 0);
  ASSERT_EQ(chown("etc/.x.pem.kplan-pair.old", 1, 1), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(Swapper(Quick()).Look().status()));
}

TEST_F(PairSwapTest, OneAtATime) {
  absl::StatusOr<PendingFile> lock = Swapper(Quick()).Lock();
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_TRUE(absl::IsAborted(Swapper(Quick()).Lock().status()));
}

// A disk that is full a little later each time: until the names become links nothing has been touched, and
// from then on nothing needs room.
TEST_F(PairSwapTest, AFullDiskLeavesTheOldPair) {
  ASSERT_EQ(mkdir("small", 0755), 0);
  if (mount("tmpfs", "small", "tmpfs", 0, "size=1m,nr_inodes=4") != 0)
    GTEST_SKIP() << "needs root rights, to mount";
  int failed = 0;
  bool completed = false;
  {
    ASSERT_EQ(chdir("small"), 0);
    Write(kCertificate, Pair(0).certificate.view());
    Write(kKey, Pair(0).key.view(), 0600);
    for (int inodes = 4; inodes < 20 && !completed; ++inodes) {
      std::string options = absl::StrCat("size=1m,nr_inodes=", inodes);
      ASSERT_EQ(mount(nullptr, ".", nullptr, MS_REMOUNT, options.c_str()), 0);
      absl::Status status = Swapper(Quick()).Swap(Pair(0), Pair(1));
      completed = status.ok();
      if (completed) break;
      ++failed;
      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
      ExpectAtRest(0);
    }
    ExpectAtRest(1);
    ASSERT_EQ(chdir(".."), 0);
  }
  EXPECT_EQ(umount("small"), 0);
  EXPECT_TRUE(completed);
  EXPECT_GE(failed, 5);
}

}  // namespace
}  // namespace kplan
