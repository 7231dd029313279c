// A service that runs with what its record names.
//
// Record: {"answers":["127.0.0.1:2379"], "argv":[[TEXT, PATH],...], "environment":["NAME=value"],
// "kind":"service",
//   "manager":"systemd|process|none", "name":"etcd", "restart-on":[PATH,...], "root":"/", "timeout":SECONDS,
//   "unit":"/etc/systemd/system/etcd.service"}
// One argument is TEXT, followed by PATH below the root when there is one; the first is the program. Every
// PATH and everything in restart-on is a path inside the root. answers are the addresses at which the service
// accepts TCP connections once it is up.
//
// The service is started, or started again, when it does not run, or runs with other inputs than the files in
// restart-on (and the arguments and environment) now are. What it was started with is known
//   - from the marker (service_marker.h), by digest, when that is about the running instance;
//   - otherwise from the process itself: the program that it executes, byte for byte; its arguments; its
//   environment; and
//     that no other file of restart-on changed after its start. When all of these fit, the instance is
//     adopted: it gets its marker and is not touched. Doubt means a restart.
// The marker is written before the step waits for answers: a service that comes up too slowly fails the step
// (so that its stamp, which is the debt, is not paid) but is not started again for that by the next run.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/base/digest.h"
#include "src/steps/host_file.h"
#include "src/steps/listening.h"
#include "src/steps/process_manager.h"
#include "src/steps/service_log.h"
#include "src/steps/service_marker.h"
#include "src/steps/service_state.h"
#include "src/steps/step.h"
#include "src/steps/systemd.h"

namespace kplan {
namespace {

struct Service {
  std::string manager, root, unit;
  StringPairs argv;  // as in the record
  std::vector<std::string> answers, restart_on;
  absl::Duration timeout;
  ProcessSpec process;  // root, name, the real argv, environment
};

struct Running {
  std::optional<Instance> instance;
  // systemd only:
  std::string invocation;
  bool active = false;
  bool unit_changed = false;  // the unit on disk is newer than the one that systemd had
};

absl::StatusOr<Service> ReadService(const Record& record) {
  Service service;
  service.manager = record.String("manager");
  service.root = record.String("root");
  service.unit = record.StringOr("unit", "");
  service.argv = record.Pairs("argv");
  service.answers = record.Strings("answers");
  service.restart_on = record.Strings("restart-on");
  service.timeout = absl::Seconds(record.Int("timeout"));
  service.process.name = record.String("name");
  service.process.environment = record.Strings("environment");
  if (!record.status().ok()) return record.status();
  if (service.argv.empty()) return absl::DataLossError("the record has no argv");
  if (service.manager != "systemd" && service.manager != "process" && service.manager != "none") {
    return absl::InvalidArgumentError(absl::StrCat("no service manager \"", service.manager, "\""));
  }
  if (service.manager == "systemd" && service.root != "/") {
    return absl::InvalidArgumentError(
        absl::StrCat("systemd manages the services of this machine's /, not of ", service.root,
                     "; use service-manager: process or none"));
  }
  absl::StatusOr<std::string> root = RealRoot(service.root);
  if (!root.ok()) return root.status();
  service.process.root = *root;
  for (const auto& [text, path] : service.argv) {
    service.process.argv.push_back(path.empty() ? text : absl::StrCat(text, PathFromHere(*root, path)));
  }
  return service;
}

// What PATH is to the service, for the person.
std::string Describe(const Service& service, const std::string& path) {
  if (path == service.argv[0].second) return "binary changed";
  if (path == service.unit) return "unit changed";
  for (const auto& [text, argument_path] : service.argv) {
    if (argument_path == path && absl::StrContains(text, "trusted-ca-file")) {
      return absl::StrCat("trust ", path, " changed");
    }
  }
  return absl::StrCat(path, " changed");
}

std::string CommandDigest(const ProcessSpec& process) {
  RecordWriter writer;
  writer.Add("argv", process.argv).Add("environment", process.environment);
  return Sha256Hex(std::move(writer).Finish());
}

// Why what the marker says of the running instance is not what is wanted; empty when it is.
std::vector<std::string> DifferencesByMarker(const Service& service, const ServiceMarker& marker,
                                             const ServiceMarker& wanted) {
  std::vector<std::string> reasons;
  for (const std::string& path : service.restart_on) {
    auto known = marker.files.find(path);
    if (known == marker.files.end() || known->second.sha256 != wanted.files.at(path).sha256) {
      reasons.push_back(Describe(service, path));
    }
  }
  if (marker.command != wanted.command) reasons.push_back("flags changed");
  return reasons;
}

bool SameEnvironment(std::vector<std::string> process, std::vector<std::string> wanted) {
  auto is_path = [](const std::string& variable) { return absl::StartsWith(variable, "PATH="); };
  process.erase(std::remove_if(process.begin(), process.end(), is_path), process.end());
  wanted.erase(std::remove_if(wanted.begin(), wanted.end(), is_path), wanted.end());
  std::sort(process.begin(), process.end());
  std::sort(wanted.begin(), wanted.end());
  return process == wanted;
}

// The same from the process itself, for want of a marker.
absl::StatusOr<std::vector<std::string>> DifferencesByEvidence(const Service& service, const Running& running,
                                                               const ServiceMarker& wanted) {
  const Instance& instance = *running.instance;
  std::vector<std::string> reasons;
  absl::StatusOr<std::vector<std::string>> argv = ArgvOf(instance.pid);
  if (!argv.ok()) return argv.status();
  bool same_command = *argv == service.process.argv;
  if (same_command && service.manager == "process") {
    absl::StatusOr<std::vector<std::string>> environment = EnvironmentOf(instance.pid);
    if (!environment.ok()) return environment.status();
    same_command = SameEnvironment(*std::move(environment), service.process.environment);
  }
  if (!same_command) reasons.push_back("flags changed");
  if (running.unit_changed) reasons.push_back("unit changed");
  for (const std::string& path : service.restart_on) {
    if (path == service.unit && running.unit_changed) continue;
    if (path == service.argv[0].second) {
      absl::StatusOr<std::string> digest = Sha256HexOfFile(ExeContentPath(instance.pid));
      // It is /proc that may not let us look (a service of another user, in a container): doubt, again.
      if (!digest.ok() || *digest != wanted.files.at(path).sha256) reasons.push_back(Describe(service, path));
      continue;
    }
    absl::StatusOr<bool> unchanged = UnchangedSinceStart(PathFromHere(service.process.root, path), instance);
    if (!unchanged.ok()) return unchanged.status();
    if (!*unchanged) reasons.push_back(Describe(service, path));
  }
  return reasons;
}

absl::StatusOr<Running> LookAtRunning(const Service& service) {
  Running running;
  if (service.manager == "process") {
    running.instance = FindRunning(service.process);
    return running;
  }
  absl::StatusOr<UnitState> state = PrepareUnit(service.process.name);
  if (!state.ok()) return state.status();
  running.invocation = state->invocation;
  running.unit_changed = state->needs_daemon_reload;
  running.active = state->active_state == "active";
  if (running.active || state->active_state == "reloading" || state->active_state == "activating") {
    running.instance = FindInstance(state->main_pid);
  }
  return running;
}

absl::StatusOr<Instance> AwaitMainProcess(const Service& service, const std::string& old_invocation,
                                          absl::Time deadline) {
  const std::string& name = service.process.name;
  absl::StatusOr<UnitState> state = AwaitUnit(name, old_invocation, deadline);
  if (!state.ok()) return state.status();
  std::optional<Instance> instance = FindInstance(state->main_pid);
  if (instance.has_value()) return *instance;
  return absl::AbortedError(absl::StrCat(
      name, ".service is active but has no main process; its last log lines:\n", LastLines(JournalOf(name))));
}

// Stops what runs, if anything does, and starts the service. Not done before its instance is known.
absl::StatusOr<Instance> Start(const Service& service, const Running& running, absl::Time deadline) {
  if (service.manager == "systemd") {
    if (absl::Status status = RestartUnit(service.process.name); !status.ok()) return status;
    return AwaitMainProcess(service, running.invocation, deadline);
  }
  if (running.instance.has_value()) {
    if (absl::Status status = StopInstance(*running.instance); !status.ok()) return status;
  }
  return StartProcess(service.process);
}

// Waits until INSTANCE itself accepts connections at every address of `answers`.
absl::Status AwaitAnswers(const Service& service, const Instance& instance, absl::Time deadline) {
  const std::string& name = service.process.name;
  auto with_log = [&](absl::string_view what) {
    return absl::AbortedError(absl::StrCat(what, "; the last log lines of ", name, ":\n",
                                           LastLogLines(service.manager, service.process.root, name, 3)));
  };
  absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(instance);
  if (absl::IsNotFound(process.status())) return with_log(absl::StrCat(name, " ended"));
  if (!process.ok()) return process.status();
  for (const std::string& answer : service.answers) {
    absl::StatusOr<HostPort> target = ParseHostPort(answer);
    if (!target.ok()) return target.status();
    absl::StatusOr<SocketAddresses> addresses = ResolveAddresses(*target);
    if (!addresses.ok()) return addresses.status();
    for (;;) {
      // A socket that listens accepts connections; making one would only leave a complaint in etcd's log.
      absl::StatusOr<bool> ours = ListensAt(instance.pid, *addresses);
      if (ours.ok() && *ours) break;
      if (service.manager == "systemd") {
        // It says itself that the service is up; perhaps by a process other than the main one.
        if (ConnectTcp(*addresses, deadline).ok()) break;
      } else if (!ours.ok() && !absl::IsNotFound(ours.status())) {
        return ours.status();
      }
      if (absl::Now() >= deadline) {
        const bool taken = ConnectTcp(*addresses, absl::Now() + absl::Seconds(1)).ok();
        return with_log(absl::StrCat(name, " (process ", instance.pid, ") does not answer at ", answer,
                                     " after ", absl::FormatDuration(service.timeout),
                                     taken ? ": another process does" : ""));
      }
      if (process->AwaitEnd(absl::Milliseconds(5))) {
        return with_log(absl::StrCat(name, " ended before it answered at ", answer));
      }
    }
  }
  return absl::OkStatus();
}

std::string ArtifactDigest(const std::string& instance, const std::map<std::string, FileSeen>& files) {
  Sha256Stream digest;
  digest.Update(absl::StrCat(instance, "\n"));
  for (const auto& [path, seen] : files) digest.Update(absl::StrCat(seen.sha256, " ", path, "\n"));
  return digest.FinishHex();
}

}  // namespace

absl::StatusOr<StepResult> ServiceStep(const StepContext&, const Record& record) {
  absl::StatusOr<Service> read = ReadService(record);
  if (!read.ok()) return read.status();
  const Service& service = *read;
  const std::string &root = service.process.root, &name = service.process.name;

  UniqueFd lock;
  if (service.manager != "none") {
    absl::StatusOr<UniqueFd> taken = LockService(root, name);
    if (!taken.ok()) return taken.status();
    lock = *std::move(taken);
  }

  // Read before anything is started: what is in the marker is at most older than what the service then reads.
  std::optional<ServiceMarker> marker = ReadMarker(root, name);
  const std::map<std::string, FileSeen> nothing_known;
  absl::StatusOr<std::map<std::string, FileSeen>> files =
      LookAtFiles(root, service.restart_on, marker.has_value() ? marker->files : nothing_known);
  if (!files.ok()) return files.status();

  StepResult result;
  if (service.manager == "none") {
    result.digest = ArtifactDigest("none", *files);
    result.output =
        absl::StrCat(name, ": its files are in place; nothing is started (service-manager: none)");
    return result;
  }

  absl::StatusOr<Running> running = LookAtRunning(service);
  if (!running.ok()) return running.status();
  ServiceMarker wanted;
  wanted.files = *std::move(files);
  if (service.manager == "process") {
    wanted.exe = service.process.Exe();
    wanted.command = CommandDigest(service.process);
  }
  wanted.begun_ticks = TicksSinceBoot();
  wanted.boot = BootId();

  std::vector<std::string> reasons;
  const bool known =
      running->instance.has_value() && marker.has_value() && marker->IsAbout(*running->instance);
  if (!running->instance.has_value()) {
    reasons.push_back("was not running");
  } else if (marker.has_value() && marker->instance.empty() &&
             marker->replaces == running->instance->ToString()) {
    // A run before this one had a reason to replace this very instance, and was killed before it could.
    reasons.push_back("an earlier restart was not finished");
  } else if (known) {
    reasons = DifferencesByMarker(service, *marker, wanted);
  } else {
    absl::StatusOr<std::vector<std::string>> differences = DifferencesByEvidence(service, *running, wanted);
    if (!differences.ok()) return differences.status();
    reasons = *std::move(differences);
  }

  const absl::Time deadline = absl::Now() + service.timeout;
  Instance instance;
  if (reasons.empty()) {
    instance = *running->instance;
    if (service.manager == "process") {
      if (absl::Status status = EnsurePidFile(service.process, instance); !status.ok()) return status;
    } else if (!running->active) {
      // It is on its way up, started at boot or by a run that was killed.
      absl::StatusOr<Instance> active = AwaitMainProcess(service, "", deadline);
      if (!active.ok()) return active.status();
      instance = *active;
    }
  } else {
    result.reason = absl::StrCat(running->instance.has_value() ? "restarted: " : "started: ",
                                 absl::StrJoin(reasons, ", "));
    if (running->instance.has_value()) wanted.replaces = running->instance->ToString();
    if (absl::Status status = WriteMarker(root, name, wanted); !status.ok()) return status;
    absl::StatusOr<Instance> started = Start(service, *running, deadline);
    if (!started.ok()) return started.status();
    instance = *started;
  }
  if (!reasons.empty() || !known || marker->instance.empty()) {
    wanted.instance = instance.ToString();
    if (absl::Status status = WriteMarker(root, name, wanted); !status.ok()) return status;
  }
  if (absl::Status status = AwaitAnswers(service, instance, deadline); !status.ok()) return status;

  result.digest = ArtifactDigest(instance.ToString(), wanted.files);
  result.files.push_back(MarkerPath(service.root, name));
  if (service.manager == "process") {
    result.files.push_back(PidFilePath(service.root, name));
  } else {
    // A unit that somebody disabled runs on, and does not come back after a reboot.
    for (std::string& link : EnablementLinks(name)) result.files.push_back(std::move(link));
  }
  return result;
}

}  // namespace kplan
