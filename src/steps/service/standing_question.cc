#include "src/steps/service/standing_question.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "src/host/host_file.h"
#include "src/host/service_marker.h"
#include "src/step/any_record.h"
#include "src/step/outlook.h"
#include "src/steps/files/delivery.h"
#include "src/steps/files/file_checked.h"
#include "src/steps/service/ports.h"
#include "src/steps/service/service_info.h"
#include "src/steps/service/service_upkeep.h"
#include "src/steps/service/unit_replacing.h"
#include "src/systemd/unit_drop_ins.h"

namespace kplan {
namespace {

void AddReasons(const std::vector<Reason>& reasons, std::vector<StandingAnswer::Why>* whys) {
  for (const Reason& reason : reasons) whys->push_back({std::string(reason.name), reason.text});
}

// A look at what is there: nothing is going to be written before.
LookContext AsItIs() {
  static const auto* const kNothing = new Foreseen;
  return {"", absl::Now(), *kNothing};
}

// What a step that delivers nothing would do here; nothing of it is of another kind.
absl::StatusOr<std::optional<Outlook>> LookFor(const AnyRecord& record) {
  absl::StatusOr<Outlook> look = Outlook();
  if (const auto* user = std::get_if<UserRecord>(&record)) {
    look = UserLook(AsItIs(), *user);
  } else if (const auto* unit = std::get_if<ActivateRecord>(&record)) {
    look = ActivateLook(AsItIs(), *unit);
  } else {
    return std::nullopt;
  }
  if (!look.ok()) return look.status();
  return *std::move(look);
}

// The programs of services, by the paths of their units.
using Programs = std::map<std::string, std::string>;

Programs ProgramsOf(const std::vector<StandingQuestion::Service>& services) {
  Programs programs;
  for (const StandingQuestion::Service& service : services) {
    const ServiceRecord& record = service.record;
    if (record.argv.empty()) continue;
    const auto& [text, path] = record.argv[0];
    programs[record.unit] = path.empty() ? text : PathFromHere(record.root, path);
  }
  return programs;
}

// Why its step could not put the artifact of RECORD in place; "": nothing is known to bar it.
std::string WhyBarred(const AnyRecord& record, const Programs& programs) {
  const absl::Status may = CheckMayPut(record);
  if (absl::IsPermissionDenied(may)) return std::string(may.message());
  const auto* unit = std::get_if<UnitRecord>(&record);
  if (unit == nullptr) return "";
  auto program = programs.find(unit->path);
  const std::string why = program == programs.end() ? "" : WhyUnitIsNotPut(*unit, program->second);
  return why.empty() ? "" : absl::StrCat(DoingInstall(*unit), ": ", why);
}

StandingAnswer::Artifact ArtifactOf(const Json& json, const Programs& programs, KnownDigests* known) {
  StandingAnswer::Artifact artifact;
  auto fail = [&](const absl::Status& status) {
    artifact.problem = std::string(status.message());
    return artifact;
  };
  absl::StatusOr<AnyRecord> record = CheckedRecordOf(json);
  if (!record.ok()) return fail(record.status());
  absl::StatusOr<std::optional<Outlook>> look = LookFor(*record);
  if (!look.ok()) return fail(look.status());
  if (look->has_value()) {
    artifact.digest = (*look)->digest;
    AddReasons((*look)->reasons, &artifact.reasons);
    return artifact;
  }
  absl::StatusOr<Standing> standing = StandingOf(*record, known);
  if (!standing.ok()) return fail(standing.status());
  artifact.digest = std::move(standing->digest);
  AddReasons(standing->reasons, &artifact.reasons);
  artifact.barred = WhyBarred(*record, programs);
  return artifact;
}

// What is going to be put right before the services are looked at.
struct Repairs {
  Foreseen known;                // what will be in it is known by its digest
  std::set<std::string> others;  // paths: it will be as it was delivered, whatever that is in bytes

  // Of a service that runs with what was delivered, the bytes are those that it runs with.
  Foreseen For(const StandingQuestion::Service& service) const {
    Foreseen foreseen = known;
    const ServiceRecord& record = service.record;
    absl::StatusOr<std::string> root = RealRoot(record.root);
    const std::optional<ServiceMarker> marker =
        service.settled && root.ok() ? ReadMarker(*root, record.name) : std::nullopt;
    for (const std::vector<std::string>* paths : {&record.restart_on, &record.reload_on}) {
      for (const std::string& path : *paths) {
        const std::string place = PathFromHere(record.root, path);
        if (others.count(place) == 0) continue;
        ForeseenFile file;
        if (marker.has_value()) {
          auto seen = marker->files.find(path);
          if (seen != marker->files.end()) file.sha256 = seen->second.sha256;
        }
        foreseen.Add(place, std::move(file));
      }
    }
    return foreseen;
  }
};

// Adds to REPAIRS what the step of JSON, found as ARTIFACT, is going to put back as it was DELIVERED.
void AddRepair(const Json& json, const StandingAnswer::Artifact& artifact, const std::string& delivered,
               Repairs* repairs) {
  absl::StatusOr<AnyRecord> record = CheckedRecordOf(json);
  if (!record.ok()) return;
  if (const auto* folder = std::get_if<DirRecord>(&*record)) {
    absl::StatusOr<Outlook> look = DirLook(AsItIs(), *folder);
    if (!look.ok()) return;  // as ArtifactOf has found already
    for (auto& [path, file] : look->files) repairs->known.Add(path, std::move(file));
    return;
  }
  // Where the asker does not know what was delivered, only that something has to be there is known.
  const bool missing = !artifact.reasons.empty() && artifact.reasons[0].name == "missing";
  if (delivered.empty() ? !missing : artifact.digest == delivered) return;
  const FileFields* file = FileOf(*record);
  // Of a secret the digest is not that of its bytes; that of a pair is of two files.
  if (file != nullptr && !file->secret && !delivered.empty()) {
    ForeseenFile content;
    content.sha256 = delivered;
    repairs->known.Add(PathFromHere(file->root, file->path), std::move(content));
    return;
  }
  for (const Holding& holding : HoldingsOf(*record)) {
    if (holding.kind == Holding::Kind::kHostFile)
      repairs->others.insert(PathFromHere(holding.root, holding.path));
  }
}

StandingAnswer::Service ServiceOf(const StandingQuestion::Service& asked, const Repairs& repairs) {
  const ServiceRecord& record = asked.record;
  StandingAnswer::Service service;
  auto fail = [&](const absl::Status& status) {
    service.problem = std::string(status.message());
    return service;
  };
  absl::StatusOr<ServiceInfo> info = ServiceInfoOf(record);
  if (!info.ok()) return fail(info.status());
  service.managed = info->managed;
  service.older = std::move(info->older);
  service.started = std::move(info->started);
  service.running = info->instance.has_value();
  if (info->instance.has_value()) {
    service.process = info->instance->pid;
    service.since = absl::ToUnixSeconds(info->since);
  }
  // Also of one whose files are not there yet, and of one that a new unit will restart.
  service.taken = WhyAddressIsTaken(record, info->instance);
  const Foreseen foreseen = repairs.For(asked);
  if (service.taken.empty()) service.taken = WhyUnitCannotStart(record, foreseen);
  // Who may get to the files of a unit to come is known when they are there; drop-ins are there already.
  if (service.taken.empty() && !asked.unit_text.empty() && record.manager == "systemd")
    service.taken = std::string(CheckDropIns(record.root, record.name, asked.unit_text).message());
  absl::StatusOr<Outlook> look = ServiceLook({"", absl::Now(), foreseen}, record);
  if (!look.ok()) return fail(look.status());
  service.digest = look->digest;
  service.starts = look->starts;
  service.restarts = look->restarts;
  service.reloads = look->reloads;
  AddReasons(look->reasons, &service.reasons);
  return service;
}

}  // namespace

absl::StatusOr<StandingAnswer> AnswerStanding(const StandingQuestion& question, const std::string& digests) {
  if (question.delivered.size() != question.records.size())
    return absl::InvalidArgumentError("a question about artifacts without their digests");
  StandingAnswer answer;
  answer.clock = absl::ToUnixMillis(absl::Now());
  KnownDigests known(digests);
  Repairs repairs;
  const Programs programs = ProgramsOf(question.services);
  for (size_t i = 0; i < question.records.size(); ++i) {
    answer.artifacts.push_back(ArtifactOf(question.records[i], programs, &known));
    AddRepair(question.records[i], answer.artifacts.back(), question.delivered[i], &repairs);
  }
  for (const Json& json : question.to_come) {
    absl::StatusOr<AnyRecord> record = CheckedRecordOf(json);
    answer.barred.push_back(record.ok() ? WhyBarred(*record, programs) : "");
  }
  for (const StandingQuestion::Service& service : question.services)
    answer.services.push_back(ServiceOf(service, repairs));
  // Where they cannot be kept (the disk is full), the files are read again.
  known.Keep().IgnoreError();
  return answer;
}

}  // namespace kplan
