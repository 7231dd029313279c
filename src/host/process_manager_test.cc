#include "src/host/process_manager.h"

#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "src/host/process_info.h"

namespace kplan {
namespace {

using testing::ElementsAre;

// A service that is a copy of sleep, so that no other process here is it.
class ProcessManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string root = absl::StrCat(testing::TempDir(), "/process_manager");
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root + "/usr/bin");
    std::filesystem::create_directories(root + "/var/log");
    std::filesystem::copy_file("/bin/sleep", root + "/usr/bin/sleeper");
    spec_ = {root, "sleeper", {root + "/usr/bin/sleeper", "1000"}, {}};
  }
  void TearDown() override {
    for (pid_t pid : ProcessesRunning(spec_.Exe())) kill(pid, SIGKILL);
  }

  ProcessSpec spec_;
};

// What a killed kplan leaves of a start goes on, and is waited for: there are never two.
TEST_F(ProcessManagerTest, AStartIsKilledAtAnyMoment) {
  const absl::Time begun = absl::Now();
  absl::StatusOr<Instance> first = StartProcess(spec_);
  ASSERT_TRUE(first.ok()) << first.status();
  const int64_t whole = absl::ToInt64Microseconds(absl::Now() - begun);
  ASSERT_TRUE(StopInstance(*first).ok());

  constexpr int kRounds = 400;
  int adopted = 0, started = 0;
  for (int i = 0; i < kRounds; ++i) {
    const int64_t moment = whole * i / (kRounds * 3 / 4);
    const pid_t child = fork();
    if (child == 0) _exit(StartProcess(spec_).ok() ? 0 : 1);
    usleep(static_cast<useconds_t>(moment));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::optional<Instance> found = FindRunning(spec_);
    if (found.has_value()) {
      ++adopted;
    } else {
      ++started;
      absl::StatusOr<Instance> other = StartProcess(spec_);
      ASSERT_TRUE(other.ok()) << other.status();
      found = *other;
    }
    ASSERT_THAT(ProcessesRunning(spec_.Exe()), ElementsAre(found->pid)) << "after " << moment << " us";
    ASSERT_TRUE(StopInstance(*found).ok());
  }
  EXPECT_GT(adopted, 0);
  EXPECT_GT(started, 0);
}

}  // namespace
}  // namespace kplan
