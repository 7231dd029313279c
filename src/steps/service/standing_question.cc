#include "src/steps/service/standing_question.h"

#include <string>
#include <utility>

#include "absl/time/time.h"
#include "src/steps/files/delivery.h"
#include "src/steps/service/service_info.h"

namespace kplan {
namespace {

Json ArtifactJson(const Record& record) {
  absl::StatusOr<Standing> standing = StandingOf(record);
  if (!standing.ok()) {
    return {{"digest", ""}, {"problem", standing.status().message()}, {"reasons", Json::array()}};
  }
  Json reasons = Json::array();
  for (const Reason& reason : standing->reasons)
    reasons.push_back({{"name", reason.name}, {"text", reason.text}});
  return {{"digest", standing->digest}, {"problem", ""}, {"reasons", std::move(reasons)}};
}

Json ServiceJson(const Record& record) {
  Json json = {{"managed", true}, {"older", Json::array()}, {"problem", ""},
               {"process", 0},    {"running", false},       {"since", 0}};
  absl::StatusOr<ServiceInfo> info = ServiceInfoOf(record);
  if (!info.ok()) {
    json["problem"] = info.status().message();
    return json;
  }
  json["managed"] = info->managed;
  json["older"] = info->older;
  json["running"] = info->instance.has_value();
  if (info->instance.has_value()) {
    json["process"] = info->instance->pid;
    json["since"] = absl::ToUnixSeconds(info->since);
  }
  return json;
}

// The objects of the list KEY; InvalidArgument when it is none.
absl::StatusOr<std::vector<Record>> RecordsOf(const Record& question, const char* key) {
  std::vector<Record> records;
  auto list = question.json().find(key);
  if (list == question.json().end() || !list->is_array())
    return absl::InvalidArgumentError("a question of the kind \"standing\" has lists of records");
  for (const Json& record : *list) {
    if (!record.is_object()) return absl::InvalidArgumentError("what was asked about is no record");
    records.emplace_back(record);
  }
  return records;
}

}  // namespace

absl::StatusOr<Json> AnswerStanding(const Record& question) {
  absl::StatusOr<std::vector<Record>> records = RecordsOf(question, "records");
  if (!records.ok()) return records.status();
  absl::StatusOr<std::vector<Record>> services = RecordsOf(question, "services");
  if (!services.ok()) return services.status();
  Json answer = {{"artifacts", Json::array()}, {"services", Json::array()}};
  for (const Record& record : *records) answer["artifacts"].push_back(ArtifactJson(record));
  for (const Record& service : *services) answer["services"].push_back(ServiceJson(service));
  return answer;
}

}  // namespace kplan
