#include "src/host/process_info.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "src/base/files.h"

namespace kplan {
namespace {

using testing::Contains;
using testing::Not;

// Runs `sleep` until killed.
pid_t StartSleep() {
  pid_t pid = fork();
  if (pid == 0) {
    char* const environment[] = {const_cast<char*>("A=1"), const_cast<char*>("B="), nullptr};
    execle("/bin/sleep", "sleep", "1000", nullptr, environment);
    _exit(127);
  }
  while (ExeOf(pid).find("sleep") == std::string::npos && ExeOf(pid).find("busybox") == std::string::npos)
    usleep(1000);
  return pid;
}

void End(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

void AwaitNextTick() {
  for (uint64_t start = TicksSinceBoot(); TicksSinceBoot() < start + 3;) usleep(1000);
}

TEST(ProcessInfo, AnInstanceIsAProcessInItsTime) {
  uint64_t before = TicksSinceBoot();
  pid_t pid = StartSleep();
  std::optional<Instance> instance = FindInstance(pid);
  ASSERT_TRUE(instance.has_value());
  EXPECT_EQ(instance->pid, pid);
  EXPECT_EQ(instance->boot.size(), 36u);
  EXPECT_GE(instance->start_ticks, before);
  EXPECT_LE(instance->start_ticks, TicksSinceBoot());
  EXPECT_EQ(*instance, *FindInstance(pid));

  kill(pid, SIGKILL);
  siginfo_t info;
  waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(FindInstance(pid).has_value()) << "a zombie is no instance";
  waitpid(pid, nullptr, 0);
  EXPECT_FALSE(FindInstance(pid).has_value());
  EXPECT_FALSE(FindInstance(0).has_value());
  EXPECT_FALSE(FindInstance(-1).has_value());
}

TEST(ProcessInfo, WhatAProcessWasStartedWith) {
  pid_t pid = StartSleep();
  // A program takes its name a moment before its arguments.
  while (ArgvOf(pid)->empty() || EnvironmentOf(pid)->empty()) usleep(1000);
  EXPECT_EQ(*ArgvOf(pid), (std::vector<std::string>{"sleep", "1000"}));
  EXPECT_EQ(*EnvironmentOf(pid), (std::vector<std::string>{"A=1", "B="}));
  EXPECT_THAT(ProcessesRunning(ExeOf(pid)), Contains(pid));
  EXPECT_THAT(ProcessesRunning(ExeOf(getpid())), Not(Contains(pid)));
  End(pid);
  EXPECT_EQ(ExeOf(pid), "");
  EXPECT_FALSE(ArgvOf(pid).ok());
}

TEST(ProcessInfo, AReplacedProgramKeepsItsName) {
  std::string folder = testing::TempDir() + "/replaced-XXXXXX";
  ASSERT_NE(mkdtemp(&folder[0]), nullptr);
  std::string program = folder + "/program";
  ASSERT_EQ(system(("cp /bin/sleep " + program).c_str()), 0);
  pid_t pid = fork();
  if (pid == 0) {
    execl(program.c_str(), "program", "1000", nullptr);
    _exit(127);
  }
  std::unique_ptr<char, void (*)(void*)> real(realpath(program.c_str(), nullptr), free);
  while (ExeOf(pid) != real.get()) usleep(1000);
  ASSERT_EQ(unlink(program.c_str()), 0);
  EXPECT_EQ(ExeOf(pid), real.get());
  EXPECT_EQ(ReadFile(ExeContentPath(pid))->size(), ReadFile("/bin/sleep")->size());
  End(pid);
}

TEST(ProcessInfo, WhatChangedSinceTheStart) {
  std::string folder = testing::TempDir() + "/times-XXXXXX";
  ASSERT_NE(mkdtemp(&folder[0]), nullptr);
  const std::string old = folder + "/old", renamed = folder + "/renamed";
  ASSERT_TRUE(WriteFile(old, "1", 0644).ok());
  ASSERT_TRUE(WriteFile(folder + "/waiting", "2", 0644).ok());
  AwaitNextTick();
  pid_t pid = StartSleep();
  Instance instance = *FindInstance(pid);
  AwaitNextTick();
  EXPECT_TRUE(*UnchangedSinceStart(old, instance));
  // Written before the start, put in place after it: the modification time alone would not tell.
  ASSERT_EQ(rename((folder + "/waiting").c_str(), renamed.c_str()), 0);
  EXPECT_FALSE(*UnchangedSinceStart(renamed, instance));
  ASSERT_TRUE(WriteFile(old, "1", 0644).ok());
  EXPECT_FALSE(*UnchangedSinceStart(old, instance));
  EXPECT_FALSE(UnchangedSinceStart(folder + "/missing", instance).ok());
  End(pid);
}

TEST(ProcessHandle, HoldsOneInstanceAndNoOther) {
  pid_t pid = StartSleep();
  Instance instance = *FindInstance(pid);
  Instance earlier = instance;
  earlier.start_ticks -= 1;
  EXPECT_TRUE(absl::IsNotFound(ProcessHandle::Open(earlier).status()));

  absl::StatusOr<ProcessHandle> handle = ProcessHandle::Open(instance);
  ASSERT_TRUE(handle.ok()) << handle.status();
  EXPECT_FALSE(handle->AwaitEnd(absl::Milliseconds(1)));
  EXPECT_TRUE(handle->Signal(SIGTERM).ok());
  EXPECT_TRUE(handle->AwaitEnd(absl::Seconds(10)));
  waitpid(pid, nullptr, 0);
  EXPECT_TRUE(handle->Signal(SIGTERM).ok()) << "it has ended: nothing to do";
  EXPECT_TRUE(absl::IsNotFound(ProcessHandle::Open(instance).status()));
}

}  // namespace
}  // namespace kplan
