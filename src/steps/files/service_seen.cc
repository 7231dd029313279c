#include "src/steps/files/service_seen.h"

#include <errno.h>
#include <signal.h>
#include <sys/types.h>

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/host/process_info.h"
#include "src/host/service_marker.h"
#include "src/systemd/systemctl.h"

namespace kplan {
namespace {

struct Seen {
  bool runs = false;
  std::optional<Instance> instance;  // none: not known, or it is between two
};

absl::StatusOr<Seen> SeeUnit(const std::string& name) {
  absl::StatusOr<UnitState> state = ShowUnit(name);
  // An image that is being made, say: nothing runs there, and the service's own step says what is wrong.
  if (absl::IsFailedPrecondition(state.status()) && !IsBootedWithSystemd()) return Seen();
  if (!state.ok()) return state.status();
  Seen seen;
  seen.runs = state->active_state != "inactive" && state->active_state != "failed";
  if (seen.runs && state->main_pid != 0) seen.instance = FindInstance(state->main_pid);
  return seen;
}

// Whether a process has the number in PID_FILE. What cannot be read may be that of one.
bool NamesAProcess(const std::string& pid_file) {
  absl::StatusOr<std::string> text = ReadFile(pid_file, 64);
  if (!text.ok()) return !absl::IsNotFound(text.status());
  pid_t pid = 0;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &pid) || pid <= 0) return false;
  return kill(pid, 0) == 0 || errno != ESRCH;
}

Seen SeeProcess(const std::string& root, const std::string& name,
                const std::optional<ServiceMarker>& marker) {
  Seen seen;
  if (!marker.has_value()) {
    seen.runs = NamesAProcess(PidFilePath(root, name));
    return seen;
  }
  seen.instance = InstanceOfPidFile(root, name, marker->exe);
  // Somebody else has started it, who keeps no pid file.
  seen.runs = seen.instance.has_value() || !ProcessesRunning(marker->exe).empty();
  return seen;
}

}  // namespace

absl::StatusOr<PlacementFacts::Service> SeeService(const FileFields::Service& service,
                                                   const std::string& root, const std::string& path,
                                                   absl::FunctionRef<absl::StatusOr<std::string>()> digest) {
  using Service = PlacementFacts::Service;
  if (service.manager != "systemd" && service.manager != "process")
    return absl::InvalidArgumentError(absl::StrCat("no service manager \"", service.manager, "\""));
  const std::optional<ServiceMarker> marker = ReadMarker(root, service.name);
  absl::StatusOr<Seen> seen =
      service.manager == "systemd" ? SeeUnit(service.name) : SeeProcess(root, service.name, marker);
  if (!seen.ok()) return seen.status();
  if (!seen->runs) return Service::kStopped;
  if (!seen->instance.has_value() || !marker.has_value() || !marker->IsAbout(*seen->instance))
    return Service::kStartedWithAnother;
  auto known = marker->files.find(path);
  if (known == marker->files.end()) return Service::kStartedWithAnother;
  absl::StatusOr<std::string> wanted = digest();
  if (!wanted.ok()) return wanted.status();
  return !wanted->empty() && *wanted == known->second.sha256 ? Service::kStartedWithThis
                                                             : Service::kStartedWithAnother;
}

}  // namespace kplan
