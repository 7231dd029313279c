#include "src/host/change_waiter.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace kplan {
namespace {

using Event = ChangeWaiter::Event;

class ChangeWaiterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "/waiter-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    ASSERT_EQ(chdir(folder.c_str()), 0);
    absl::StatusOr<std::unique_ptr<ChangeWaiter>> waiter = ChangeWaiter::Create();
    ASSERT_TRUE(waiter.ok()) << waiter.status();
    waiter_ = *std::move(waiter);
  }

  static void Write(const std::string& path) { ASSERT_EQ(WriteFile(path, "x", 0644), absl::OkStatus()); }

  // What Wait() returns; fails when it takes longer than a test may, which SIGTERM then ends.
  Event Wait() {
    absl::StatusOr<Event> event = waiter_->Wait();
    EXPECT_TRUE(event.ok()) << event.status();
    return event.ok() ? *event : Event::kEnd;
  }

  // Whether nothing has happened: the first thing to come is the moment that is 2 s from now.
  void ExpectQuiet() {
    const absl::Time start = absl::Now();
    ASSERT_EQ(waiter_->WakeAt(start + absl::Seconds(1)), absl::OkStatus());
    EXPECT_EQ(Wait(), Event::kChange);
    EXPECT_GE(absl::Now() - start, absl::Milliseconds(900)) << "something was a change";
  }

  std::unique_ptr<ChangeWaiter> waiter_;
};

TEST_F(ChangeWaiterTest, AFileThatIsWritten) {
  Write("a/file");
  waiter_->WatchFiles({"a/file"});
  Write("a/file");
  EXPECT_EQ(Wait(), Event::kChange);
  ASSERT_EQ(chmod("a/file", 0600), 0);
  EXPECT_EQ(Wait(), Event::kChange);
  ASSERT_EQ(unlink("a/file"), 0);
  EXPECT_EQ(Wait(), Event::kChange);
}

TEST_F(ChangeWaiterTest, OthersInItsFolderAreNone) {
  Write("a/file");
  waiter_->WatchFiles({"a/file"});
  Write("a/other");
  ExpectQuiet();
}

TEST_F(ChangeWaiterTest, EverythingInAFolder) {
  Write("a/file");
  waiter_->WatchFiles({"a/"});
  Write("a/new");
  EXPECT_EQ(Wait(), Event::kChange);
}

TEST_F(ChangeWaiterTest, AFileWhoseFoldersAreNotThereYet) {
  waiter_->WatchFiles({"a/b/c/file"});
  ASSERT_EQ(mkdir("a", 0755), 0);
  EXPECT_EQ(Wait(), Event::kChange);
  waiter_->WatchFiles({"a/b/c/file"});
  Write("a/b/c/file");
  EXPECT_EQ(Wait(), Event::kChange);
  waiter_->WatchFiles({"a/b/c/file"});
  Write("a/b/c/file");
  EXPECT_EQ(Wait(), Event::kChange);
}

TEST_F(ChangeWaiterTest, AProcessThatEnds) {
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  std::optional<Instance> instance = FindInstance(child);
  ASSERT_TRUE(instance.has_value());
  waiter_->WatchProcesses({*instance});
  ExpectQuiet();
  waiter_->WatchProcesses({*instance});
  ASSERT_EQ(kill(child, SIGKILL), 0);
  EXPECT_EQ(Wait(), Event::kChange);
  waitpid(child, nullptr, 0);
  // It is not there any more: that is a change at once, and only once.
  waiter_->WatchProcesses({*instance});
  EXPECT_EQ(Wait(), Event::kChange);
  waiter_->WatchProcesses({});
  ExpectQuiet();
}

TEST_F(ChangeWaiterTest, SeveralChangesAreOne) {
  Write("file");
  waiter_->WatchFiles({"./file"});
  for (int i = 0; i < 20; ++i) Write("file");
  EXPECT_EQ(Wait(), Event::kChange);
  ExpectQuiet();
}

TEST_F(ChangeWaiterTest, SignalsAreTheEnd) {
  for (int signal : {SIGTERM, SIGINT}) {
    kill(getpid(), signal);
    EXPECT_EQ(Wait(), Event::kEnd);
  }
}

}  // namespace
}  // namespace kplan
