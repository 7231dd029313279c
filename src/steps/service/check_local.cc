#include "src/steps/service/check_local.h"

#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "src/base/process.h"
#include "src/base/process_failure.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/host/host_file.h"
#include "src/host/service_marker.h"
#include "src/probe/listening.h"
#include "src/steps/service/service_state.h"
#include "src/systemd/systemctl.h"

namespace kplan {
namespace {

constexpr absl::Duration kConnectTime = absl::Seconds(5);

// The units that start NAME.service when their time comes: a timer, a socket.
absl::StatusOr<std::vector<std::string>> TriggersOf(const std::string& name) {
  absl::StatusOr<RunResult> result =
      Run({"systemctl", "show", "--property=TriggeredBy", "--value", "--", absl::StrCat(name, ".service")});
  if (!result.ok()) return result.status();
  if (!result->ok())
    return absl::UnavailableError(absl::StrCat("systemctl show failed: ", FailureOf(*result)));
  return std::vector<std::string>(
      absl::StrSplit(absl::StripAsciiWhitespace(result->out), ' ', absl::SkipWhitespace()));
}

// A service that is not running, as it should be, because TRIGGERS are going to start it: they have to be
// active themselves.
absl::Status CheckTriggers(const std::vector<std::string>& triggers) {
  std::vector<std::string> argv = {"systemctl", "is-active", "--"};
  argv.insert(argv.end(), triggers.begin(), triggers.end());
  absl::StatusOr<RunResult> result = Run(argv);
  if (!result.ok()) return result.status();
  const std::vector<absl::string_view> states = absl::StrSplit(result->out, '\n', absl::SkipEmpty());
  for (size_t i = 0; i < triggers.size(); ++i) {
    const absl::string_view state = i < states.size() ? states[i] : "unknown";
    if (state != "active")
      return absl::FailedPreconditionError(absl::StrCat(triggers[i], ", which starts it, is ", state));
  }
  return absl::OkStatus();
}

// WANTED: the unit's ActiveState.
CheckOutcome LookAtManager(const CheckQuestion& service, const std::string& wanted) {
  CheckOutcome outcome;
  outcome.check = absl::StrCat("systemd ", wanted);
  outcome.expected = absl::StrCat(service.name, " is ", wanted);
  outcome.advice = "its log";
  if (service.manager == "systemd") {
    absl::StatusOr<UnitState> state = ShowUnit(service.name);
    if (!state.ok()) {
      outcome.seen = std::string(state.status().message());
      return outcome;
    }
    outcome.seen = state->Describe();
    outcome.holds = state->active_state == wanted;
    outcome.said = absl::StrCat(service.name, " is ", wanted, " (", state->sub_state, ")");
    if (outcome.holds || state->active_state != "inactive" || state->result != "success") return outcome;
    absl::StatusOr<std::vector<std::string>> triggers = TriggersOf(service.name);
    if (!triggers.ok() || triggers->empty()) return outcome;
    absl::Status waits = CheckTriggers(*triggers);
    outcome.holds = waits.ok();
    if (!waits.ok()) absl::StrAppend(&outcome.seen, "; ", waits.message());
    outcome.said = absl::StrCat(service.name, " is started by ", absl::StrJoin(*triggers, " and "), ", ",
                                triggers->size() == 1 ? "which is" : "which are", " active");
    return outcome;
  }
  if (service.manager == "none") {
    outcome.seen = "nothing is started there";
    outcome.advice = "the host has service-manager: none";
    outcome.lasting = true;
    return outcome;
  }
  absl::StatusOr<bool> runs = ServiceIsRunning(service.manager, service.root, service.name);
  outcome.holds = runs.ok() && *runs;
  outcome.said = absl::StrCat(service.name, " runs");
  outcome.seen = runs.ok() ? "it does not run" : std::string(runs.status().message());
  return outcome;
}

CheckOutcome LookAtPort(const CheckQuestion& service, const std::string& address) {
  CheckOutcome outcome;
  outcome.check = absl::StrCat("tcp ", address);
  outcome.expected = absl::StrCat(address, " accepts connections");
  outcome.advice = absl::StrCat("does ", service.name, " listen at that address?");
  absl::StatusOr<HostPort> target = ParseHostPort(address);
  absl::StatusOr<SocketAddresses> addresses =
      target.ok() ? ResolveAddresses(*target) : absl::StatusOr<SocketAddresses>(target.status());
  absl::StatusOr<UniqueFd> connection = addresses.ok() ? ConnectTcp(*addresses, absl::Now() + kConnectTime)
                                                       : absl::StatusOr<UniqueFd>(addresses.status());
  outcome.holds = connection.ok();
  outcome.said = outcome.expected;
  if (!outcome.holds) outcome.seen = std::string(connection.status().message());
  outcome.lasting = !target.ok();
  return outcome;
}

// What a program said, for a terminal: its last lines, or that it said nothing.
std::string LastWords(const RunResult& result) {
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(absl::StrCat(result.out, "\n", result.err), '\n')) {
    line = absl::StripTrailingAsciiWhitespace(line);
    if (!line.empty()) lines.push_back(Shown(line));
  }
  if (lines.empty()) return "; it said nothing";
  return absl::StrCat(":\n", absl::StripSuffix(LastLines(absl::StrJoin(lines, "\n")), "\n"));
}

// ARGUMENTS: as in the record of a service.
CheckOutcome LookAtExec(const CheckQuestion& service, const StringPairs& arguments) {
  CheckOutcome outcome;
  // Where the root is a folder, a path is the real one: what runs is a process of this machine.
  absl::StatusOr<std::string> root = RealRoot(service.root);
  std::vector<std::string> argv;
  for (const auto& [text, path] : arguments) {
    argv.push_back(absl::StrCat(text, path.empty() || !root.ok() ? path : PathFromHere(*root, path)));
  }
  const std::string words = absl::StrJoin(argv, " ");
  outcome.check = absl::StrCat("exec ", Brief(words));
  outcome.expected = absl::StrCat(Shown(words), " exits with 0");
  outcome.said = absl::StrCat(Brief(words), " exits with 0");
  outcome.advice = "what it says; it runs without a shell, with PATH and LC_ALL=C alone";
  if (!root.ok()) {
    outcome.seen = std::string(root.status().message());
    return outcome;
  }
  RunOptions options;
  options.environment = {"LC_ALL=C"};
  options.timeout = absl::Seconds(kExecCheckSeconds);
  options.working_folder = *root;
  options.new_session = true;
  absl::StatusOr<RunResult> result = Run(argv, options);
  if (!result.ok()) {
    outcome.seen = std::string(result.status().message());
    outcome.lasting = absl::IsNotFound(result.status());
  } else if (result->timed_out) {
    outcome.seen = absl::StrCat("it did not end within ", kExecCheckSeconds, " s", LastWords(*result));
  } else {
    outcome.holds = result->exit_code == 0;
    outcome.seen = absl::StrCat("it exits with ", result->exit_code, LastWords(*result));
  }
  return outcome;
}

// How the service has ended, for a person; empty while it runs, starts, or waits for who starts it.
std::string EndOf(const CheckQuestion& service) {
  const std::string ended = absl::StrCat(service.name, " has ended, and nothing starts it again");
  if (service.manager != "systemd") {
    absl::StatusOr<bool> may_come_up = ServiceMayComeUp(service.manager, service.root, service.name);
    return may_come_up.ok() && !*may_come_up ? ended : "";
  }
  absl::StatusOr<UnitState> state = ShowUnit(service.name);
  if (!state.ok()) return "";
  if (state->active_state == "failed") return absl::StrCat(service.name, " has failed: ", state->Describe());
  if (state->sub_state == "auto-restart" && state->result != "success") {
    return absl::StrCat(service.name, " has failed, and systemd is going to try again: ", state->Describe());
  }
  if (state->active_state != "inactive") return "";
  // It has ended in order, and is perhaps started when somebody comes.
  absl::StatusOr<std::vector<std::string>> triggers = TriggersOf(service.name);
  return triggers.ok() && triggers->empty() ? ended : "";
}

}  // namespace

absl::StatusOr<CheckAnswer> AnswerCheck(const CheckQuestion& question) {
  CheckAnswer answer;
  bool runs = false;
  for (const ServiceCheckRecord& check : question.checks) {
    CheckOutcome outcome;
    if (!check.systemd.empty()) {
      outcome = LookAtManager(question, check.systemd);
      runs = outcome.holds;
    } else if (!check.tcp.empty()) {
      outcome = LookAtPort(question, check.tcp);
    } else if (check.exec.has_value() && !check.exec->empty()) {
      outcome = LookAtExec(question, *check.exec);
    } else {
      return absl::InvalidArgumentError("a check on a host is one of systemd, tcp, exec");
    }
    answer.outcomes.push_back(std::move(outcome));
  }
  if (!runs) answer.ended = EndOf(question);
  return answer;
}

}  // namespace kplan
