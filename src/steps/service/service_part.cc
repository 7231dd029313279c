#include "src/steps/service/service_part.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/clock.h"
#include "src/base/digest.h"
#include "src/host/process_info.h"
#include "src/host/process_manager.h"
#include "src/host/service_marker.h"
#include "src/host/waiting_file.h"
#include "src/steps/service/service_decision.h"
#include "src/steps/service/service_start.h"
#include "src/systemd/systemctl.h"
#include "src/systemd/unit_rights.h"

namespace kplan {
namespace {

absl::StatusOr<RunningService> LookAtRunning(const ServiceSpec& service, bool await_start) {
  // Whether systemd has read the unit as it is on disk is not this part's affair.
  if (service.manager == "systemd")
    return RunningUnit(LookAtUnit(service.process.name, /*file_to_come=*/true));
  RunningService running;
  running.instance = FindRunning(service.process, await_start);
  return running;
}

struct Seen {
  ServiceSpec service;
  std::optional<ServiceMarker> marker;
  RunningService running;
  ServiceMarker wanted;  // with the files of `only` alone
  ServiceDecision decision;
};

absl::StatusOr<Seen> Look(ServiceSpec service, const ServiceRecord& record, bool await_start) {
  Seen seen;
  seen.service = std::move(service);
  seen.marker = ReadMarker(seen.service.process.root, record.name);
  absl::StatusOr<RunningService> running = LookAtRunning(seen.service, await_start);
  if (!running.ok()) return running.status();
  seen.running = *std::move(running);
  static const auto* const kNone = new std::map<std::string, FileSeen>;
  absl::StatusOr<std::map<std::string, FileSeen>> files = LookAtFiles(
      seen.service.process.root, record.only, seen.marker.has_value() ? seen.marker->files : *kNone);
  if (!files.ok()) return files.status();
  seen.wanted.files = *std::move(files);
  absl::StatusOr<ServiceDecision> decision =
      DecideOnPart(seen.service, seen.running, seen.marker, seen.wanted);
  if (!decision.ok()) return decision.status();
  seen.decision = *std::move(decision);
  return seen;
}

// It is started again as it was started before.
absl::Status KeepCommand(const Instance& instance, ServiceSpec* service) {
  absl::StatusOr<std::vector<std::string>> argv = ArgvOf(instance.pid);
  if (!argv.ok()) return argv.status();
  absl::StatusOr<std::vector<std::string>> environment = EnvironmentOf(instance.pid);
  if (!environment.ok()) return environment.status();
  service->process.argv = *std::move(argv);
  service->process.environment = *std::move(environment);
  service->environment_file.clear();
  return absl::OkStatus();
}

absl::Status PutInPlace(const ServiceSpec& service, const std::vector<std::string>& paths) {
  for (const std::string& path : PathsWithWaiting(service.process.root, paths)) {
    if (absl::Status status = PutWaitingInPlace(service.process.root, path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Write(const Seen& seen, const ServiceMarker& marker) {
  return WriteMarker(seen.service.process.root, seen.service.process.name, marker);
}

// What the marker says of the instance that comes of a restart. Where nothing was known of the one before, it
// speaks of the files of this part alone: of the others it is not known what was read, and the next look at
// the whole finds that.
ServiceMarker NextMarker(const Seen& seen) {
  ServiceMarker next = seen.decision.known ? *seen.marker : ServiceMarker();
  if (!seen.decision.known && seen.service.manager == "process") next.exe = seen.service.process.Exe();
  next.replaces = seen.running.instance.has_value() ? seen.running.instance->ToString() : "";
  next.instance.clear();
  next.begun_ticks = TicksSinceBoot();
  next.boot = BootId();
  return next;
}

absl::StatusOr<Instance> Restart(Seen* seen, const std::vector<std::string>& only, absl::Time deadline,
                                 Clock* clock) {
  ServiceSpec& service = seen->service;
  if (service.manager == "process" && seen->running.instance.has_value()) {
    if (absl::Status status = KeepCommand(*seen->running.instance, &service); !status.ok()) return status;
  }
  ServiceMarker next = NextMarker(*seen);
  for (const std::string& path : only) next.files.erase(path);
  absl::Status status = Write(*seen, next);
  if (status.ok()) status = PutInPlace(service, only);
  for (const auto& [path, file] : seen->wanted.files) next.files[path] = file;
  if (status.ok()) status = Write(*seen, next);
  if (!status.ok()) return status;
  absl::StatusOr<Instance> instance = StartService(service, seen->running, deadline, clock);
  if (!instance.ok()) return instance.status();
  next.instance = instance->ToString();
  if (absl::Status status = Write(*seen, next); !status.ok()) return status;
  return instance;
}

absl::StatusOr<Instance> Reload(const Seen& seen, absl::Time deadline, Clock* clock) {
  const Instance instance = *seen.running.instance;
  if (absl::Status status = AwaitAnswers(seen.service, instance, deadline, clock); !status.ok())
    return status;
  ServiceMarker marker = seen.decision.known ? *seen.marker : ServiceMarker();
  for (const std::string& path : seen.decision.unread) marker.files.erase(path);
  if (absl::Status status = Write(seen, marker); !status.ok()) return status;
  absl::StatusOr<Instance> reloaded = ReloadService(seen.service, instance, deadline, clock);
  if (!reloaded.ok()) return reloaded.status();
  for (const std::string& path : seen.decision.unread) marker.files[path] = seen.wanted.files.at(path);
  marker.instance = reloaded->ToString();
  if (absl::Status status = Write(seen, marker); !status.ok()) return status;
  return reloaded;
}

std::string DigestOf(const std::optional<Instance>& instance, const ServiceMarker& wanted) {
  Sha256Stream digest;
  digest.Update(absl::StrCat(instance.has_value() ? instance->ToString() : "", "\n"));
  for (const auto& [path, seen] : wanted.files) digest.Update(absl::StrCat(seen.sha256, " ", path, "\n"));
  return digest.FinishHex();
}

}  // namespace

absl::StatusOr<StepResult> PartOfServiceStep(const StepContext& context, const ServiceRecord& record) {
  absl::StatusOr<ServiceSpec> service = ServiceSpec::From(record);
  if (!service.ok()) return service.status();
  StepResult result;
  if (service->manager == "none") return result;
  absl::StatusOr<UniqueFd> lock = LockService(service->process.root, record.name);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<Seen> seen = Look(*std::move(service), record, /*await_start=*/true);
  if (!seen.ok()) return seen.status();
  const ServiceDecision& decision = seen->decision;
  const bool acts = !decision.reasons.empty() || !decision.unread.empty();
  if (acts && seen->service.manager == "systemd") {
    if (absl::Status may = CheckMayManageUnits(); !may.ok()) return may;
  }
  const absl::Time deadline =
      context.clock->Now() + (acts ? StartTimeout(seen->service) : seen->service.timeout);
  std::optional<Instance> instance = seen->running.instance;
  result.runs_on = decision.reasons.empty();
  absl::StatusOr<Instance> done = instance.value_or(Instance());
  if (!decision.reasons.empty()) {
    result.reason =
        absl::StrCat(instance.has_value() ? "restarted: " : "started: ", Join(decision.reasons, ", "));
    done = Restart(&*seen, record.only, deadline, context.clock);
  } else if (!decision.unread.empty() && instance.has_value()) {
    result.reason = absl::StrCat("reloaded: ", Join(decision.reload, ", "));
    done = Reload(*seen, deadline, context.clock);
  } else if (absl::Status status = PutInPlace(seen->service, record.only); !status.ok()) {
    return status;
  }
  if (!done.ok()) return done.status();
  if (instance.has_value() || acts) instance = *done;
  if (!seen->service.await_start && instance.has_value()) {
    absl::Status status = AwaitAnswers(seen->service, *instance, deadline, context.clock);
    if (!status.ok()) return status;
  }
  result.digest = DigestOf(instance, seen->wanted);
  return result;
}

absl::StatusOr<Outlook> PartOfServiceLook(const LookContext&, const ServiceRecord& record) {
  absl::StatusOr<ServiceSpec> service = ServiceSpec::From(record);
  if (!service.ok()) return service.status();
  Outlook outlook;
  if (service->manager == "none") return outlook;
  absl::StatusOr<Seen> seen = Look(*std::move(service), record, /*await_start=*/false);
  if (!seen.ok()) return seen.status();
  const bool runs = seen->running.instance.has_value() || seen->running.coming_up.has_value();
  outlook.reasons = seen->decision.reasons;
  outlook.restarts = runs && !outlook.reasons.empty();
  outlook.starts = !runs && !outlook.reasons.empty();
  if (outlook.reasons.empty() && !seen->decision.unread.empty()) {
    outlook.reasons = seen->decision.reload;
    outlook.reloads = true;
  }
  outlook.digest = DigestOf(seen->running.instance, seen->wanted);
  return outlook;
}

}  // namespace kplan
