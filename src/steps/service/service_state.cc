#include "src/steps/service/service_state.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/host/process_manager.h"
#include "src/host/service_log.h"
#include "src/host/service_marker.h"
#include "src/steps/service/service_reach.h"
#include "src/systemd/systemctl.h"
#include "src/systemd/unit_journal.h"

namespace kplan {

absl::StatusOr<bool> ServiceIsRunning(const std::string& manager, const std::string& root,
                                      const std::string& name) {
  if (manager == "none") return false;
  if (manager == "systemd") return UnitIsActive(name);
  if (manager != "process")
    return absl::InvalidArgumentError(absl::StrCat("no service manager \"", manager, "\""));
  std::optional<ServiceMarker> marker = ReadMarker(root, name);
  return marker.has_value() && InstanceOfPidFile(root, name, marker->exe).has_value();
}

absl::StatusOr<std::string> WhyServiceIsStale(const std::string& manager, const std::string& root,
                                              const std::string& name) {
  if (manager == "systemd") {
    absl::StatusOr<std::string> stale = WhyUnitIsStale(name);
    if (!stale.ok() || !stale->empty()) return stale;
    return std::string(CheckReachOf(name).message());
  }
  absl::StatusOr<bool> running = ServiceIsRunning(manager, root, name);
  if (!running.ok()) return running.status();
  return std::string(*running ? "" : "is not running");
}

absl::StatusOr<bool> ServiceMayComeUp(const std::string& manager, const std::string& root,
                                      const std::string& name) {
  if (manager == "process") {
    if (!ReadMarker(root, name).has_value()) return true;
    return ServiceIsRunning(manager, root, name);
  }
  if (manager != "systemd") return true;
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state.status();
  return state->active_state != "failed" && state->active_state != "inactive";
}

absl::StatusOr<bool> StopService(const std::string& manager, const std::string& root,
                                 const std::string& name) {
  absl::StatusOr<bool> running = ServiceIsRunning(manager, root, name);
  if (!running.ok() || !*running) return running;
  if (manager == "systemd") {
    absl::Status status = StopUnit(name);
    if (!status.ok()) return status;
    return true;
  }
  std::optional<ServiceMarker> marker = ReadMarker(root, name);
  std::optional<Instance> instance;
  if (marker.has_value()) instance = InstanceOfPidFile(root, name, marker->exe);
  if (!instance.has_value()) return false;  // it has ended since
  absl::Status status = StopInstance(*instance);
  if (!status.ok()) return status;
  return true;
}

std::string LastLogLines(const std::string& manager, const std::string& root, const std::string& name,
                         size_t first) {
  return LastLines(manager == "systemd" ? JournalOf(name) : LogOfThisStart(root, name), first);
}

}  // namespace kplan
