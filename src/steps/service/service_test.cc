#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/process_info.h"
#include "src/host/service_marker.h"
#include "src/steps/service/etcd_testing.h"
#include "src/steps/service/service_state.h"

namespace kplan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kMarker[] = "rootfs/run/kplan/etcd.started";

// A child of this test that is killed and reaped at its end.
class Child {
 public:
  explicit Child(std::vector<std::string> argv) : pid_(fork()) {
    if (pid_ != 0) return;
    std::vector<char*> args;
    for (std::string& arg : argv) args.push_back(arg.data());
    args.push_back(nullptr);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execv(args[0], args.data());
    _exit(127);
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

class ServiceTest : public EtcdTest {
 protected:
  StepResult MustRunIt() { return MustRun(ServiceStep, Text(service_)); }

  // The instance stays and nothing below run/ is written.
  void ExpectNothingDone() {
    pid_t pid = Pid();
    std::string before = Everything("rootfs/run");
    StepResult result = MustRunIt();
    EXPECT_EQ(result.reason, "");
    EXPECT_EQ(Pid(), pid);
    EXPECT_TRUE(Alive(pid));
    EXPECT_EQ(Everything("rootfs/run"), before);
  }

  void ExpectRestart(const std::string& reason) {
    pid_t old = Pid();
    ASSERT_TRUE(Alive(old));
    StepResult result = MustRunIt();
    EXPECT_EQ(result.reason, reason);
    EXPECT_FALSE(Alive(old));
    EXPECT_NE(Pid(), old);
    EXPECT_TRUE(Alive(Pid()));
    ExpectNothingDone();
  }

  void ReplaceBinary(const char* suffix) {
    Shell({"cp", "--remove-destination", "rootfs/usr/local/bin/etcd", "rootfs/usr/local/bin/new"});
    UniqueFd fd(open("rootfs/usr/local/bin/new", O_WRONLY | O_APPEND | O_CLOEXEC));
    ASSERT_EQ(write(fd.get(), suffix, strlen(suffix)), static_cast<ssize_t>(strlen(suffix)));
    fd = UniqueFd();
    ASSERT_EQ(rename("rootfs/usr/local/bin/new", "rootfs/usr/local/bin/etcd"), 0);
  }

  // Until the clocks that file times and start times are read from have clearly moved on.
  static void AwaitNextTick() {
    for (uint64_t start = TicksSinceBoot(); TicksSinceBoot() < start + 3;) usleep(1000);
  }
};

TEST_F(ServiceTest, StartsOnceAndThenDoesNothing) {
  AwaitNextTick();
  StepResult first = MustRunIt();
  EXPECT_EQ(first.reason, "started: was not running");
  EXPECT_EQ(first.digest.size(), 64u);
  EXPECT_THAT(first.files, ElementsAre("./rootfs/run/kplan/etcd.started", "./rootfs/run/etcd.pid"));
  EXPECT_EQ(ModeOf(kMarker), 0644u);
  EXPECT_EQ(*ServiceIsRunning("process", "rootfs", "etcd"), true);
  ExpectNothingDone();
  EXPECT_EQ(MustRunIt().digest, first.digest);
}

TEST_F(ServiceTest, TheChildHasTheRecordsEnvironmentAndNothingElse) {
  setenv("KPLAN_TEST_LEAK", "1", 1);
  MustRunIt();
  std::vector<std::string> names;
  absl::StatusOr<std::vector<std::string>> environment = EnvironmentOf(Pid());
  ASSERT_TRUE(environment.ok());
  for (const std::string& variable : *environment) names.push_back(variable.substr(0, variable.find('=')));
  EXPECT_THAT(names, testing::UnorderedElementsAre("ETCD_UNSUPPORTED_ARCH", "PATH"));
}

TEST_F(ServiceTest, TheFileOfVariablesIsReadAtAStartAndComparedWithNothing) {
  auto generation = [&] {
    absl::StatusOr<std::vector<std::string>> environment = EnvironmentOf(Pid());
    for (const std::string& variable : environment.ok() ? *environment : std::vector<std::string>()) {
      if (absl::StartsWith(variable, "GENERATION=")) return variable.substr(strlen("GENERATION="));
    }
    return std::string("(none)");
  };
  AwaitNextTick();
  Write("rootfs/etc/etcd/bootstrap.env", "# of the tests\nGENERATION=one\n");
  service_["environment-file"] = "/etc/etcd/bootstrap.env";
  MustRunIt();
  EXPECT_EQ(generation(), "one");
  Write("rootfs/etc/etcd/bootstrap.env", "GENERATION=two\nMORE=1\n");
  ExpectNothingDone();
  // Nor where only the process itself tells what it was started with.
  ASSERT_EQ(unlink(kMarker), 0);
  const pid_t pid = Pid();
  EXPECT_EQ(MustRunIt().reason, "");
  EXPECT_EQ(Pid(), pid);
  service_["environment"].push_back("GOGC=50");
  ExpectRestart("restarted: flags changed");
  EXPECT_EQ(generation(), "two");
  // One that is not there, or makes no sense, stops nothing.
  service_["environment"].push_back("GODEBUG=");
  const pid_t second = Pid();
  Write("rootfs/etc/etcd/bootstrap.env", "GENERATION\n");
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("bootstrap.env: line 1"));
  ASSERT_EQ(unlink("rootfs/etc/etcd/bootstrap.env"), 0);
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("bootstrap.env"));
  EXPECT_TRUE(Alive(second));
}

TEST_F(ServiceTest, AwaitStartLeavesTheAnswersToALaterRun) {
  const Json answers = service_["answers"];
  service_["answers"].push_back(absl::StrCat("127.0.0.1:", FreePort()));
  service_["await"] = "start";
  const absl::Time begun = absl::Now();
  EXPECT_EQ(MustRunIt().reason, "started: was not running");
  EXPECT_LT(absl::Now() - begun, absl::Seconds(10));  // and not the 30 s of the record
  ExpectNothingDone();
  const pid_t pid = Pid();
  // What it was started with is known from then on.
  service_.erase("await");
  service_["answers"] = answers;
  EXPECT_EQ(MustRunIt().reason, "");
  EXPECT_EQ(Pid(), pid);
  service_["argv"].push_back({"--auto-compaction-retention=1", ""});
  service_["await"] = "start";
  ExpectRestart("restarted: flags changed");
  service_["await"] = "forever";
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("await"));
}

TEST_F(ServiceTest, ALeafCertificateRestartsNothing) {
  MustRunIt();
  Write("rootfs/etc/etcd/kubernetes.pem", Pki("other-leaf.pem"));
  Write("rootfs/etc/etcd/kubernetes-key.pem", Pki("other-leaf-key.pem"), 0600);
  ExpectNothingDone();
}

TEST_F(ServiceTest, ChangedTrustRestarts) {
  StepResult first = MustRunIt();
  Write("rootfs/etc/etcd/ca.pem", Pki("ca.pem") + Pki("other-ca.pem"));
  ExpectRestart("restarted: trust /etc/etcd/ca.pem changed");
  EXPECT_NE(MustRunIt().digest, first.digest);
}

TEST_F(ServiceTest, AChangedBinaryRestarts) {
  MustRunIt();
  ReplaceBinary("x");
  ExpectRestart("restarted: binary changed");
}

TEST_F(ServiceTest, ChangedFlagsAndEnvironmentRestart) {
  MustRunIt();
  service_["argv"].push_back({"--auto-compaction-retention=1", ""});
  ExpectRestart("restarted: flags changed");
  service_["environment"].push_back("GOGC=50");
  ExpectRestart("restarted: flags changed");
}

TEST_F(ServiceTest, AFileThatWasRepairedRestartsNothing) {
  MustRunIt();
  AwaitNextTick();
  ASSERT_EQ(unlink("rootfs/etc/etcd/ca.pem"), 0);
  Write("rootfs/etc/etcd/ca.pem", Pki("ca.pem"));
  ReplaceBinary("");
  ExpectNothingDone();
}

TEST_F(ServiceTest, AMissingFileIsAnErrorAndStopsNothing) {
  MustRunIt();
  pid_t pid = Pid();
  ASSERT_EQ(unlink("rootfs/etc/etcd/ca.pem"), 0);
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("rootfs/etc/etcd/ca.pem"));
  EXPECT_TRUE(Alive(pid));
}

TEST_F(ServiceTest, WithoutItsMarkerARightInstanceIsAdopted) {
  AwaitNextTick();
  StepResult first = MustRunIt();
  pid_t pid = Pid();
  for (const char* damage : {"", "{\"instance\":1}", "no JSON"}) {
    ASSERT_EQ(unlink(kMarker), 0);
    if (*damage != '\0') Write(kMarker, damage);
    StepResult again = MustRunIt();
    EXPECT_EQ(again.reason, "");
    EXPECT_EQ(again.digest, first.digest);
    EXPECT_EQ(Pid(), pid);
    EXPECT_TRUE(Alive(pid));
    ExpectNothingDone();
  }
}

TEST_F(ServiceTest, WithoutItsMarkerARepairedBinaryIsStillTheSame) {
  AwaitNextTick();
  MustRunIt();
  pid_t pid = Pid();
  ASSERT_EQ(unlink(kMarker), 0);
  ReplaceBinary("");
  EXPECT_EQ(MustRunIt().reason, "");
  EXPECT_EQ(Pid(), pid);
}

TEST_F(ServiceTest, WithoutItsMarkerEveryKindOfChangeIsSeen) {
  AwaitNextTick();
  MustRunIt();
  // The same bytes: but that they are what etcd read cannot be known now.
  Write("rootfs/etc/etcd/ca.pem", Pki("ca.pem"));
  ASSERT_EQ(unlink(kMarker), 0);
  ExpectRestart("restarted: trust /etc/etcd/ca.pem changed");

  AwaitNextTick();
  ASSERT_EQ(unlink(kMarker), 0);
  ReplaceBinary("x");
  ExpectRestart("restarted: binary changed");

  ASSERT_EQ(unlink(kMarker), 0);
  service_["argv"].push_back({"--auto-compaction-retention=1", ""});
  ExpectRestart("restarted: flags changed");

  ASSERT_EQ(unlink(kMarker), 0);
  service_["environment"].clear();
  ExpectRestart("restarted: flags changed");
}

TEST_F(ServiceTest, ALostPidFileIsWrittenAgain) {
  AwaitNextTick();
  MustRunIt();
  pid_t pid = Pid();
  ASSERT_EQ(unlink("rootfs/run/etcd.pid"), 0);
  EXPECT_EQ(MustRunIt().reason, "");
  EXPECT_EQ(Pid(), pid);
  Write("rootfs/run/etcd.pid", "not a number\n");
  EXPECT_EQ(MustRunIt().reason, "");
  EXPECT_EQ(Pid(), pid);
}

TEST_F(ServiceTest, AKilledServiceIsStartedAgain) {
  MustRunIt();
  pid_t pid = Pid();
  ASSERT_EQ(kill(pid, SIGKILL), 0);
  while (Alive(pid)) usleep(1000);
  EXPECT_EQ(*ServiceIsRunning("process", "rootfs", "etcd"), false);
  EXPECT_EQ(MustRunIt().reason, "started: was not running");
  EXPECT_NE(Pid(), pid);
  ExpectNothingDone();
}

TEST_F(ServiceTest, StopServiceStopsOnce) {
  MustRunIt();
  pid_t pid = Pid();
  EXPECT_EQ(*StopService("process", "rootfs", "etcd"), true);
  EXPECT_FALSE(Alive(pid));
  EXPECT_EQ(*StopService("process", "rootfs", "etcd"), false);
}

TEST_F(ServiceTest, ARecycledProcessIdIsLeftAlone) {
  Child stranger({"/bin/sleep", "1000"});
  Write("rootfs/run/etcd.pid", absl::StrCat(stranger.pid(), "\n"));
  EXPECT_EQ(*ServiceIsRunning("process", "rootfs", "etcd"), false);
  EXPECT_EQ(*StopService("process", "rootfs", "etcd"), false);
  EXPECT_EQ(MustRunIt().reason, "started: was not running");
  EXPECT_TRUE(Alive(stranger.pid()));
  EXPECT_NE(Pid(), stranger.pid());
}

TEST_F(ServiceTest, AnIdRecycledByTheSameProgramIsLeftAloneToo) {
  const std::string exe = working_folder_ + "/rootfs/usr/local/bin/etcd";
  const std::vector<std::string> argv = {exe, "--data-dir=" + working_folder_ + "/stranger",
                                         absl::StrCat("--listen-client-urls=http://127.0.0.1:", FreePort()),
                                         "--advertise-client-urls=http://x:1",
                                         absl::StrCat("--listen-peer-urls=http://127.0.0.1:", FreePort())};
  // The pid file is written first, with a number that the kernel gives out soon after.
  std::optional<Child> stranger;
  for (int tries = 0; tries < 20 && !stranger.has_value(); ++tries) {
    pid_t coming = Child({"/bin/true"}).pid() + 20;
    Write("rootfs/run/etcd.pid", absl::StrCat(coming, "\n"));
    AwaitNextTick();
    pid_t last = 0;
    while (last < coming - 1) last = Child({"/bin/true"}).pid();
    stranger.emplace(argv);
    if (stranger->pid() != coming) stranger.reset();
  }
  ASSERT_TRUE(stranger.has_value());
  while (ExeOf(stranger->pid()) != exe) usleep(1000);
  ASSERT_EQ(Pid(), stranger->pid());
  EXPECT_EQ(MustRunIt().reason, "started: was not running");
  EXPECT_TRUE(Alive(stranger->pid()));
}

TEST_F(ServiceTest, ATakenPortIsAnErrorBeforeAnythingIsStarted) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener.get(), 16), 0);
  // The listener accepts connections: that alone must not pass for an etcd that answers.
  std::string error = ErrorOf(ServiceStep, Text(service_));
  EXPECT_THAT(error, HasSubstr(absl::StrCat("127.0.0.1:", port_, " is taken by `service_test` (process ",
                                            getpid(), ", since ")));
  EXPECT_EQ(Pid(), 0);
  EXPECT_NE(access("rootfs/var/log/etcd.log", F_OK), 0);
  listener = UniqueFd();
  EXPECT_EQ(MustRunIt().reason, "started: was not running");
}

TEST_F(ServiceTest, LogLinesAreThoseOfTheLastStart) {
  Write("rootfs/var/log/etcd.log", "an old tale\n", 0640);
  service_["argv"].push_back({"--no-such-flag", ""});
  std::string error = ErrorOf(ServiceStep, Text(service_));
  EXPECT_THAT(error, HasSubstr("no-such-flag"));
  EXPECT_THAT(error, testing::Not(HasSubstr("an old tale")));
  EXPECT_THAT(Read("rootfs/var/log/etcd.log"), testing::StartsWith("an old tale\n"));
}

// More than anybody reads, before a reason in the last line; and a Go program's, whose reason is a screen and
// more above it.
TEST_F(ServiceTest, OfALongLogTheReasonIsShown) {
  Shell(
      {"cp", "--remove-destination", "-L", "/bin/sh", "rootfs/usr/local/bin/etcd"});  // it is a link to etcd
  const auto say = [&](const std::string& script) {
    service_["argv"] = StringPairs{{"", "/usr/local/bin/etcd"}, {"-c", ""}, {script, ""}};
    return ErrorOf(ServiceStep, Text(service_));
  };
  const std::string lines =
      "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo \"line $i of a long log\"; done; ";
  std::string error = say(lines + "echo the reason is here; exit 3");
  EXPECT_THAT(error, HasSubstr("    line 20000 of a long log\n    the reason is here\n"));
  error = say(absl::StrCat("echo 'panic: the disk is on fire'; ", lines, "exit 2"));
  EXPECT_THAT(error, HasSubstr("    panic: the disk is on fire\n"));
  EXPECT_THAT(error, HasSubstr("    line 20000 of a long log\n"));
}

TEST_F(ServiceTest, ALogThatIsALinkIsNotFollowed) {
  Write("victim", "precious");
  ASSERT_TRUE(MakeFolders("rootfs/var/log").ok());
  ASSERT_EQ(symlink((working_folder_ + "/victim").c_str(), "rootfs/var/log/etcd.log"), 0);
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("etcd.log"));
  EXPECT_EQ(Read("victim"), "precious");
}

TEST_F(ServiceTest, ASlowServiceFailsTheStepButIsNotRestarted) {
  service_["answers"].push_back(absl::StrCat("127.0.0.1:", FreePort()));
  service_["timeout"] = 1;
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("does not answer at"));
  pid_t pid = Pid();
  EXPECT_TRUE(Alive(pid));
  service_["answers"].erase(1);
  EXPECT_EQ(MustRunIt().reason, "");
  EXPECT_EQ(Pid(), pid);
}

TEST_F(ServiceTest, ALongWaitIsTold) {
  EXPECT_EQ(MustRunIt().output, "");
  ASSERT_EQ(*StopService("process", "rootfs", "etcd"), true);
  // One that takes its time.
  Shell({"cp", "-L", "/usr/bin/python3", "rootfs/usr/local/bin/slow"});
  service_["argv"] =
      StringPairs{{"", "/usr/local/bin/slow"},
                  {"-c", ""},
                  {absl::StrCat("import socket,time\ntime.sleep(2.1)\ns=socket.create_server(('127.0.0.1',",
                                port_, "))\ntime.sleep(1000)"),
                   ""}};
  service_["restart-on"] = {"/usr/local/bin/slow"};
  EXPECT_THAT(MustRunIt().output,
              testing::MatchesRegex(
                  absl::StrCat("test: waited [2-9]\\.[0-9] s until 127.0.0.1:", port_, " answered\n")));
  EXPECT_EQ(MustRunIt().output, "");
}

TEST_F(ServiceTest, AStartThatWasNotSeenToEndIsAdoptedByItsMarker) {
  MustRunIt();
  pid_t pid = Pid();
  std::optional<ServiceMarker> marker = ReadMarker("rootfs", "etcd");
  ASSERT_TRUE(marker.has_value());
  marker->instance.clear();
  ASSERT_TRUE(WriteMarker("rootfs", "etcd", *marker).ok());
  // By its times alone this file would be a reason to restart.
  Write("rootfs/etc/etcd/ca.pem", Pki("ca.pem"));
  EXPECT_EQ(MustRunIt().reason, "");
  EXPECT_EQ(Pid(), pid);
  EXPECT_NE(ReadMarker("rootfs", "etcd")->instance, "");
}

TEST_F(ServiceTest, ARestartThatWasBegunIsNotForgotten) {
  MustRunIt();
  std::optional<ServiceMarker> marker = ReadMarker("rootfs", "etcd");
  ASSERT_TRUE(marker.has_value());
  marker->replaces = marker->instance;
  marker->instance.clear();
  ASSERT_TRUE(WriteMarker("rootfs", "etcd", *marker).ok());
  ExpectRestart("restarted: an earlier restart was not finished");
}

// kplan is killed at many moments of a start; the next run completes, with one etcd, and the run after does
// nothing.
TEST_F(ServiceTest, KilledAtAnyMoment) {
  const std::string exe = working_folder_ + "/rootfs/usr/local/bin/etcd";
  // How long a start takes on this machine, busy as it may be.
  const absl::Time begun = absl::Now();
  MustRunIt();
  const int64_t whole = absl::ToInt64Microseconds(absl::Now() - begun);
  EXPECT_EQ(*StopService("process", "rootfs", "etcd"), true);
  int adopted = 0;
  for (int i = 0; i < 80; ++i) {
    const int64_t moment = whole * i / 64;
    pid_t child = fork();
    if (child == 0) {
      absl::StatusOr<StepResult> ignored = Run(ServiceStep, Text(service_));
      _exit(ignored.ok() ? 0 : 1);
    }
    usleep(static_cast<useconds_t>(moment));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::vector<pid_t> left = ProcessesRunning(exe);
    ASSERT_LE(left.size(), 1u);
    StepResult result = MustRunIt();
    if (!left.empty()) {
      EXPECT_EQ(result.reason, "") << "after " << moment << " us";
      EXPECT_EQ(Pid(), left[0]);
      ++adopted;
    }
    EXPECT_THAT(ProcessesRunning(exe), ElementsAre(Pid()));
    ExpectNothingDone();
    EXPECT_EQ(*StopService("process", "rootfs", "etcd"), true);
  }
  EXPECT_GT(adopted, 0);
}

// What waits for the restart (host/waiting_file.h).
class ServiceThatIsWaitedForTest : public ServiceTest {
 protected:
  static constexpr char kPlace[] = "rootfs/etc/etcd/ca.pem";
  static constexpr char kBeside[] = "rootfs/etc/etcd/.ca.pem.kplan-next";

  // Another trust, which waits; gives its text.
  std::string Wait() {
    const std::string next = absl::StrCat(Pki("ca.pem"), "# ", ++next_, "\n");
    Write(kBeside, next);
    return next;
  }
  void ExpectInPlace(const std::string& text) {
    EXPECT_EQ(Read(kPlace), text);
    EXPECT_FALSE(Exists(kBeside));
    std::optional<ServiceMarker> marker = ReadMarker("rootfs", "etcd");
    ASSERT_TRUE(marker.has_value());
    EXPECT_EQ(marker->files["/etc/etcd/ca.pem"].sha256, Sha256Hex(text));
    EXPECT_EQ(marker->instance, FindInstance(Pid())->ToString());
  }

  int next_ = 0;
};

TEST_F(ServiceThatIsWaitedForTest, ARestartPutsItInPlace) {
  MustRunIt();
  std::string next = Wait();
  ExpectRestart("restarted: trust /etc/etcd/ca.pem changed");
  ExpectInPlace(next);
  // By evidence.
  AwaitNextTick();
  next = Wait();
  ASSERT_EQ(unlink(kMarker), 0);
  ExpectRestart("restarted: trust /etc/etcd/ca.pem changed");
  ExpectInPlace(next);
}

TEST_F(ServiceThatIsWaitedForTest, AStartPutsItInPlace) {
  MustRunIt();
  EXPECT_EQ(*StopService("process", "rootfs", "etcd"), true);
  const std::string next = Wait();
  EXPECT_EQ(MustRunIt().reason, "started: was not running");
  ExpectInPlace(next);
  ExpectNothingDone();
}

TEST_F(ServiceThatIsWaitedForTest, WhatRunsAlreadyIsPutInPlaceWithoutARestart) {
  MustRunIt();
  const pid_t pid = Pid();
  const std::string text = Read(kPlace);
  Write(kPlace, "edited");
  Write(kBeside, text);
  EXPECT_EQ(MustRunIt().reason, "");
  EXPECT_EQ(Pid(), pid);
  EXPECT_EQ(Read(kPlace), text);
  EXPECT_FALSE(Exists(kBeside));
  ExpectNothingDone();
}

TEST_F(ServiceThatIsWaitedForTest, WhatCannotBePutInPlaceStopsNothing) {
  MustRunIt();
  const pid_t pid = Pid();
  Wait();
  ASSERT_EQ(unlink(kPlace), 0);
  ASSERT_EQ(mkdir(kPlace, 0755), 0);
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("cannot put in place"));
  EXPECT_TRUE(Alive(pid));
  EXPECT_EQ(Pid(), pid);
  // What would be started in this moment is not known to have it.
  std::optional<ServiceMarker> marker = ReadMarker("rootfs", "etcd");
  ASSERT_TRUE(marker.has_value());
  EXPECT_EQ(marker->files.count("/etc/etcd/ca.pem"), 0u);
  EXPECT_EQ(marker->files.count("/usr/local/bin/etcd"), 1u);
  ASSERT_EQ(rmdir(kPlace), 0);
  ExpectRestart("restarted: an earlier restart was not finished");
}

// What a run that was killed leaves at each point.
TEST_F(ServiceThatIsWaitedForTest, ARestartThatWasCutShort) {
  MustRunIt();
  auto unsure = [&](bool of_this_one) {
    std::optional<ServiceMarker> marker = ReadMarker("rootfs", "etcd");
    marker->replaces = of_this_one ? marker->instance : "another";
    marker->instance.clear();
    marker->files.erase("/etc/etcd/ca.pem");
    return WriteMarker("rootfs", "etcd", *marker).ok();
  };
  for (const bool in_place : {false, true}) {
    std::string next = Wait();
    ASSERT_TRUE(unsure(true));
    if (in_place) {
      ASSERT_EQ(rename(kBeside, kPlace), 0);
    }
    ExpectRestart("restarted: an earlier restart was not finished");
    ExpectInPlace(next);
    // It ended in between, and somebody else started it: with which of the two nobody knows.
    next = Wait();
    ASSERT_TRUE(unsure(false));
    if (in_place) {
      ASSERT_EQ(rename(kBeside, kPlace), 0);
    }
    ExpectRestart("restarted: trust /etc/etcd/ca.pem changed");
    ExpectInPlace(next);
  }
}

TEST_F(ServiceThatIsWaitedForTest, KilledAtAnyMoment) {
  const std::string exe = working_folder_ + "/rootfs/usr/local/bin/etcd";
  MustRunIt();
  int in_between = 0;
  for (int i = 0; i < 60; ++i) {
    const pid_t before = Pid();
    const std::string next = Wait();
    pid_t child = fork();
    if (child == 0) {
      absl::StatusOr<StepResult> ignored = Run(ServiceStep, Text(service_));
      _exit(ignored.ok() ? 0 : 1);
    }
    usleep(i * 200);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    if (!Exists(kBeside) && Alive(before)) ++in_between;
    ASSERT_LE(ProcessesRunning(exe).size(), 1u);
    MustRunIt();
    EXPECT_FALSE(Alive(before)) << "after " << i * 200 << " us it runs with the old one";
    EXPECT_THAT(ProcessesRunning(exe), ElementsAre(Pid()));
    ExpectInPlace(next);
    ExpectNothingDone();
  }
  EXPECT_GT(in_between, 0) << "no kill came between the two";
}

TEST_F(ServiceTest, NoneStartsNothing) {
  service_["manager"] = "none";
  StepResult first = MustRunIt();
  EXPECT_EQ(Pid(), 0);
  EXPECT_TRUE(first.files.empty());
  EXPECT_THAT(first.output, HasSubstr("nothing is started"));
  EXPECT_EQ(MustRunIt().digest, first.digest);
  Write("rootfs/etc/etcd/ca.pem", Pki("other-ca.pem"));
  EXPECT_NE(MustRunIt().digest, first.digest);
  EXPECT_FALSE(Exists("rootfs/run"));
}

TEST_F(ServiceTest, RecordsThatMakeNoSenseAreRefused) {
  service_["manager"] = "systemd";
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("./rootfs"));
  service_["manager"] = "upstart";
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("upstart"));
  service_["manager"] = "process";
  service_["root"] = "./nowhere";
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("./nowhere"));
  service_.erase("argv");
  EXPECT_THAT(ErrorOf(ServiceStep, Text(service_)), HasSubstr("argv"));
}

}  // namespace
}  // namespace kplan
