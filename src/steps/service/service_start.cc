#include "src/steps/service/service_start.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/text.h"
#include "src/probe/listening.h"
#include "src/steps/service/service_reload.h"
#include "src/steps/service/unit_beginning.h"
#include "src/systemd/environment_file.h"
#include "src/systemd/time_span.h"
#include "src/systemd/unit_drop_ins.h"
#include "src/systemd/unit_journal.h"

namespace kplan {
namespace {

// From when a process that ends has given back its memory, and /proc hides its descriptors, until it counts
// as ended.
constexpr absl::Duration kMomentToEnd = absl::Milliseconds(100);

// As model/start_timeout.h, kMostOfUnit.
constexpr absl::Duration kMostOfUnit = absl::Hours(1);
constexpr char kTimeoutStart[] = "TimeoutStartUSec";

// Whether a drop-in may say how long the start of SERVICE takes. One that cannot be read says nothing.
bool HasTimeoutOfDropIn(const ServiceSpec& service) {
  const absl::StatusOr<std::vector<DropIn>> drop_ins = DropInsOf(service.root, service.process.name);
  return drop_ins.ok() && std::any_of(drop_ins->begin(), drop_ins->end(), [](const DropIn& drop_in) {
           return absl::StrContains(drop_in.text, "TimeoutStartSec") ||
                  absl::StrContains(drop_in.text, "TimeoutSec");
         });
}

}  // namespace

absl::Duration StartTimeout(const ServiceSpec& service) {
  if (service.manager != "systemd" || !HasTimeoutOfDropIn(service)) return service.timeout;
  absl::StatusOr<std::map<std::string, std::string>> properties =
      ShowProperties(service.process.name, {kTimeoutStart});
  // What cannot be asked bounds nothing: the start itself says what is wrong.
  if (!properties.ok()) return service.timeout;
  const std::optional<absl::Duration> unit = ParseTimeSpan((*properties)[kTimeoutStart]);
  if (!unit.has_value()) return service.timeout;
  return std::max(service.timeout, std::min(*unit, kMostOfUnit));
}

absl::StatusOr<RunningService> RunningUnit(const absl::StatusOr<UnitState>& state) {
  if (!state.ok()) return state.status();
  RunningService running;
  running.invocation = state->invocation;
  running.unit_changed = state->needs_daemon_reload;
  running.active = state->active_state == "active";
  if (running.active || state->active_state == "reloading" || state->active_state == "activating") {
    running.instance = FindInstance(state->main_pid);
  }
  if (state->active_state == "activating" && !running.instance.has_value()) {
    running.coming_up = BeginningOf(*state);
    running.between_tries = state->sub_state == "auto-restart";
  }
  return running;
}

absl::StatusOr<Instance> AwaitMainProcess(const ServiceSpec& service, const std::string& old_invocation,
                                          absl::Time deadline, Clock* clock) {
  const std::string& name = service.process.name;
  const UnitPhase phase = service.await_start ? UnitPhase::kStarted : UnitPhase::kActive;
  absl::StatusOr<UnitState> state = AwaitUnit(name, old_invocation, phase, deadline, clock);
  if (!state.ok()) return state.status();
  std::optional<Instance> instance = FindInstance(state->main_pid);
  if (instance.has_value()) return *instance;
  if (service.await_start && state->main_pid != 0) {
    return absl::AbortedError(absl::StrCat(name, ".service ended at once; its last log lines:\n",
                                           LastLines(JournalOf(name, state->invocation), 3)));
  }
  return absl::AbortedError(absl::StrCat(
      name, ".service is active but has no main process; its last log lines:\n", LastLines(JournalOf(name))));
}

absl::StatusOr<Instance> StartService(const ServiceSpec& service, const RunningService& running,
                                      absl::Time deadline, Clock* clock) {
  if (service.manager == "systemd") {
    if (absl::Status status = RestartUnit(service.process.name); !status.ok()) return status;
    return AwaitMainProcess(service, running.invocation, deadline, clock);
  }
  ProcessSpec process = service.process;
  if (!service.environment_file.empty()) {  // read before anything is stopped
    absl::StatusOr<std::vector<std::string>> variables = ReadEnvironmentFile(service.environment_file);
    if (!variables.ok()) return variables.status();
    process.environment = WithVariables(std::move(process.environment), *variables);
  }
  if (running.instance.has_value()) {
    if (absl::Status status = StopInstance(*running.instance); !status.ok()) return status;
  }
  return StartProcess(process);
}

absl::StatusOr<Instance> ReloadService(const ServiceSpec& service, const Instance& instance,
                                       absl::Time deadline, Clock* clock) {
  if (service.manager != "systemd") {
    absl::Status status = ReloadProcess(service.process.name, instance);
    if (!status.ok()) return status;
    return instance;
  }
  if (absl::Status status = ReloadUnit(service.process.name); !status.ok()) return status;
  return AwaitMainProcess(service, "", deadline, clock);
}

absl::StatusOr<std::optional<Instance>> RestartIfRunning(const ServiceSpec& service) {
  if (absl::Status status = TryRestartUnit(service.process.name); !status.ok()) return status;
  absl::StatusOr<RunningService> running = RunningUnit(ShowUnit(service.process.name));
  if (!running.ok()) return running.status();
  return running->instance;
}

absl::Status AwaitAnswers(const ServiceSpec& service, const Instance& instance, absl::Time deadline,
                          Clock* clock) {
  const absl::Time until = absl::Now() + (deadline - clock->Now());
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
        if (ConnectTcp(*addresses, until).ok()) break;
      } else if (!ours.ok() && !absl::IsNotFound(ours.status()) && !process->AwaitEnd(kMomentToEnd)) {
        return ours.status();
      }
      if (absl::Now() >= until) {
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

}  // namespace kplan
