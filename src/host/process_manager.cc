#include "src/host/process_manager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/process_failure.h"
#include "src/base/real_path.h"
#include "src/base/text.h"
#include "src/host/service_log.h"
#include "src/host/service_marker.h"

namespace kplan {
namespace {

constexpr char kPidFolder[] = "/run";
constexpr char kStarter[] = "start-stop-daemon";

absl::Status EndedAtOnce(const ProcessSpec& spec) {
  return absl::AbortedError(absl::StrCat(spec.name, " ended at once; the last lines of ",
                                         LogPath(spec.root, spec.name), ":\n",
                                         LastLines(LogOfThisStart(spec.root, spec.name), 3)));
}

// The arguments of PID, which must be running EXE. There is a moment, in the middle of an exec, when the
// program is the new one and its arguments are not there yet.
std::vector<std::string> SettledArgv(pid_t pid, const std::string& exe) {
  for (;;) {
    absl::StatusOr<std::vector<std::string>> argv = ArgvOf(pid);
    if (!argv.ok()) return {};
    if (!argv->empty() || ExeOf(pid) != exe) return *std::move(argv);
  }
}

// A kplan that was killed while it started the service leaves a start-stop-daemon that goes on: waits for it
// to end and for what it forked to have become the service, so that there are never two.
// A list of processes misses what was forked while it was read, and the parent may be gone when the list
// comes to it. start-stop-daemon forks twice (daemonize() of dpkg 1.21), so two lists in a row can miss it,
// and three cannot.
void AwaitStartUnderWay(const ProcessSpec& spec) {
  constexpr int kForks = 2;
  const std::string pid_file = PidFilePath(spec.root, spec.name);
  const std::string starter = RealPath(FindProgram(kStarter));
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  for (int unseen = 0; unseen <= kForks && absl::Now() < deadline; ++unseen) {
    for (pid_t pid : ProcessesRunning(starter)) {
      std::optional<Instance> instance = FindInstance(pid);
      std::vector<std::string> argv = SettledArgv(pid, starter);
      if (!instance.has_value() || std::find(argv.begin(), argv.end(), pid_file) == argv.end()) continue;
      unseen = -1;
      absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(*instance);
      while (process.ok() && ExeOf(pid) == starter && !process->AwaitEnd(absl::Milliseconds(1))) {
        if (absl::Now() > deadline) return;
      }
    }
  }
}

std::optional<Instance> FindByProgramAndArguments(const ProcessSpec& spec) {
  const std::string exe = spec.Exe();
  for (pid_t pid : ProcessesRunning(exe)) {
    std::optional<Instance> instance = FindInstance(pid);
    if (instance.has_value() && SettledArgv(pid, exe) == spec.argv) return instance;
  }
  return std::nullopt;
}

}  // namespace

std::string ProcessSpec::Exe() const { return RealPath(argv[0]); }

std::optional<Instance> FindRunning(const ProcessSpec& spec, bool await_start) {
  if (std::optional<Instance> instance = InstanceOfPidFile(spec.root, spec.name, spec.Exe())) return instance;
  if (await_start) AwaitStartUnderWay(spec);
  return FindByProgramAndArguments(spec);
}

absl::Status EnsurePidFile(const ProcessSpec& spec, const Instance& instance) {
  std::optional<Instance> named = InstanceOfPidFile(spec.root, spec.name, spec.Exe());
  if (named.has_value() && *named == instance) return absl::OkStatus();
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(spec.root, kPidFolder, /*create=*/true);
  if (!folder.ok()) return folder.status();
  absl::StatusOr<PendingFile> file =
      PendingFile::Create(folder->get(), absl::StrCat(spec.name, ".pid"), 0644);
  if (!file.ok()) return file.status();
  if (absl::Status status = file->Append(absl::StrCat(instance.pid, "\n")); !status.ok()) return status;
  return file->Commit();
}

absl::StatusOr<Instance> StartProcess(const ProcessSpec& spec) {
  absl::StatusOr<UniqueFd> run = OpenFolderBelow(spec.root, kPidFolder, /*create=*/true);
  if (!run.ok()) return run.status();
  // The caller has seen that nothing runs. A pid file that is left would make start-stop-daemon look at
  // whatever process has that number now.
  const std::string pid_file = absl::StrCat(spec.name, ".pid");
  if (unlinkat(run->get(), pid_file.c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, absl::StrCat("cannot remove the old ", PidFilePath(spec.root, spec.name)));
  }
  if (absl::Status status = BeginLogSection(spec.root, spec.name); !status.ok()) return status;

  std::vector<std::string> command = {"start-stop-daemon",
                                      "--start",
                                      "--quiet",
                                      "--background",
                                      "--make-pidfile",
                                      "--pidfile",
                                      PidFilePath(spec.root, spec.name),
                                      "--output",
                                      LogPath(spec.root, spec.name),
                                      "--chdir",
                                      spec.root,
                                      "--exec",
                                      spec.argv[0],
                                      "--"};
  command.insert(command.end(), spec.argv.begin() + 1, spec.argv.end());
  RunOptions options;
  options.environment = spec.environment;
  absl::StatusOr<RunResult> result = Run(command, options);
  if (!result.ok()) return result.status();
  if (!result->ok()) {
    return absl::AbortedError(absl::StrCat("start-stop-daemon could not start ", spec.argv[0], " (exit ",
                                           result->exit_code, "): ", FailureOf(*result)));
  }

  absl::StatusOr<std::string> text = ReadFile(PidFilePath(spec.root, spec.name), 64);
  if (!text.ok()) return text.status();
  pid_t pid = static_cast<pid_t>(strtol(text->c_str(), nullptr, 10));
  std::optional<Instance> instance = FindInstance(pid);
  if (!instance.has_value()) return EndedAtOnce(spec);
  absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(*instance);
  if (!process.ok()) return EndedAtOnce(spec);
  // start-stop-daemon returns when it has forked, which can be before the child became the program.
  const std::string exe = spec.Exe();
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (ExeOf(pid) != exe) {
    if (process->AwaitEnd(absl::Milliseconds(1))) return EndedAtOnce(spec);
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("process ", pid, " did not become ", exe, " within 10 s; it is ", ExeOf(pid)));
    }
  }
  return *instance;
}

absl::Status StopInstance(const Instance& instance) {
  absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(instance);
  if (absl::IsNotFound(process.status())) return absl::OkStatus();
  if (!process.ok()) return process.status();
  if (absl::Status status = process->Signal(SIGTERM); !status.ok()) return status;
  if (process->AwaitEnd(absl::Seconds(10))) return absl::OkStatus();
  if (absl::Status status = process->Signal(SIGKILL); !status.ok()) return status;
  if (process->AwaitEnd(absl::Seconds(5))) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("process ", instance.pid, " does not end, not even after SIGKILL"));
}

}  // namespace kplan
