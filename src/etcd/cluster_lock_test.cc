// On three real etcds: who has the lock, who waits, and what becomes of it.

#include "src/etcd/cluster_lock.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "src/base/record.h"
#include "src/etcd/etcd_cluster_testing.h"
#include "src/etcd/lock_holder.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ClusterLockTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string pattern = absl::StrCat(getenv("TEST_TMPDIR"), "/lock-XXXXXX");
    trio_ = new EtcdTrio(mkdtemp(pattern.data()));
    trio_->Start();
    trio_->AwaitHealth();
  }
  static void TearDownTestSuite() {
    delete trio_;
    trio_ = nullptr;
  }

  static std::unique_ptr<ClusterLock> Lock(const char* client = "root") {
    return MakeClusterLock(trio_->Planned(client));
  }
  static std::string Value() { return trio_->Etcdctl({"get", kLockKey, "--print-value-only"}); }
  static std::string Lease() {
    const Json json = ParseJson(trio_->Etcdctl({"get", kLockKey, "--write-out=json"})).value();
    return absl::StrCat(absl::Hex(json["kvs"][0]["lease"].get<uint64_t>()));
  }
  // HOLDER's lock, on a lease that nobody keeps alive.
  static void PutOf(const LockHolder& holder, int seconds) {
    const std::string granted = trio_->Etcdctl({"lease", "grant", absl::StrCat(seconds), "--write-out=json"});
    const uint64_t id = ParseJson(granted).value()["ID"].get<uint64_t>();
    trio_->Etcdctl({"put", kLockKey, holder.ToText(), absl::StrCat("--lease=", absl::Hex(id))});
  }

  ClusterLock::Tell Tell() {
    return [this](const std::string& line) {
      std::lock_guard<std::mutex> hold(mutex_);
      told_.push_back(line);
    };
  }
  std::vector<std::string> told() {
    std::lock_guard<std::mutex> hold(mutex_);
    return told_;
  }
  void AwaitTold(size_t count) {
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (told().size() < count) {
      ASSERT_LT(absl::Now(), until);
      absl::SleepFor(absl::Milliseconds(20));
    }
  }

  static EtcdTrio* trio_;
  std::mutex mutex_;
  std::vector<std::string> told_;
};
EtcdTrio* ClusterLockTest::trio_ = nullptr;

#define ASSERT_HELD(result, value)                   \
  do {                                               \
    absl::StatusOr<bool> held_now = (result);        \
    ASSERT_TRUE(held_now.ok()) << held_now.status(); \
    EXPECT_EQ(*held_now, value);                     \
  } while (false)

TEST_F(ClusterLockTest, IsTakenOnceKeptAndGivenBack) {
  {
    auto lock = Lock();
    ASSERT_HELD(lock->Hold("a test of \"words\"", Tell()), false);
    std::optional<LockHolder> holder = LockHolder::Parse(absl::StripSuffix(Value(), "\n"));
    ASSERT_TRUE(holder.has_value()) << Value();
    EXPECT_EQ(holder->run.what, "a test of \"words\"");
    EXPECT_EQ(holder->run.process.pid, getpid());
    const std::string lease = Lease();
    ASSERT_HELD(lock->Hold("a test", Tell()), true);
    EXPECT_EQ(Lease(), lease);
    // While one member is away, too.
    trio_->Signal(1, SIGKILL);
    ASSERT_HELD(lock->Hold("a test", Tell()), true);
    trio_->Start();
    trio_->AwaitHealth();
  }
  EXPECT_EQ(Value(), "");
  EXPECT_EQ(trio_->Etcdctl({"lease", "list"}), "found 0 leases\n");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(ClusterLockTest, TheSecondOneWaitsAndIsToldForWhom) {
  auto first = Lock();
  ASSERT_HELD(first->Hold("a first", nullptr), false);
  absl::StatusOr<bool> held = absl::UnknownError("it did not end");
  std::thread second([&] {
    auto lock = Lock();
    held = lock->Hold("a second", Tell());
    EXPECT_THAT(Value(), HasSubstr("a second"));
  });
  AwaitTold(1);
  EXPECT_THAT(told()[0],
              HasSubstr(absl::StrCat("somebody else takes members of this cluster away: a first of ")));
  EXPECT_THAT(told()[0], HasSubstr(absl::StrCat("(process ", getpid(), ", in /")));
  EXPECT_THAT(Value(), HasSubstr("a first"));
  first.reset();
  second.join();
  ASSERT_HELD(held, false);
  ASSERT_EQ(told().size(), 2u);
  EXPECT_THAT(told()[1], HasSubstr("it is free, after "));
  EXPECT_EQ(Value(), "");
}

TEST_F(ClusterLockTest, OfManyAtOnceOneHasIt) {
  std::atomic<int> inside{0}, most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; ++i) {
    threads.emplace_back([&] {
      auto lock = Lock();
      absl::StatusOr<bool> held = lock->Hold("one of many", nullptr);
      ASSERT_TRUE(held.ok()) << held.status();
      most = std::max(most.load(), ++inside);
      held = lock->Hold("one of many", nullptr);
      EXPECT_TRUE(held.ok() && *held) << held.status();
      --inside;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(trio_->Etcdctl({"lease", "list"}), "found 0 leases\n");
}

TEST_F(ClusterLockTest, WhoLostItFindsOut) {
  auto lock = Lock();
  ASSERT_HELD(lock->Hold("a test", Tell()), false);
  trio_->Etcdctl({"lease", "revoke", Lease()});
  ASSERT_HELD(lock->Hold("a test", Tell()), false);
  EXPECT_THAT(told(), ElementsAre("the lock of this cluster was lost, and is taken again"));
  // The key alone.
  trio_->Etcdctl({"del", kLockKey});
  ASSERT_HELD(lock->Hold("a test", Tell()), false);
  ASSERT_HELD(lock->Hold("a test", Tell()), true);
  lock.reset();
  EXPECT_EQ(Value(), "");
}

TEST_F(ClusterLockTest, OneThatEndedOnThisMachineIsNotWaitedFor) {
  LockHolder gone = LockHolderNow("one that was killed");
  gone.run.process.start_ticks += 1;
  PutOf(gone, 300);
  auto lock = Lock();
  const absl::Time begun = absl::Now();
  ASSERT_HELD(lock->Hold("a test", Tell()), false);
  EXPECT_LT(absl::Now() - begun, absl::Seconds(20));
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(ClusterLockTest, OneThatEndedElsewhereIsWaitedForAsLongAsItsLeaseLasts) {
  LockHolder elsewhere = LockHolderNow("one elsewhere");
  elsewhere.run.process.boot = "another";
  PutOf(elsewhere, 4);
  auto lock = Lock();
  ASSERT_HELD(lock->Hold("a test", Tell()), false);
  ASSERT_EQ(told().size(), 2u);
  EXPECT_THAT(told()[0], HasSubstr("one elsewhere of "));
}

TEST_F(ClusterLockTest, AKeyThatNobodyKeepsAliveIsTakenAway) {
  trio_->Etcdctl({"put", kLockKey, "by hand"});
  auto lock = Lock();
  ASSERT_HELD(lock->Hold("a test", Tell()), false);
  EXPECT_THAT(Value(), HasSubstr("a test"));
}

TEST_F(ClusterLockTest, WithoutAQuorumThereIsNone) {
  trio_->Signal(0, SIGKILL);
  trio_->Signal(1, SIGKILL);
  auto lock = Lock();
  const absl::Status status = lock->Hold("a test", Tell()).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  lock.reset();
  trio_->Start();
  trio_->AwaitHealth();
}

TEST_F(ClusterLockTest, WhomEtcdLetsNotWriteThereIsTold) {
  trio_->Etcdctl({"user", "add", "root:wombat-7"});
  trio_->Etcdctl({"role", "add", "root"});
  trio_->Etcdctl({"user", "grant-role", "root", "root"});
  trio_->Etcdctl({"auth", "enable"});
  auto lock = Lock("guest");
  const absl::Status status = lock->Hold("a test", Tell()).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  trio_->Etcdctl({"auth", "disable"});
}

}  // namespace
}  // namespace kplan
