#include "src/steps/service/service_retire.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "src/host/process_info.h"
#include "src/steps/service/etcd_testing.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// Returns when every thread of the process stands still.
void AwaitStop(pid_t pid) {
  bool stopped = false;
  while (!stopped) {
    stopped = true;
    for (const auto& thread : std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/task"))) {
      std::ifstream file(thread.path() / "stat");
      const std::string stat{std::istreambuf_iterator<char>(file), {}};
      // "PID (NAME) STATE ...": proc(5)
      const size_t name_end = stat.rfind(')');
      ASSERT_NE(name_end, std::string::npos);
      stopped = stopped && stat[name_end + 2] == 'T';
    }
  }
}

// Whether the process, which stands still, was sent SIGTERM.
bool IsToldToEnd(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/status"));
  for (std::string key, value; file >> key && std::getline(file, value);) {
    // In hexadecimal, signal 1 first: proc(5)
    if (key == "ShdPnd:") return (std::stoull(value, nullptr, 16) >> (SIGTERM - 1) & 1) != 0;
  }
  return false;
}

class ServiceRetireTest : public EtcdTest {
 protected:
  ServiceRemains Look() {
    absl::StatusOr<ServiceRemains> remains = LookAtRemains(AnyRecordOf(service_));
    EXPECT_TRUE(remains.ok()) << remains.status();
    return remains.ok() ? *remains : ServiceRemains();
  }
};

TEST_F(ServiceRetireTest, StopsAndLeavesDataLogAndFiles) {
  MustRun(ServiceStep, Text(service_));
  pid_t pid = Pid();
  ServiceRemains before = Look();
  EXPECT_TRUE(before.running);
  EXPECT_THAT(before.files, SizeIs(2));
  EXPECT_TRUE(Alive(pid));  // a look is a look

  ASSERT_EQ(RetireService(AnyRecordOf(service_)), absl::OkStatus());
  EXPECT_FALSE(Alive(pid));
  EXPECT_TRUE(Look().none());
  EXPECT_NE(access("rootfs/run/etcd.pid", F_OK), 0);
  EXPECT_NE(access("rootfs/run/kplan/etcd.started", F_OK), 0);
  EXPECT_NE(access("rootfs/run/kplan/etcd.lock", F_OK), 0);
  EXPECT_EQ(access("rootfs/var/log/etcd.log", F_OK), 0);
  EXPECT_EQ(access("rootfs/usr/local/bin/etcd", F_OK), 0);

  ASSERT_EQ(RetireService(AnyRecordOf(service_)), absl::OkStatus());
  EXPECT_EQ(MustRun(ServiceStep, Text(service_)).reason, "started: was not running");
}

TEST_F(ServiceRetireTest, FindsItWithoutPidFileAndMarker) {
  MustRun(ServiceStep, Text(service_));
  pid_t pid = Pid();
  unlink("rootfs/run/etcd.pid");
  unlink("rootfs/run/kplan/etcd.started");
  EXPECT_TRUE(Look().running);
  ASSERT_EQ(RetireService(AnyRecordOf(service_)), absl::OkStatus());
  EXPECT_FALSE(Alive(pid));
}

// The record is of a plan whose service never came to run: what runs is older.
TEST_F(ServiceRetireTest, StopsWhatRunsWithOtherArgumentsThanTheRecords) {
  MustRun(ServiceStep, Text(service_));
  pid_t pid = Pid();
  service_["argv"].push_back({"--snapshot-count=1234", ""});
  ASSERT_EQ(RetireService(AnyRecordOf(service_)), absl::OkStatus());
  EXPECT_FALSE(Alive(pid));
}

TEST_F(ServiceRetireTest, StopsWhatRunsFromAFolderThatIsGone) {
  MustRun(ServiceStep, Text(service_));
  pid_t pid = Pid();
  ASSERT_EQ(kill(pid, SIGSTOP), 0);  // it would make files while they are removed
  AwaitStop(pid);
  Shell({"rm", "-rf", "rootfs"});
  EXPECT_TRUE(Look().running);
  // It goes on only when it was told to end: before that it would make its folder again, and the service
  // would not be one whose folder is gone.
  std::atomic<bool> retired{false};
  std::thread waker([&] {
    while (!retired && !IsToldToEnd(pid)) std::this_thread::yield();
    kill(pid, SIGCONT);
  });
  const absl::Status status = RetireService(AnyRecordOf(service_));
  retired = true;
  waker.join();
  ASSERT_EQ(status, absl::OkStatus());
  EXPECT_FALSE(Alive(pid));
  // (etcd itself may have made its data folder again, in its last moment.)
  EXPECT_NE(access("rootfs/run", F_OK), 0) << "it made the folder again";
}

// A pid file that names a stranger's process stops nobody.
TEST_F(ServiceRetireTest, LeavesOthersAlone) {
  pid_t other = fork();
  if (other == 0) {
    execl("/bin/sleep", "sleep", "1000", nullptr);
    _exit(127);
  }
  Write("rootfs/run/etcd.pid", std::to_string(other) + "\n");
  EXPECT_FALSE(Look().running);
  EXPECT_EQ(RetireService(AnyRecordOf(service_)), absl::OkStatus());
  EXPECT_TRUE(Alive(other));
  EXPECT_TRUE(Look().none());
  kill(other, SIGKILL);
  waitpid(other, nullptr, 0);
}

TEST_F(ServiceRetireTest, WithoutAManagerThereIsNothingToEnd) {
  service_["manager"] = "none";
  EXPECT_TRUE(Look().none());
  EXPECT_EQ(RetireService(AnyRecordOf(service_)), absl::OkStatus());
}

}  // namespace
}  // namespace kplan
