#include "src/steps/service_reload.h"

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/steps/host_file.h"
#include "src/steps/service_log.h"

namespace kplan {
namespace {

constexpr absl::Duration kTimeout = absl::Minutes(2);
constexpr size_t kMaxUnit = 1 << 20;

absl::StatusOr<RunResult> RunSystemctl(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"systemctl"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  RunOptions options;
  options.timeout = kTimeout;
  return Run(command, options);
}

// `systemctl VERB NAME.service`, which waits for the end of its job.
absl::Status RunJob(const char* verb, const std::string& name) {
  const std::string unit = absl::StrCat(name, ".service");
  absl::StatusOr<RunResult> result = RunSystemctl({verb, "--", unit});
  if (!result.ok()) return result.status();
  if (result->ok()) return absl::OkStatus();
  const std::string why = result->timed_out
                              ? absl::StrCat("did not end within ", absl::FormatDuration(kTimeout))
                              : absl::StrCat("failed: ", absl::StripAsciiWhitespace(result->err));
  return absl::AbortedError(absl::StrCat("systemctl ", verb, " ", unit, " ", why, "; the last log lines of ",
                                         name, ":\n", LastLines(JournalOf(name), 3)));
}

// Whether PID has a handler of its own for SIGNAL (proc(5), SigCgt).
absl::StatusOr<bool> Heeds(pid_t pid, int signal_number) {
  absl::StatusOr<std::string> status = ReadFile(absl::StrCat("/proc/", pid, "/status"), size_t{1} << 16);
  if (!status.ok()) return status.status();
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (!absl::ConsumePrefix(&line, "SigCgt:")) continue;
    uint64_t caught = 0;
    if (!absl::SimpleHexAtoi(absl::StripAsciiWhitespace(line), &caught)) break;
    return (caught >> (signal_number - 1) & 1) != 0;
  }
  return absl::DataLossError(absl::StrCat("/proc/", pid, "/status does not say which signals it heeds"));
}

absl::Status HasEnded(const std::string& name) {
  return absl::AbortedError(absl::StrCat(name, " ended before it could be told to read its files again"));
}

}  // namespace

absl::Status ReloadUnit(const std::string& name) { return RunJob("reload", name); }

absl::Status TryRestartUnit(const std::string& name) { return RunJob("try-restart", name); }

absl::Status HeedsReload(const std::string& name, const Instance& instance) {
  absl::StatusOr<bool> heeds = Heeds(instance.pid, SIGHUP);
  // What was read is about this instance only if that is still there.
  const std::optional<Instance> now = FindInstance(instance.pid);
  if (!now.has_value() || !(*now == instance)) return HasEnded(name);
  if (!heeds.ok()) return heeds.status();
  if (*heeds) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(name, " (process ", instance.pid,
                   ") does not handle SIGHUP, which would end it: it cannot read its files again while it "
                   "runs; write on-change: restart"));
}

absl::Status ReloadProcess(const std::string& name, const Instance& instance) {
  absl::StatusOr<ProcessHandle> process = ProcessHandle::Open(instance);
  if (absl::IsNotFound(process.status())) return HasEnded(name);
  if (!process.ok()) return process.status();
  if (absl::Status status = HeedsReload(name, instance); !status.ok()) return status;
  return process->Signal(SIGHUP);
}

absl::StatusOr<UnitState> PrepareUnitOfOthers(const ServiceSpec& service) {
  const std::string& name = service.process.name;
  absl::StatusOr<UnitState> state = LookAtUnit(name, /*file_to_come=*/false);
  if (!state.ok()) return state;
  if (state->needs_daemon_reload || state->load_state != "loaded") {
    absl::StatusOr<RunResult> reloaded = RunSystemctl({"daemon-reload"});
    if (!reloaded.ok()) return reloaded.status();
    if (!reloaded->ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("systemctl daemon-reload failed: ", absl::StripAsciiWhitespace(reloaded->err)));
    }
    const bool needed = state->needs_daemon_reload;
    state = LookAtUnit(name, /*file_to_come=*/false);
    if (!state.ok()) return state;
    if (state->load_state != "loaded") {
      return absl::FailedPreconditionError(absl::StrCat(
          name,
          ".service cannot be loaded: ", state->load_error.empty() ? state->load_state : state->load_error));
    }
    state->needs_daemon_reload = needed;  // for the caller: what runs may be of the unit before
  }
  // Links of a time when it was started by itself would start it at boot.
  if (EnablementLinks(name).empty()) return state;
  absl::StatusOr<std::string> text = ReadFile(PathFromHere(service.process.root, service.unit), kMaxUnit);
  if (!text.ok()) return text.status();
  if (absl::StrContains(absl::StrCat("\n", *text), "\n[Install]")) return state;
  if (absl::Status status = DisableUnit(name); !status.ok()) return status;
  return state;
}

absl::StatusOr<bool> IsJob(const std::string& name) {
  absl::StatusOr<RunResult> result =
      RunSystemctl({"show", "--property=Type", "--value", "--", absl::StrCat(name, ".service")});
  if (!result.ok()) return result.status();
  if (!result->ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("systemd does not answer: ", absl::StripAsciiWhitespace(result->err)));
  }
  return absl::StripAsciiWhitespace(result->out) == "oneshot";
}

}  // namespace kplan
