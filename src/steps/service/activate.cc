// A unit beside a service's own (a timer, a socket, a path, a target, a mount), made to work: systemd knows
// it as it is on disk, it is enabled when it has an [Install] section, and active, started from the text that
// is there now. A step before has put its file there.
//
// The text it was started from is in a marker, as a service's is (host/service_marker.h); `instance` is the
// unit's InvocationID. Without one, after a boot, it was started from the text that is there when that did
// not change since. A job (Type=oneshot) is not active once it is done: it is run when its text changed, and
// when it was not run since the machine was booted.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/host_file.h"
#include "src/host/process_info.h"
#include "src/host/service_marker.h"
#include "src/step/host_outlook.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/service/unit_beginning.h"
#include "src/systemd/systemctl.h"
#include "src/systemd/unit_name.h"
#include "src/systemd/unit_rights.h"
#include "src/systemd/unit_text.h"

namespace kplan {
namespace {

absl::Status CheckUnit(const ActivateRecord& unit) {
  if (unit.root != "/") {
    return absl::InvalidArgumentError(
        absl::StrCat("systemd manages the units of this machine's /, not of ", unit.root));
  }
  if (FullUnitName(unit.name) != unit.name) {
    return absl::InvalidArgumentError(absl::StrCat(unit.name, " is not the full name of a unit"));
  }
  return absl::OkStatus();
}

// Whether TEXT says what enables the unit. Alias and Also alone make no link that starts it.
bool CanBeEnabled(absl::string_view text) {
  std::optional<std::vector<UnitAssignment>> assignments = ParseUnitText(text);
  return assignments.has_value() &&
         std::any_of(assignments->begin(), assignments->end(), [](const UnitAssignment& assignment) {
           return assignment.section == "Install" && !assignment.value.empty() &&
                  (assignment.key == "WantedBy" || assignment.key == "RequiredBy");
         });
}

// What systemd says, and the marker.
struct UnitSeen {
  UnitState state;
  std::optional<ServiceMarker> marker;
  bool job = false;  // Type=oneshot that is over when it has run

  bool up() const {
    if (state.active_state == "active") return true;
    return job && state.active_state == "inactive" && state.began != 0 && state.result == "success";
  }
  // The marker is about the last start.
  bool started() const {
    return marker.has_value() && !marker->instance.empty() && marker->instance == state.invocation;
  }
};

absl::StatusOr<UnitSeen> Observe(const ActivateRecord& unit, absl::StatusOr<UnitState> state) {
  if (!state.ok()) return state.status();
  UnitSeen seen;
  seen.state = *std::move(state);
  seen.marker = ReadMarker(unit.root, unit.name);
  absl::StatusOr<std::map<std::string, std::string>> properties =
      ShowProperties(unit.name, {"RemainAfterExit", "Type"});
  if (!properties.ok()) return properties.status();
  seen.job = (*properties)["Type"] == "oneshot" && (*properties)["RemainAfterExit"] == "no";
  return seen;
}

// Whether it was started from another text than FILE, which is there now.
absl::StatusOr<bool> StartedFromAnother(const ActivateRecord& unit, const UnitSeen& seen,
                                        const FileSeen& file) {
  if (seen.started()) {
    auto known = seen.marker->files.find(unit.path);
    return known == seen.marker->files.end() || known->second.sha256 != file.sha256;
  }
  if (seen.state.needs_daemon_reload) return true;
  absl::StatusOr<bool> unchanged =
      UnchangedSinceStart(PathFromHere(unit.root, unit.path), BeginningOf(seen.state));
  if (!unchanged.ok()) return unchanged.status();
  return !*unchanged;
}

// Why the unit has to be started, or started again.
absl::StatusOr<std::vector<Reason>> WhyStart(const ActivateRecord& unit, const UnitSeen& seen,
                                             const FileSeen& file) {
  if (!seen.up()) return std::vector<Reason>{{"not-active", seen.job ? "was not run" : "was not active"}};
  absl::StatusOr<bool> another = StartedFromAnother(unit, seen, file);
  if (!another.ok()) return another.status();
  if (*another) return std::vector<Reason>{{"unit", "unit changed"}};
  return std::vector<Reason>();
}

std::string DigestOfActivation(const ActivateRecord& unit, const FileSeen& file) {
  return Sha256Hex(absl::StrCat(unit.name, "\n", file.sha256, "\n"));
}

absl::StatusOr<FileSeen> LookAtUnitFile(const ActivateRecord& unit,
                                        const std::optional<ServiceMarker>& marker) {
  absl::StatusOr<std::map<std::string, FileSeen>> files = LookAtFiles(
      unit.root, {unit.path}, marker.has_value() ? marker->files : std::map<std::string, FileSeen>());
  if (!files.ok()) return files.status();
  return files->at(unit.path);
}

absl::Status Mark(const ActivateRecord& unit, const UnitState& state, const FileSeen& file) {
  ServiceMarker marker;
  marker.instance = state.invocation;
  marker.boot = BootId();
  marker.files[unit.path] = file;
  return WriteMarker(unit.root, unit.name, marker);
}

}  // namespace

absl::StatusOr<StepResult> ActivateStep(const StepContext&, const ActivateRecord& unit) {
  if (absl::Status status = CheckUnit(unit); !status.ok()) return status;
  absl::StatusOr<UniqueFd> lock = LockService(unit.root, unit.name);
  if (absl::IsPermissionDenied(lock.status())) {
    if (absl::Status may = CheckMayManageUnits(); !may.ok()) return may;
  }
  if (!lock.ok()) return lock.status();
  absl::StatusOr<std::string> text = ReadFile(PathFromHere(unit.root, unit.path), kMaxUnitText);
  if (!text.ok()) return text.status();
  absl::StatusOr<FileSeen> file = LookAtUnitFile(unit, ReadMarker(unit.root, unit.name));
  if (!file.ok()) return file.status();
  std::vector<Reason> reasons;
  if (CanBeEnabled(*text) && EnablementLinks(unit.name).empty()) {
    reasons.push_back({"not-enabled", "was not enabled"});
  }
  absl::StatusOr<UnitSeen> seen = Observe(unit, PrepareUnit(unit.name));
  if (!seen.ok()) return seen.status();
  absl::StatusOr<std::vector<Reason>> why = WhyStart(unit, *seen, *file);
  if (!why.ok()) return why.status();
  reasons.insert(reasons.end(), why->begin(), why->end());
  if (!why->empty()) {
    absl::StatusOr<UnitState> state = ActivateUnit(unit.name);
    if (!state.ok()) return state.status();
    seen->state = *std::move(state);
  }
  if (!seen->started() || !why->empty()) {
    if (absl::Status status = Mark(unit, seen->state, *file); !status.ok()) return status;
  }
  StepResult result;
  result.reason = Join(reasons);
  result.digest = DigestOfActivation(unit, *file);
  result.files.push_back(MarkerPath(unit.root, unit.name));
  for (std::string& link : EnablementLinks(unit.name)) result.files.push_back(std::move(link));
  return result;
}

absl::StatusOr<Outlook> ActivateLook(const LookContext& context, const ActivateRecord& unit) {
  if (absl::Status status = CheckUnit(unit); !status.ok()) return status;
  const std::string path = PathFromHere(unit.root, unit.path);
  const ForeseenFile* coming = context.foreseen.Find(path);
  Outlook outlook;
  std::optional<std::string> text;
  FileSeen file;
  if (coming != nullptr) {
    text = coming->content;
    file.sha256 = DigestOf(*coming).value_or("");
  } else {
    absl::StatusOr<std::string> there = ReadFile(path, kMaxUnitText);
    if (!there.ok()) return there.status();
    text = *std::move(there);
    absl::StatusOr<FileSeen> at = LookAtUnitFile(unit, ReadMarker(unit.root, unit.name));
    if (!at.ok()) return at.status();
    file = *std::move(at);
  }
  if (text.has_value() && CanBeEnabled(*text) && EnablementLinks(unit.name).empty()) {
    outlook.reasons.push_back({"not-enabled", "was not enabled"});
  }
  absl::StatusOr<UnitSeen> seen = Observe(unit, LookAtUnit(unit.name, /*file_to_come=*/coming != nullptr));
  if (!seen.ok()) return seen.status();
  if (coming != nullptr && !seen->started()) seen->state.needs_daemon_reload = true;  // by then
  absl::StatusOr<std::vector<Reason>> why = WhyStart(unit, *seen, file);
  if (!why.ok()) return why.status();
  outlook.reasons.insert(outlook.reasons.end(), why->begin(), why->end());
  if (!outlook.reasons.empty()) {
    if (absl::Status may = CheckMayManageUnits(); !may.ok()) return may;
  }
  outlook.restarts = !why->empty() && seen->state.active_state == "active";
  outlook.starts = !why->empty() && !outlook.restarts;
  if (!file.sha256.empty()) outlook.digest = DigestOfActivation(unit, file);
  outlook.changes_digest = coming != nullptr && !why->empty();
  return outlook;
}

}  // namespace kplan
