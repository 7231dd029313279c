#include "src/steps/service/service_decision.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/fields.h"
#include "src/host/host_file.h"
#include "src/host/waiting_file.h"
#include "src/systemd/environment_file.h"

namespace kplan {
namespace {

Reason Changed(const ServiceSpec& service, const std::string& path) {
  return FileChanged(service.argv, service.unit, path);
}

Reason FlagsChanged() { return {"flags", "flags changed"}; }

struct Command {
  std::vector<std::string> argv, environment;

  template <typename Self, typename Fields>
  static void Visit(Self& self, Fields& fields) {
    fields.Always("argv", self.argv);
    fields.Always("environment", self.environment);
  }
};

std::string CommandDigest(const ProcessSpec& process) {
  return Sha256Hex(ToText(Command{process.argv, process.environment}));
}

// Whether the running instance, which MARKER is about, has PATH as it is WANTED.
bool HasRead(const ServiceMarker& marker, const ServiceMarker& wanted, const std::string& path) {
  auto known = marker.files.find(path);
  return known != marker.files.end() && known->second.sha256 == wanted.files.at(path).sha256;
}

// Why what the marker says of the running instance is not what is wanted; empty when it is.
std::vector<Reason> DifferencesByMarker(const ServiceSpec& service, const ServiceMarker& marker,
                                        const ServiceMarker& wanted) {
  std::vector<Reason> reasons;
  for (const std::string& path : service.restart_on) {
    if (!HasRead(marker, wanted, path)) reasons.push_back(Changed(service, path));
  }
  if (marker.command != wanted.command) reasons.push_back(FlagsChanged());
  return reasons;
}

// Whatever is in the environment file is not compared: only a start reads it.
bool SameEnvironment(std::vector<std::string> process, const ServiceSpec& service) {
  std::vector<std::string> wanted = service.process.environment;
  if (!service.environment_file.empty()) {
    // One that cannot be read is the next start's trouble, and leaves a doubt here.
    absl::StatusOr<std::vector<std::string>> variables = ReadEnvironmentFile(service.environment_file);
    for (const std::string& variable : variables.ok() ? *variables : std::vector<std::string>()) {
      auto is_it = [&](const std::string& other) {
        return NameOfVariable(other) == NameOfVariable(variable);
      };
      process.erase(std::remove_if(process.begin(), process.end(), is_it), process.end());
      wanted.erase(std::remove_if(wanted.begin(), wanted.end(), is_it), wanted.end());
    }
  }
  auto is_path = [](const std::string& variable) { return absl::StartsWith(variable, "PATH="); };
  process.erase(std::remove_if(process.begin(), process.end(), is_path), process.end());
  wanted.erase(std::remove_if(wanted.begin(), wanted.end(), is_path), wanted.end());
  std::sort(process.begin(), process.end());
  std::sort(wanted.begin(), wanted.end());
  return process == wanted;
}

// Whether PATH is surely as it was when INSTANCE was started. One that is going to be written again, even
// with the same content, will not be.
absl::StatusOr<bool> UnchangedFor(const ServiceSpec& service, const Instance& instance,
                                  const std::set<std::string>& rewritten, const std::string& path) {
  if (rewritten.count(path) != 0) return false;
  return UnchangedSinceStart(PathFromHere(service.process.root, path), instance);
}

// The same from the process itself, for want of a marker.
absl::StatusOr<std::vector<Reason>> DifferencesByEvidence(const ServiceSpec& service,
                                                          const RunningService& running,
                                                          const ServiceMarker& wanted,
                                                          const std::set<std::string>& rewritten) {
  const Instance& instance = *running.instance;
  std::vector<Reason> reasons;
  absl::StatusOr<std::vector<std::string>> argv = ArgvOf(instance.pid);
  if (!argv.ok()) return argv.status();
  // Under systemd the command is the unit's, and whether that is another one is asked below.
  const bool in_unit = service.manager == "systemd" && IsTitle(*argv, service.process.argv);
  bool same_command = in_unit || *argv == service.process.argv;
  if (same_command && service.manager == "process") {
    absl::StatusOr<std::vector<std::string>> environment = EnvironmentOf(instance.pid);
    if (!environment.ok()) return environment.status();
    same_command = SameEnvironment(*std::move(environment), service);
  }
  if (!same_command) reasons.push_back(FlagsChanged());
  if (running.unit_changed) reasons.push_back({"unit", "unit changed"});
  for (const std::string& path : service.restart_on) {
    if (path == service.unit && running.unit_changed) continue;
    if (path == service.argv[0].second) {
      absl::StatusOr<std::string> digest = Sha256HexOfFile(ExeContentPath(instance.pid));
      // It is /proc that may not let us look (a service of another user, in a container): doubt, again.
      if (!digest.ok() || *digest != wanted.files.at(path).sha256) reasons.push_back(Changed(service, path));
      continue;
    }
    absl::StatusOr<bool> unchanged = UnchangedFor(service, instance, rewritten, path);
    if (!unchanged.ok()) return unchanged.status();
    if (!*unchanged) reasons.push_back(Changed(service, path));
  }
  return reasons;
}

// Why what is on its way up would run with something else than what is wanted. Its main process is still to
// be started, and reads all anew; but what comes before that has read some of it.
absl::StatusOr<std::vector<Reason>> DifferencesOnTheWay(const ServiceSpec& service,
                                                        const RunningService& running, bool known,
                                                        const std::optional<ServiceMarker>& marker,
                                                        const ServiceMarker& wanted,
                                                        const std::set<std::string>& rewritten) {
  if (known) return DifferencesByMarker(service, *marker, wanted);
  std::vector<Reason> reasons;
  if (running.unit_changed) reasons.push_back({"unit", "unit changed"});
  for (const std::string& path : service.restart_on) {
    if (path == service.unit && running.unit_changed) continue;
    absl::StatusOr<bool> unchanged = UnchangedFor(service, *running.coming_up, rewritten, path);
    if (!unchanged.ok()) return unchanged.status();
    if (!*unchanged) reasons.push_back(Changed(service, path));
  }
  return reasons;
}

bool IsThere(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

}  // namespace

Reason FileChanged(const StringPairs& argv, const std::string& unit, const std::string& path) {
  if (!argv.empty() && path == argv[0].second) return {"binary", "binary changed"};
  if (path == unit) return {"unit", "unit changed"};
  for (const auto& [text, argument_path] : argv) {
    const absl::string_view option = absl::string_view(text).substr(0, text.find('='));
    if (argument_path == path &&
        (absl::StrContains(option, "ca-file") || absl::StrContains(option, "cafile"))) {
      return {"trust", absl::StrCat("trust ", path, " changed")};
    }
  }
  return {"file", absl::StrCat(path, " changed")};
}

absl::StatusOr<ServiceSpec> ServiceSpec::From(const ServiceRecord& record, bool root_to_come) {
  ServiceSpec service;
  service.manager = record.manager;
  service.root = record.root;
  service.unit = record.unit;
  service.argv = record.argv;
  service.answers = record.answers;
  service.restart_on = record.restart_on;
  service.reload_on = record.reload_on;
  service.timeout = absl::Seconds(record.timeout);
  service.process.name = record.name;
  service.process.environment = record.environment;
  if (!record.await.empty() && record.await != "answers" && record.await != "start") {
    return absl::InvalidArgumentError(absl::StrCat("await: there is no \"", record.await, "\""));
  }
  service.await_start = record.await == "start";
  if (!record.start.empty() && !record.by_unit())
    return absl::InvalidArgumentError(absl::StrCat("start: there is no \"", record.start, "\""));
  service.by_unit = record.by_unit();
  if (service.argv.empty()) return absl::DataLossError("the record has no argv");
  if (service.manager != "systemd" && service.manager != "process" && service.manager != "none") {
    return absl::InvalidArgumentError(absl::StrCat("no service manager \"", service.manager, "\""));
  }
  if (service.by_unit && service.manager == "process")
    return absl::InvalidArgumentError("start: there are no units that start a service without systemd");
  if (service.manager == "systemd" && service.root != "/") {
    return absl::InvalidArgumentError(
        absl::StrCat("systemd manages the services of this machine's /, not of ", service.root,
                     "; use service-manager: process or none"));
  }
  absl::StatusOr<std::string> root = service.root;
  if (!root_to_come || IsThere(service.root)) root = RealRoot(service.root);
  if (!root.ok()) return root.status();
  service.process.root = *root;
  if (!record.environment_file.empty()) {
    service.environment_file = PathFromHere(*root, record.environment_file);
  }
  for (const auto& [text, path] : service.argv) {
    service.process.argv.push_back(path.empty() ? text : absl::StrCat(text, PathFromHere(*root, path)));
  }
  return service;
}

bool IsTitle(const std::vector<std::string>& argv, const std::vector<std::string>& wanted) {
  return argv.size() == 1 && argv[0] != wanted[0] && absl::StrContains(argv[0], ' ');
}

std::vector<std::string> ServiceSpec::Watched() const {
  std::vector<std::string> paths = restart_on;
  paths.insert(paths.end(), reload_on.begin(), reload_on.end());
  return paths;
}

ServiceMarker WantedMarker(const ServiceSpec& service, std::map<std::string, FileSeen> files) {
  ServiceMarker wanted;
  wanted.files = std::move(files);
  if (service.manager == "process") {
    wanted.exe = service.process.Exe();
    wanted.command = CommandDigest(service.process);
  }
  wanted.begun_ticks = TicksSinceBoot();
  wanted.boot = BootId();
  return wanted;
}

absl::StatusOr<ServiceDecision> DecideOnService(const ServiceSpec& service, const RunningService& running,
                                                const std::optional<ServiceMarker>& marker,
                                                const ServiceMarker& wanted,
                                                const std::set<std::string>& rewritten) {
  ServiceDecision decision;
  if (running.coming_up.has_value() && !running.instance.has_value() && !service.by_unit) {
    decision.known = marker.has_value() && marker->IsAbout(*running.coming_up);
    absl::StatusOr<std::vector<Reason>> differences =
        DifferencesOnTheWay(service, running, decision.known, marker, wanted, rewritten);
    if (!differences.ok()) return differences.status();
    decision.reasons = *std::move(differences);
    return decision;
  }
  decision.known = running.instance.has_value() && marker.has_value() && marker->IsAbout(*running.instance);
  if (!running.instance.has_value()) {
    // What starts it by itself has it read everything anew.
    if (!service.by_unit) decision.reasons.push_back({"not-running", "was not running"});
    return decision;
  }
  if (marker.has_value() && marker->instance.empty() && marker->replaces == running.instance->ToString()) {
    // A run before this one had a reason to replace this very instance, and was killed before it could.
    decision.reasons.push_back({"unfinished-restart", "an earlier restart was not finished"});
  } else if (decision.known) {
    decision.reasons = DifferencesByMarker(service, *marker, wanted);
  } else {
    absl::StatusOr<std::vector<Reason>> differences =
        DifferencesByEvidence(service, running, wanted, rewritten);
    if (!differences.ok()) return differences.status();
    decision.reasons = *std::move(differences);
  }
  if (!decision.reasons.empty()) return decision;
  for (const std::string& path : service.reload_on) {
    absl::StatusOr<bool> read = decision.known ? HasRead(*marker, wanted, path)
                                               : UnchangedFor(service, *running.instance, rewritten, path);
    if (!read.ok()) return read.status();
    if (*read) continue;
    decision.unread.push_back(path);
    decision.reload.push_back(Changed(service, path));
  }
  return decision;
}

absl::StatusOr<ServiceDecision> DecideOnPart(const ServiceSpec& service, const RunningService& running,
                                             const std::optional<ServiceMarker>& marker,
                                             const ServiceMarker& wanted) {
  ServiceDecision decision;
  const std::optional<Instance>& instance =
      running.instance.has_value() ? running.instance : running.coming_up;
  decision.known = instance.has_value() && marker.has_value() && marker->IsAbout(*instance);
  if (!instance.has_value()) {
    if (!service.by_unit) decision.reasons.push_back({"not-running", "was not running"});
    return decision;
  }
  if (marker.has_value() && marker->instance.empty() && marker->replaces == instance->ToString()) {
    decision.reasons.push_back({"unfinished-restart", "an earlier restart was not finished"});
    return decision;
  }
  auto is_read = [&](const std::string& path) -> absl::StatusOr<bool> {
    if (decision.known) return HasRead(*marker, wanted, path);
    const std::set<std::string> waiting = PathsWithWaiting(service.process.root, {path});
    return UnchangedFor(service, *instance, waiting, path);
  };
  for (const auto& [path, seen] : wanted.files) {
    const bool restarts =
        std::find(service.restart_on.begin(), service.restart_on.end(), path) != service.restart_on.end();
    const bool reloads =
        std::find(service.reload_on.begin(), service.reload_on.end(), path) != service.reload_on.end();
    if (!restarts && !reloads) continue;
    absl::StatusOr<bool> read = is_read(path);
    if (!read.ok()) return read.status();
    if (*read) continue;
    if (restarts) {
      decision.reasons.push_back(Changed(service, path));
    } else {
      decision.unread.push_back(path);
      decision.reload.push_back(Changed(service, path));
    }
  }
  // A start reads all anew.
  if (!decision.reasons.empty()) {
    decision.unread.clear();
    decision.reload.clear();
  }
  return decision;
}

}  // namespace kplan
