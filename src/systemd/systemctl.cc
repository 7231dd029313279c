#include "src/systemd/systemctl.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "src/base/files.h"
#include "src/base/process.h"
#include "src/base/process_failure.h"
#include "src/base/text.h"
#include "src/systemd/unit_files.h"
#include "src/systemd/unit_journal.h"
#include "src/systemd/unit_name.h"

namespace kplan {
namespace {

constexpr char kProperties[] =
    "ActiveState,DropInPaths,ExecMainStatus,FragmentPath,InactiveExitTimestampMonotonic,InvocationID,"
    "LoadError,LoadState,MainPID,NRestarts,NeedDaemonReload,Result,SubState";

// systemd has no way to be told of a change without a D-Bus connection; a start takes tenths of a second.
constexpr absl::Duration kPause = absl::Milliseconds(50);

constexpr char kTriesAgain[] = "failed to start, systemd is going to try again";

absl::StatusOr<RunResult> Systemctl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "systemctl");
  RunOptions options;
  options.timeout = absl::Minutes(2);
  absl::StatusOr<RunResult> result = Run(arguments, options);
  if (absl::IsNotFound(result.status())) {
    return absl::FailedPreconditionError(
        "there is no systemctl here: this machine has no systemd; use service-manager: process or none");
  }
  if (result.ok() && result->timed_out) {
    return absl::DeadlineExceededError(
        absl::StrCat(absl::StrJoin(arguments, " "), " did not end within 2 minutes"));
  }
  return result;
}

// For commands of which only success is right.
absl::Status SystemctlOrError(const std::vector<std::string>& arguments) {
  absl::StatusOr<RunResult> result = Systemctl(arguments);
  if (!result.ok()) return result.status();
  if (result->ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("systemctl ", absl::StrJoin(arguments, " "), " failed: ", FailureOf(*result)));
}

absl::Status UnitError(const std::string& name, const UnitState& state, absl::string_view what) {
  // A unit that cannot be loaded was not run for that; what counts is what systemd said about its file.
  const std::string log_of = state.load_state == "loaded" ? state.invocation : "";
  return absl::FailedPreconditionError(absl::StrCat(FullUnitName(name), " ", what, " (", state.Describe(),
                                                    "); its last log lines:\n",
                                                    LastLines(JournalOf(name, log_of), 3)));
}

// VERB of the unit that runs, which waits for the end of its job.
absl::Status RunJob(const char* verb, const std::string& name) {
  absl::StatusOr<RunResult> result = Systemctl({verb, "--", FullUnitName(name)});
  if (result.ok() && result->ok()) return absl::OkStatus();
  if (!result.ok() && !absl::IsDeadlineExceeded(result.status())) return result.status();
  const std::string why =
      result.ok() ? absl::StrCat("systemctl ", verb, " ", FullUnitName(name), " failed: ", FailureOf(*result))
                  : std::string(result.status().message());
  return absl::AbortedError(
      absl::StrCat(why, "; the last log lines of ", name, ":\n", LastLines(JournalOf(name), 3)));
}

// Systemd says that it is masked, and not because of a file that is gone since.
bool IsMasked(const UnitState& state) { return state.load_state == "masked" && !state.needs_daemon_reload; }

absl::Status MaskedError(const std::string& name) {
  const absl::Status status = CheckNotMasked("/", FullUnitName(name));
  // Masked by a generator, or on the kernel's command line (systemd.mask=).
  if (!status.ok()) return status;
  return absl::FailedPreconditionError(
      absl::StrCat(FullUnitName(name),
                   " is masked, and not by a link in /etc or /run; if kplan shall run it, `systemctl unmask ",
                   FullUnitName(name), "` first, or take away what else masks it"));
}

std::string CannotBeLoaded(const UnitState& state) {
  return absl::StrCat("cannot be loaded: ", state.load_error.empty() ? state.load_state : state.load_error);
}

}  // namespace

std::string UnitState::Describe() const {
  std::string text = absl::StrCat("LoadState=", load_state, " ActiveState=", active_state,
                                  " SubState=", sub_state, " Result=", result);
  if (exit_status != 0) absl::StrAppend(&text, " ExecMainStatus=", exit_status);
  if (restarts != 0) absl::StrAppend(&text, " NRestarts=", restarts);
  return text;
}

absl::StatusOr<UnitState> ParseUnitState(absl::string_view output) {
  std::map<absl::string_view, absl::string_view> values;
  for (absl::string_view line : absl::StrSplit(output, '\n', absl::SkipEmpty())) {
    values.insert(absl::StrSplit(line, absl::MaxSplits('=', 1)));
  }
  for (const char* needed : {"ActiveState", "LoadState", "SubState"}) {
    if (values.count(needed) == 0 || values[needed].empty()) {
      return absl::DataLossError(absl::StrCat("systemctl show did not say ", needed, ": ", output));
    }
  }
  UnitState state;
  state.load_state = std::string(values["LoadState"]);
  state.active_state = std::string(values["ActiveState"]);
  state.sub_state = std::string(values["SubState"]);
  state.result = std::string(values["Result"]);
  state.invocation = std::string(values["InvocationID"]);
  state.needs_daemon_reload = values["NeedDaemonReload"] == "yes";
  state.fragment = std::string(values["FragmentPath"]);
  if (!absl::SimpleAtoi(values["InactiveExitTimestampMonotonic"], &state.began)) state.began = 0;
  state.drop_ins = absl::StrSplit(values["DropInPaths"], ' ', absl::SkipEmpty());
  // A D-Bus error: its name, and the text in quotes; nothing, or two quotes, when there was none.
  absl::string_view error = values["LoadError"];
  size_t quote = error.find('"');
  if (quote != absl::string_view::npos && absl::EndsWith(error, "\"") && quote + 1 < error.size()) {
    error = error.substr(quote + 1, error.size() - quote - 2);
  }
  state.load_error = std::string(absl::StripAsciiWhitespace(error));
  // Units that are not services (or not loaded) have none of these.
  int pid = 0;
  if (absl::SimpleAtoi(values["MainPID"], &pid)) state.main_pid = pid;
  if (!absl::SimpleAtoi(values["NRestarts"], &state.restarts)) state.restarts = 0;
  if (!absl::SimpleAtoi(values["ExecMainStatus"], &state.exit_status)) state.exit_status = 0;
  return state;
}

absl::StatusOr<UnitState> ShowUnit(const std::string& name) {
  absl::StatusOr<RunResult> result =
      Systemctl({"show", absl::StrCat("--property=", kProperties), "--", FullUnitName(name)});
  if (!result.ok()) return result.status();
  if (!result->ok()) {
    return absl::FailedPreconditionError(absl::StrCat("systemd does not answer: ", FailureOf(*result)));
  }
  absl::StatusOr<UnitState> state = ParseUnitState(result->out);
  if (!state.ok()) return state;
  const std::string full = FullUnitName(name);
  if (HasOtherFragment("/", full, state->fragment) || HasOtherDropIns("/", full, state->drop_ins))
    state->needs_daemon_reload = true;
  return state;
}

absl::StatusOr<UnitState> LookAtUnit(const std::string& name, bool file_to_come) {
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state;
  if (IsMasked(*state)) return MaskedError(name);
  // What is not loaded, and will not be another file by then, stays so after a daemon-reload. One that was
  // not found may be there since systemd looked; it then says so in two ways: where the service runs on
  // meanwhile, the file is an "error" to it until it reads its units again (EBUSY, systemd 252).
  const bool may_load = file_to_come || state->needs_daemon_reload || state->load_state == "not-found" ||
                        state->load_state == "error";
  if (state->load_state != "loaded" && !may_load) {
    return absl::FailedPreconditionError(absl::StrCat(FullUnitName(name), " ", CannotBeLoaded(*state)));
  }
  return state;
}

absl::StatusOr<UnitState> LoadUnit(const std::string& name) {
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state;
  if (IsMasked(*state)) return MaskedError(name);
  const bool needed_reload = state->needs_daemon_reload;
  if (needed_reload || state->load_state != "loaded") {
    if (absl::Status status = ReadUnitsAgain(); !status.ok()) return status;
    state = ShowUnit(name);
    if (!state.ok()) return state;
    if (state->load_state == "masked") return MaskedError(name);
  }
  if (state->load_state != "loaded") return UnitError(name, *state, CannotBeLoaded(*state));
  state->needs_daemon_reload = needed_reload;
  return state;
}

absl::Status ReadUnitAgain(const std::string& name) {
  if (!IsBootedWithSystemd() || absl::StrContains(name, "@.")) return absl::OkStatus();
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state.status();
  return state->needs_daemon_reload ? ReadUnitsAgain() : absl::OkStatus();
}

absl::StatusOr<UnitState> PrepareUnit(const std::string& name) {
  absl::StatusOr<UnitState> state = LoadUnit(name);
  if (!state.ok()) return state;
  // Not UnitFileState from `show`: systemd remembers that until the next reload.
  absl::StatusOr<RunResult> enabled = Systemctl({"is-enabled", "--", FullUnitName(name)});
  if (!enabled.ok()) return enabled.status();
  absl::string_view word = absl::StripAsciiWhitespace(enabled->out);
  if (!enabled->ok() || word == "enabled-runtime") {
    absl::Status status = SystemctlOrError({"enable", "--quiet", "--", FullUnitName(name)});
    if (!status.ok()) return status;
  }
  return state;
}

std::vector<std::string> EnablementLinks(const std::string& name) {
  namespace fs = std::filesystem;
  std::vector<std::string> links;
  std::error_code error;
  for (fs::directory_iterator it("/etc/systemd/system", error), end; !error && it != end;
       it.increment(error)) {
    const std::string folder = it->path().string();
    if (!absl::EndsWith(folder, ".wants") && !absl::EndsWith(folder, ".requires")) continue;
    std::string link = absl::StrCat(folder, "/", FullUnitName(name));
    std::error_code unreadable;
    if (fs::is_symlink(link, unreadable)) links.push_back(std::move(link));
  }
  std::sort(links.begin(), links.end());
  return links;
}

absl::Status RestartUnit(const std::string& name) {
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state.status();
  // A unit that failed too often (start-limit-hit) refuses every start until it is told to forget.
  if (state->active_state == "failed") {
    if (absl::Status status = SystemctlOrError({"reset-failed", "--", FullUnitName(name)}); !status.ok())
      return status;
  }
  // Not "start": that waits for the holdoff time of a unit in auto-restart, and systemd runs it with the old
  // settings until then.
  return SystemctlOrError({"restart", "--no-block", "--", FullUnitName(name)});
}

absl::Status ReloadUnit(const std::string& name) { return RunJob("reload", name); }

absl::Status TryRestartUnit(const std::string& name) { return RunJob("try-restart", name); }

absl::StatusOr<UnitState> AwaitUnit(const std::string& name, const std::string& old_invocation,
                                    UnitPhase phase, absl::Time deadline, Clock* clock) {
  for (;;) {
    absl::StatusOr<UnitState> state = ShowUnit(name);
    if (!state.ok()) return state;
    // Until systemd has begun the job, what it says is about the run before.
    if (old_invocation.empty() || state->invocation != old_invocation) {
      if (state->active_state == "active") return state;
      // While it runs what comes before the main process (ExecStartPre=), there is none.
      if (phase == UnitPhase::kStarted && state->active_state == "activating" && state->main_pid != 0) {
        return state;
      }
      if (state->active_state == "failed") return UnitError(name, *state, "failed to start");
      if (state->sub_state == "auto-restart") return UnitError(name, *state, kTriesAgain);
    }
    if (clock->Now() >= deadline) {
      if (state->sub_state == "auto-restart") return UnitError(name, *state, kTriesAgain);
      return UnitError(
          name, *state,
          phase == UnitPhase::kActive ? "did not become active in time" : "was not started in time");
    }
    clock->SleepFor(kPause);
  }
}

absl::StatusOr<std::map<std::string, std::string>> ShowProperties(
    const std::string& name, const std::vector<std::string>& properties) {
  absl::StatusOr<RunResult> result = Systemctl(
      {"show", absl::StrCat("--property=", absl::StrJoin(properties, ",")), "--", FullUnitName(name)});
  if (!result.ok()) return result.status();
  if (!result->ok()) {
    return absl::FailedPreconditionError(absl::StrCat("systemd does not answer: ", FailureOf(*result)));
  }
  std::map<std::string, std::string> values;
  for (absl::string_view line : absl::StrSplit(result->out, '\n', absl::SkipEmpty())) {
    values.insert(absl::StrSplit(line, absl::MaxSplits('=', 1)));
  }
  return values;
}

absl::StatusOr<UnitState> ActivateUnit(const std::string& name) {
  // A socket that is in use by its service cannot be opened anew; the service is started again by whoever
  // connects.
  if (absl::EndsWith(name, ".socket")) {
    absl::StatusOr<std::map<std::string, std::string>> properties = ShowProperties(name, {"Triggers"});
    if (!properties.ok()) return properties.status();
    for (absl::string_view service : absl::StrSplit((*properties)["Triggers"], ' ', absl::SkipEmpty())) {
      if (absl::Status status = StopUnit(std::string(service)); !status.ok()) return status;
    }
  }
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state;
  if (state->active_state == "failed") {
    if (absl::Status status = SystemctlOrError({"reset-failed", "--", FullUnitName(name)}); !status.ok())
      return status;
  }
  // Waits for the end of its job. It may fail though the unit is up, and the other way round: its state says.
  absl::Status restarted = SystemctlOrError({"restart", "--", FullUnitName(name)});
  state = ShowUnit(name);
  if (!state.ok()) return state;
  if (restarted.ok() && state->active_state != "failed") return state;
  return UnitError(name, *state, "failed to start");
}

absl::StatusOr<bool> UnitIsActive(const std::string& name) {
  absl::StatusOr<RunResult> result = Systemctl({"is-active", "--quiet", "--", FullUnitName(name)});
  if (!result.ok()) return result.status();
  // 3: not active; 4: no such unit (systemctl(1), LSB's status codes). 1 is what it says when there is no
  // systemd to ask.
  if (result->ok()) return true;
  if (result->exit_code == 3 || result->exit_code == 4) return false;
  return absl::FailedPreconditionError(absl::StrCat("systemd does not answer: ", FailureOf(*result)));
}

absl::StatusOr<std::string> WhyUnitIsStale(const std::string& name) {
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state.status();
  if (state->active_state != "active" && state->active_state != "reloading") return "is not running";
  return state->needs_daemon_reload ? "systemd has not read its unit again" : "";
}

absl::Status StopUnit(const std::string& name) {
  return SystemctlOrError({"stop", "--", FullUnitName(name)});
}

absl::Status DisableUnit(const std::string& name) {
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state.status();
  if (state->load_state != "not-found") {
    absl::Status status = SystemctlOrError({"disable", "--quiet", "--", FullUnitName(name)});
    if (!status.ok()) return status;
  }
  // systemctl wants to read the unit for this. Where somebody removed its file, its links are left.
  for (const std::string& link : EnablementLinks(name)) {
    if (unlink(link.c_str()) != 0 && errno != ENOENT)
      return ErrnoStatus(errno, absl::StrCat("cannot remove ", link));
  }
  return absl::OkStatus();
}

bool IsBootedWithSystemd() { return access("/run/systemd/system", F_OK) == 0; }

absl::Status ReadUnitsAgain() { return SystemctlOrError({"daemon-reload"}); }

absl::Status ForgetUnit(const std::string& name) {
  if (!IsBootedWithSystemd()) return absl::OkStatus();
  if (absl::Status status = ReadUnitsAgain(); !status.ok()) return status;
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state.status();
  if (state->active_state != "failed") return absl::OkStatus();
  return SystemctlOrError({"reset-failed", "--", FullUnitName(name)});
}

}  // namespace kplan
