#include "src/steps/service/service_info.h"

#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "src/host/process_manager.h"
#include "src/host/service_marker.h"
#include "src/steps/service/service_decision.h"
#include "src/systemd/systemctl.h"

namespace kplan {
namespace {

absl::StatusOr<std::optional<Instance>> InstanceOf(const ServiceSpec& service) {
  if (service.manager == "process") return FindRunning(service.process, /*await_start=*/false);
  absl::StatusOr<UnitState> state = ShowUnit(service.process.name);
  if (!state.ok()) return state.status();
  const bool runs = state->active_state == "active" || state->active_state == "reloading";
  return runs ? FindInstance(state->main_pid) : std::nullopt;
}

}  // namespace

absl::StatusOr<ServiceInfo> ServiceInfoOf(const ServiceRecord& record) {
  absl::StatusOr<ServiceSpec> service = ServiceSpec::From(record, /*root_to_come=*/true);
  if (!service.ok()) return service.status();
  ServiceInfo info;
  info.managed = service->manager != "none";
  if (!info.managed) return info;
  absl::StatusOr<std::optional<Instance>> instance = InstanceOf(*service);
  if (!instance.ok()) return instance.status();
  info.instance = *std::move(instance);
  if (!info.instance.has_value()) return info;
  info.since = StartOf(*info.instance, absl::Now());
  const std::string& root = service->process.root;
  std::optional<ServiceMarker> marker = ReadMarker(root, service->process.name);
  if (!marker.has_value() || !marker->IsAbout(*info.instance)) return info;
  for (const auto& [path, seen] : marker->files) info.started.emplace_back(path, seen.sha256);
  for (const std::string& path : service->Watched()) {
    auto known = marker->files.find(path);
    if (known == marker->files.end()) continue;  // the plan wants it to use one file more
    absl::StatusOr<std::map<std::string, FileSeen>> now = LookAtFiles(root, {path}, marker->files);
    if (now.ok() && now->at(path).sha256 != known->second.sha256) info.older.push_back(path);
  }
  return info;
}

}  // namespace kplan
