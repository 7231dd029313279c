// A service that runs with what its record names.
//
// The service is started, or started again, when it does not run, or runs with other inputs than the files in
// restart_on (and the arguments and environment, but for what is in environment_file) now are. What it was
// started with is known
//   - from the marker (host/service_marker.h), by digest, when that is about the running instance;
//   - otherwise from the process itself: the program that it executes, byte for byte; its arguments; its
//     environment; and that no other file of restart_on changed after its start. When all of these fit, the
//     instance is adopted: it gets its marker and is not touched. Doubt means a restart.
// When a file of reload_on is another one than the running instance has read, and nothing calls for a
// restart, the service is told to read its files again: `systemctl reload`, awaited, or SIGHUP. The marker
// forgets these files before, and has them again when that is done: so a run that is killed in between leaves
// a marker that asks for the reload, whatever becomes of the files meanwhile. Without a marker a file that
// may have changed after the start calls for a reload.
//
// One that starts by-unit, by a timer or a socket, is neither started nor enabled, and is fine when it does
// not run; one that runs with old inputs is restarted, but for a job (Type=oneshot), which has the new ones
// the next time.
//
// A file that waits beside its place for this restart (host/waiting_file.h) counts as if it were in place
// already, as another one than before, and is put there right before the service is started. Meanwhile the
// marker says of these files nothing: what somebody else starts in this moment may read some of them as they
// were, and is restarted by the next run. Where nothing has to be restarted, because what runs was started
// with the same content, they are put in place, too: none is left behind.
//
// A unit of systemd that is on its way up, and has no main process yet, is waited for while nothing says that
// it would run with other inputs: a restart would begin anew what it does before (ExecStartPre=), or do at
// once what systemd is going to do after its pause (RestartSec=).
//
// Where another process has an address of the service, nothing is stopped or started (ports.h).
//
// The marker is written before the step waits for answers: a service that comes up too slowly fails the step
// (so that its stamp, which is the debt, is not paid) but is not started again for that by the next run.

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "src/base/clock.h"
#include "src/base/digest.h"
#include "src/base/text.h"
#include "src/base/url.h"
#include "src/host/host_file.h"
#include "src/host/process_manager.h"
#include "src/host/service_marker.h"
#include "src/host/waiting_file.h"
#include "src/step/command_changes.h"
#include "src/step/host_outlook.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/step/waited.h"
#include "src/steps/service/ports.h"
#include "src/steps/service/service_decision.h"
#include "src/steps/service/service_part.h"
#include "src/steps/service/service_reload.h"
#include "src/steps/service/service_start.h"
#include "src/steps/service/service_state.h"
#include "src/steps/service/service_upkeep.h"
#include "src/systemd/environment_file.h"
#include "src/systemd/systemctl.h"
#include "src/systemd/unit_readback.h"
#include "src/systemd/unit_rights.h"

namespace kplan {
namespace {

// In the digest, where there is no instance to name.
constexpr char kByUnit[] = "by-unit";

// RunningUnit; of a service that others start, a job that is under way ends by itself.
absl::StatusOr<RunningService> RunningUnitOf(const ServiceSpec& service,
                                             const absl::StatusOr<UnitState>& state) {
  absl::StatusOr<RunningService> running = RunningUnit(state);
  if (!service.by_unit || !running.ok()) return running;
  running->coming_up.reset();  // by whoever starts it
  if (running->active) return running;
  auto properties = ShowProperties(service.process.name, {"Type"});
  if (!properties.ok()) return properties.status();
  if ((*properties)["Type"] == "oneshot") running->instance.reset();
  return running;
}

// systemd has the unit as it is in place, and it is enabled when it has to be.
absl::StatusOr<UnitState> Prepare(const ServiceSpec& service) {
  return service.by_unit ? PrepareUnitOfOthers(service) : PrepareUnit(service.process.name);
}

// UNIT_WAITS: another unit is going to be in place before the service is started, and what is wrong with this
// one says nothing. PREPARES: what runs this may put right how systemd has it.
absl::StatusOr<RunningService> LookAtRunning(const ServiceSpec& service, bool unit_waits, bool prepares) {
  if (service.manager == "systemd") {
    absl::StatusOr<RunningService> running = RunningUnitOf(
        service, unit_waits || !prepares ? LookAtUnit(service.process.name, /*file_to_come=*/unit_waits)
                                         : Prepare(service));
    if (running.ok() && unit_waits) running->unit_changed = true;
    return running;
  }
  RunningService running;
  running.instance = FindRunning(service.process);
  return running;
}

// What systemd did not take from the unit as it is written would come to light when something depends on it.
absl::Status ReadBack(const ServiceSpec& service) {
  return ReadBackUnit(absl::StrCat(service.process.name, ".service"),
                      PathFromHere(service.process.root, service.unit));
}

// Puts the files that wait for WAITING in place, in the order of the record: the unit, which names the
// others, comes last.
absl::Status PutInPlace(const ServiceSpec& service, const std::set<std::string>& waiting) {
  for (const std::string& path : service.Watched()) {
    if (waiting.count(path) == 0) continue;
    if (absl::Status status = PutWaitingInPlace(service.process.root, path); !status.ok()) return status;
  }
  if (service.manager != "systemd" || waiting.count(service.unit) == 0) return absl::OkStatus();
  // By its times alone systemd need not see that it is another one.
  if (absl::Status status = ReadUnitsAgain(); !status.ok()) return status;
  if (absl::StatusOr<UnitState> state = Prepare(service); !state.ok()) return state.status();
  return ReadBack(service);
}

const std::map<std::string, FileSeen>& FilesOf(const std::optional<ServiceMarker>& marker) {
  static const auto* const kNone = new std::map<std::string, FileSeen>;
  return marker.has_value() ? marker->files : *kNone;
}

std::string ArtifactDigest(const std::string& instance, const std::map<std::string, FileSeen>& files) {
  Sha256Stream digest;
  digest.Update(absl::StrCat(instance, "\n"));
  for (const auto& [path, seen] : files) digest.Update(absl::StrCat(seen.sha256, " ", path, "\n"));
  return digest.FinishHex();
}

std::string AnswersText(const ServiceSpec& service) {
  if (service.await_start) return absl::StrCat(service.process.name, " was started");
  if (service.answers.empty()) return absl::StrCat(service.process.name, " was up");
  return absl::StrCat(absl::StrJoin(service.answers, " and "), " answered");
}

// The files of restart_on and reload_on as they are or will be, and which of them are going to be written, or
// put in place.
struct FilesToCome {
  std::map<std::string, FileSeen> files;
  std::set<std::string> rewritten;
  bool differ = false;  // one will be other than it is
};

absl::StatusOr<FilesToCome> LookAhead(const ServiceSpec& service, const Foreseen& foreseen,
                                      const std::map<std::string, FileSeen>& known) {
  FilesToCome result;
  for (const std::string& path : service.Watched()) {
    const ForeseenFile* file = foreseen.Find(PathFromHere(service.root, path));
    absl::StatusOr<std::map<std::string, FileSeen>> now = LookAtFiles(service.process.root, {path}, known);
    if (file == nullptr) {
      if (!now.ok()) return now.status();
      result.files[path] = now->at(path);
      if (HasWaiting(service.process.root, path)) result.rewritten.insert(path);
      continue;
    }
    if (file->comes != ForeseenFile::Comes::kAlready) result.rewritten.insert(path);
    const std::string sha256 = DigestOf(*file).value_or("");
    result.files[path].sha256 = sha256;
    if (!now.ok() || sha256.empty() || now->at(path).sha256 != sha256) result.differ = true;
  }
  return result;
}

// From what the running instance was started with to what the record wants.
std::vector<Change> ChangesOfCommand(const ServiceSpec& service, const Instance& instance) {
  std::vector<Change> changes;
  absl::StatusOr<std::vector<std::string>> argv = ArgvOf(instance.pid);
  if (argv.ok() && !IsTitle(*argv, service.process.argv))
    changes = CommandChanges(*argv, service.process.argv);
  absl::StatusOr<std::vector<std::string>> environment = EnvironmentOf(instance.pid);
  if (!environment.ok()) return changes;
  // systemd adds variables of its own, and more come from the unit. A file of them may still have to come.
  bool others = service.manager == "systemd";
  std::vector<std::string> wanted = service.process.environment;
  if (!service.environment_file.empty()) {
    absl::StatusOr<std::vector<std::string>> file = ReadEnvironmentFile(service.environment_file);
    others = others || !file.ok();
    if (file.ok()) wanted = WithVariables(std::move(wanted), *file);
  }
  for (Change& change : EnvironmentChanges(*environment, wanted)) {
    if (others && change.to.empty()) continue;
    changes.push_back(std::move(change));
  }
  return changes;
}

bool AnyForeseen(const ServiceRecord& record, const Foreseen& foreseen) {
  auto is_foreseen = [&](const std::string& path) {
    return foreseen.Find(PathFromHere(record.root, path)) != nullptr;
  };
  return std::any_of(record.restart_on.begin(), record.restart_on.end(), is_foreseen) ||
         std::any_of(record.reload_on.begin(), record.reload_on.end(), is_foreseen);
}

// Whether who runs this may have its manager do something with SERVICE.
absl::Status CheckMayManage(const ServiceSpec& service) {
  return service.manager == "systemd" ? CheckMayManageUnits() : absl::OkStatus();
}

}  // namespace

absl::StatusOr<StepResult> ServiceStep(const StepContext& context, const ServiceRecord& record) {
  if (!record.only.empty()) return PartOfServiceStep(context, record);
  absl::StatusOr<ServiceSpec> read = ServiceSpec::From(record);
  if (!read.ok()) return read.status();
  const ServiceSpec& service = *read;
  const std::string &root = service.process.root, &name = service.process.name;

  const absl::Status may = CheckMayManage(service);
  UniqueFd lock;
  if (service.manager != "none") {
    absl::StatusOr<UniqueFd> taken = LockService(root, name);
    if (!taken.ok()) return absl::IsPermissionDenied(taken.status()) && !may.ok() ? may : taken.status();
    lock = *std::move(taken);
  }

  // Read before anything is started: what is in the marker is at most older than what the service then reads.
  std::optional<ServiceMarker> marker = ReadMarker(root, name);
  absl::StatusOr<std::map<std::string, FileSeen>> files =
      LookAtFiles(root, service.Watched(), FilesOf(marker));
  if (!files.ok()) return files.status();

  StepResult result;
  if (service.manager == "none") {
    result.digest = ArtifactDigest("none", *files);
    result.output =
        absl::StrCat(name, ": its files are in place; nothing is started (service-manager: none)");
    return result;
  }

  const std::set<std::string> waiting = PathsWithWaiting(root, service.Watched());
  const bool unit_waits = waiting.count(service.unit) != 0;
  const std::optional<std::string> unit_text = UnitTextToCome(service, Foreseen());
  if (absl::Status status = CheckUnitOf(service, unit_text, Foreseen()); !status.ok()) return status;
  const bool not_enabled = IsNotEnabled(service, unit_text);
  absl::StatusOr<RunningService> running = LookAtRunning(service, unit_waits, may.ok());
  if (!running.ok()) return running.status();
  if (service.manager == "systemd" && !unit_waits) {
    if (absl::Status status = ReadBack(service); !status.ok()) return status;
  }
  ServiceMarker wanted = WantedMarker(service, *std::move(files));
  absl::StatusOr<ServiceDecision> decision = DecideOnService(service, *running, marker, wanted, waiting);
  if (!decision.ok()) return decision.status();
  const std::vector<Reason>& reasons = decision->reasons;
  const std::vector<std::string>& unread = decision->unread;

  const bool acts = !reasons.empty() || !unread.empty() || running->unit_changed || not_enabled;
  if (acts && !may.ok()) return may;
  if (!reasons.empty() && !service.by_unit) {
    if (absl::Status status = CheckAddresses(service, running->instance); !status.ok()) return status;
  }

  Clock* const clock = context.clock;
  const absl::Time begun = clock->Now();
  std::optional<Instance> instance = running->instance;
  if (!reasons.empty()) {
    result.reason = absl::StrCat(instance.has_value() ? "restarted: " : "started: ", Join(reasons, ", "));
    if (instance.has_value()) wanted.replaces = instance->ToString();
  }
  if (!waiting.empty()) {
    ServiceMarker between = wanted;
    for (const std::string& path : waiting) between.files.erase(path);
    absl::Status status = reasons.empty() ? absl::OkStatus() : WriteMarker(root, name, between);
    if (status.ok()) status = PutInPlace(service, waiting);
    if (!status.ok()) return status;
  }
  // Systemd has read the unit by now.
  const absl::Time deadline = begun + (acts || !running->active ? StartTimeout(service) : service.timeout);
  result.runs_on = reasons.empty();
  if (reasons.empty()) {
    const bool coming_up = running->coming_up.has_value();
    const std::vector<Reason> upkeep =
        UnitUpkeep(running->unit_changed && !unit_waits, not_enabled, coming_up);
    if (!upkeep.empty()) result.reason = absl::StrCat(kPutRight, Join(upkeep, ", "));
    if (service.manager == "process") {
      if (absl::Status status = EnsurePidFile(service.process, *instance); !status.ok()) return status;
    } else if (!running->active && (!service.await_start || !instance.has_value()) && !service.by_unit) {
      // It is on its way up, started at boot or by a run that was killed. Between two tries only what comes
      // of the next one counts.
      absl::StatusOr<Instance> active =
          AwaitMainProcess(service, running->between_tries ? running->invocation : "", deadline, clock);
      if (!active.ok()) return active.status();
      instance = *active;
    }
  } else {
    if (absl::Status status = WriteMarker(root, name, wanted); !status.ok()) return status;
    absl::StatusOr<std::optional<Instance>> started =
        service.by_unit ? RestartIfRunning(service) : StartService(service, *running, deadline, clock);
    if (!started.ok()) return started.status();
    instance = *started;
  }
  if (!unread.empty()) {
    // One that has just come up may not heed the signal yet.
    if (absl::Status status = AwaitAnswers(service, *instance, deadline, clock); !status.ok()) return status;
    result.reason = absl::StrCat("reloaded: ", Join(decision->reload, ", "));
    ServiceMarker before = decision->known ? *marker : wanted;
    before.instance = instance->ToString();
    for (const std::string& path : unread) before.files.erase(path);
    if (absl::Status status = WriteMarker(root, name, before); !status.ok()) return status;
    absl::StatusOr<Instance> reloaded = ReloadService(service, *instance, deadline, clock);
    if (!reloaded.ok()) return reloaded.status();
    instance = *reloaded;
  }
  const bool news = !reasons.empty() || !unread.empty() || !decision->known || marker->instance.empty();
  if (news && instance.has_value()) {
    wanted.instance = instance->ToString();
    if (absl::Status status = WriteMarker(root, name, wanted); !status.ok()) return status;
  }
  if (!service.await_start && instance.has_value()) {
    if (absl::Status status = AwaitAnswers(service, *instance, deadline, clock); !status.ok()) return status;
  }
  if (service.by_unit) {
    result.digest = ArtifactDigest(kByUnit, wanted.files);
    return result;
  }
  result.output = WaitedLine(context.label, clock->Now() - begun, AnswersText(service));

  result.digest = ArtifactDigest(instance->ToString(), wanted.files);
  result.files.push_back(MarkerPath(service.root, name));
  if (service.manager == "process") {
    result.files.push_back(PidFilePath(service.root, name));
  } else {
    // A unit that somebody disabled runs on, and does not come back after a reboot.
    for (std::string& link : EnablementLinks(name)) result.files.push_back(std::move(link));
  }
  return result;
}

absl::StatusOr<Outlook> ServiceLook(const LookContext& context, const ServiceRecord& record) {
  if (!record.only.empty()) return PartOfServiceLook(context, record);
  absl::StatusOr<ServiceSpec> read = ServiceSpec::From(record, AnyForeseen(record, context.foreseen));
  if (!read.ok()) return read.status();
  const ServiceSpec& service = *read;
  const std::string &root = service.process.root, &name = service.process.name;
  std::optional<ServiceMarker> marker = ReadMarker(root, name);
  absl::StatusOr<FilesToCome> files = LookAhead(service, context.foreseen, FilesOf(marker));
  if (!files.ok()) return files.status();
  const bool digests_known = std::all_of(files->files.begin(), files->files.end(),
                                         [](const auto& file) { return !file.second.sha256.empty(); });

  Outlook outlook;
  if (service.manager == "none") {
    if (digests_known) outlook.digest = ArtifactDigest("none", files->files);
    outlook.changes_digest = files->differ;
    return outlook;
  }
  RunningService running;
  if (service.manager == "systemd") {
    const bool unit_to_come = files->rewritten.count(service.unit) != 0;
    absl::StatusOr<RunningService> unit = RunningUnitOf(service, LookAtUnit(name, unit_to_come));
    if (!unit.ok()) return unit.status();
    running = *std::move(unit);
    running.unit_changed = running.unit_changed || unit_to_come;
  } else {
    // Without waiting for a start that is under way: that is the step's to do.
    running.instance = FindRunning(service.process, /*await_start=*/false);
  }
  const std::optional<std::string> unit_text = UnitTextToCome(service, context.foreseen);
  if (absl::Status status = CheckUnitOf(service, unit_text, context.foreseen); !status.ok()) return status;
  const ServiceMarker wanted = WantedMarker(service, files->files);
  absl::StatusOr<ServiceDecision> decision =
      DecideOnService(service, running, marker, wanted, files->rewritten);
  if (!decision.ok()) return decision.status();
  outlook.reasons = std::move(decision->reasons);
  if (outlook.reasons.empty()) {
    // One that is on its way up may come up as another process.
    const bool settled = service.manager == "process" || running.active;
    if (digests_known && service.by_unit) {
      outlook.digest = ArtifactDigest(kByUnit, wanted.files);
    } else if (settled && digests_known) {
      outlook.digest = ArtifactDigest(running.instance->ToString(), wanted.files);
    }
    outlook.reloads = !decision->unread.empty();
    if (outlook.reloads && service.manager == "process") {
      if (absl::Status status = HeedsReload(name, *running.instance); !status.ok()) return status;
    }
    outlook.reasons = std::move(decision->reload);
    if (!outlook.reloads) {
      const bool unread = running.unit_changed && files->rewritten.count(service.unit) == 0;
      outlook.reasons = UnitUpkeep(unread, IsNotEnabled(service, unit_text), running.coming_up.has_value());
    }
    // Whoever only waits need not be allowed anything.
    const bool acts = std::any_of(outlook.reasons.begin(), outlook.reasons.end(),
                                  [](const Reason& reason) { return reason.name != kComingUp; });
    if (acts) {
      if (absl::Status status = CheckMayManage(service); !status.ok()) return status;
    }
    outlook.changes_digest = files->differ;
    return outlook;
  }
  if (absl::Status status = CheckMayManage(service); !status.ok()) return status;
  if (!service.by_unit) {
    if (absl::Status status = CheckAddresses(service, running.instance); !status.ok()) return status;
  }
  outlook.changes_digest = true;
  outlook.restarts = running.instance.has_value();
  outlook.starts = !outlook.restarts;
  if (outlook.restarts) outlook.changes = ChangesOfCommand(service, *running.instance);
  return outlook;
}

}  // namespace kplan
