#include "src/steps/service/service_retire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <variant>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/host/process_manager.h"
#include "src/host/service_marker.h"
#include "src/systemd/systemctl.h"

namespace kplan {
namespace {

namespace fs = std::filesystem;

struct Service {
  std::string manager;
  bool root_exists = false;
  ProcessSpec process;
};

absl::StatusOr<Service> ReadService(const ActivateRecord& record) {
  Service service;
  service.manager = "systemd";
  service.process.name = record.name;
  service.process.root = record.root;
  service.root_exists = true;
  return service;
}

absl::StatusOr<Service> ReadService(const ServiceRecord& record) {
  Service service;
  service.manager = record.manager;
  service.process.name = record.name;
  service.process.root = record.root;
  if (record.argv.empty()) return absl::DataLossError("the record has no argv");
  absl::StatusOr<std::string> root = RealRoot(service.process.root);
  service.root_exists = root.ok();
  if (root.ok()) {
    service.process.root = *std::move(root);
  } else {
    // Its folder is gone, and what ran from it may run still, under the names that it had.
    std::error_code error;
    fs::path absolute = fs::absolute(service.process.root, error).lexically_normal();
    if (error) return ErrnoStatus(error.value(), service.process.root);
    service.process.root = absolute.has_filename() ? absolute.string() : absolute.parent_path().string();
  }
  for (const auto& [text, path] : record.argv) {
    service.process.argv.push_back(
        path.empty() ? text : absl::StrCat(text, PathFromHere(service.process.root, path)));
  }
  return service;
}

absl::StatusOr<Service> ReadService(const AnyRecord& record) {
  if (const auto* service = std::get_if<ServiceRecord>(&record)) return ReadService(*service);
  if (const auto* unit = std::get_if<ActivateRecord>(&record)) return ReadService(*unit);
  return absl::InvalidArgumentError("the record is not a service's");
}

// The marker knows what the service was started with, which the record may not any more.
std::optional<Instance> FindInstanceOf(const Service& service, bool await_start) {
  const ProcessSpec& process = service.process;
  if (std::optional<ServiceMarker> marker = ReadMarker(process.root, process.name)) {
    std::optional<Instance> instance = InstanceOfPidFile(process.root, process.name, marker->exe);
    if (instance.has_value()) return instance;
  }
  return FindRunning(process, await_start);
}

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// FILE is below a root that somebody else may be able to write to.
absl::Status RemoveBelow(const std::string& root, absl::string_view path) {
  absl::StatusOr<HostPath> split = SplitHostPath(path);
  if (!split.ok()) return split.status();
  absl::StatusOr<UniqueFd> folder = OpenFolderBelow(root, split->folder, /*create=*/false);
  if (absl::IsNotFound(folder.status())) return absl::OkStatus();
  if (!folder.ok()) return folder.status();
  if (unlinkat(folder->get(), split->name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("cannot remove ", PathFromHere(root, path)));
}

absl::Status RetireUnit(const std::string& name) {
  absl::StatusOr<UnitState> state = ShowUnit(name);
  if (!state.ok()) return state.status();
  if (state->active_state != "inactive" && state->active_state != "failed") {
    if (absl::Status status = StopUnit(name); !status.ok()) return status;
  }
  return DisableUnit(name);
}

}  // namespace

absl::StatusOr<ServiceRemains> LookAtRemains(const AnyRecord& record) {
  ServiceRemains remains;
  absl::StatusOr<Service> service = ReadService(record);
  if (!service.ok()) return service.status();
  const std::string &root = service->process.root, &name = service->process.name;
  if (service->manager == "none") return remains;
  if (service->manager == "systemd") {
    absl::StatusOr<bool> active = UnitIsActive(name);
    if (!active.ok()) return active.status();
    remains.running = *active;
    remains.enabled = !EnablementLinks(name).empty();
  } else {
    remains.running = FindInstanceOf(*service, /*await_start=*/false).has_value();
    if (Exists(PidFilePath(root, name))) remains.files.push_back(PidFilePath(root, name));
  }
  if (Exists(MarkerPath(root, name))) remains.files.push_back(MarkerPath(root, name));
  return remains;
}

absl::Status RetireService(const AnyRecord& record) {
  absl::StatusOr<Service> service = ReadService(record);
  if (!service.ok()) return service.status();
  const std::string &root = service->process.root, &name = service->process.name;
  if (service->manager == "none") return absl::OkStatus();

  UniqueFd lock;
  if (service->root_exists) {
    absl::StatusOr<UniqueFd> taken = LockService(root, name);
    if (!taken.ok()) return taken.status();
    lock = *std::move(taken);
  }
  absl::Status status;
  if (service->manager == "systemd") {
    status = RetireUnit(name);
  } else if (std::optional<Instance> instance = FindInstanceOf(*service, /*await_start=*/true)) {
    status = StopInstance(*instance);
  }
  if (!status.ok() || !service->root_exists) return status;
  // While the marker is there a service that comes up again is known as kplan's, so it goes last; but for the
  // lock, whose name is free as soon as nobody needs to wait for it any more.
  for (const std::string& file :
       {absl::StrCat("/run/", name, ".pid"), absl::StrCat("/run/kplan/", name, ".started"),
        absl::StrCat("/run/kplan/", name, ".lock")}) {
    status.Update(RemoveBelow(root, file));
  }
  return status;
}

}  // namespace kplan
