#include "src/steps/questions.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/etcd/etcd_data.h"
#include "src/step/outlook.h"
#include "src/steps/service/check_local.h"
#include "src/steps/service/service_info.h"
#include "src/steps/service/service_state.h"
#include "src/steps/service/standing_question.h"

namespace kplan {
namespace {

absl::StatusOr<Json> LookAtService(const Record& question) {
  const Record service(question.json().value("service", Json::object()));
  absl::StatusOr<ServiceInfo> info = ServiceInfoOf(service);
  if (!info.ok()) return info.status();
  absl::StatusOr<Outlook> outlook = ServiceLook({"", absl::Now(), Foreseen()}, service);
  if (!outlook.ok()) return outlook.status();
  Json reasons = Json::array();
  for (const Reason& reason : outlook->reasons) reasons.push_back(reason.text);
  return Json{{"reasons", std::move(reasons)},
              {"reloads", outlook->reloads},
              {"restarts", outlook->restarts},
              {"running", info->instance.has_value()},
              {"starts", outlook->starts}};
}

absl::StatusOr<Json> ReadServiceLog(const Record& question) {
  const std::string manager = question.String("manager"), name = question.String("name"),
                    root = question.String("root");
  if (absl::Status status = question.status(); !status.ok()) return status;
  return Json{{"lines", LastLogLines(manager, root, name)}};
}

struct Question {
  absl::string_view kind;
  absl::StatusOr<Json> (*answer)(const Record&);
};

constexpr Question kQuestions[] = {
    {"check", AnswerCheck},          {"etcd-data", EtcdDataJson},  {"service-log", ReadServiceLog},
    {"service-look", LookAtService}, {"standing", AnswerStanding},
};

}  // namespace

absl::StatusOr<Json> AnswerQuestion(const Record& question) {
  const std::string kind = question.StringOr("kind", "");
  for (const Question& known : kQuestions) {
    if (known.kind == kind) return known.answer(question);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("this kplan cannot answer a question of the kind \"", kind, "\""));
}

}  // namespace kplan
