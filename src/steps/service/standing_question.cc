#include "src/steps/service/standing_question.h"

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/step/any_record.h"
#include "src/steps/files/delivery.h"
#include "src/steps/service/service_info.h"

namespace kplan {
namespace {

StandingAnswer::Artifact ArtifactOf(const Json& json) {
  StandingAnswer::Artifact artifact;
  absl::StatusOr<AnyRecord> record = CheckedRecordOf(json);
  absl::StatusOr<Standing> standing = record.ok() ? StandingOf(*record) : record.status();
  if (!standing.ok()) {
    artifact.problem = std::string(standing.status().message());
    return artifact;
  }
  artifact.digest = std::move(standing->digest);
  for (const Reason& reason : standing->reasons)
    artifact.reasons.push_back({std::string(reason.name), reason.text});
  return artifact;
}

StandingAnswer::Service ServiceOf(const ServiceRecord& record) {
  StandingAnswer::Service service;
  absl::StatusOr<ServiceInfo> info = ServiceInfoOf(record);
  if (!info.ok()) {
    service.problem = std::string(info.status().message());
    return service;
  }
  service.managed = info->managed;
  service.older = std::move(info->older);
  service.running = info->instance.has_value();
  if (info->instance.has_value()) {
    service.process = info->instance->pid;
    service.since = absl::ToUnixSeconds(info->since);
  }
  return service;
}

}  // namespace

StandingAnswer AnswerStanding(const StandingQuestion& question) {
  StandingAnswer answer;
  for (const Json& record : question.records) answer.artifacts.push_back(ArtifactOf(record));
  for (const ServiceRecord& service : question.services) answer.services.push_back(ServiceOf(service));
  return answer;
}

}  // namespace kplan
