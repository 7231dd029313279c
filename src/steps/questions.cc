#include "src/steps/questions.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "src/base/fields.h"
#include "src/etcd/claim_answer.h"
#include "src/etcd/etcd_data.h"
#include "src/step/claim_question.h"
#include "src/step/outlook.h"
#include "src/step/questions.h"
#include "src/step/trust_records.h"
#include "src/steps/files/trust_part.h"
#include "src/steps/service/check_local.h"
#include "src/steps/service/service_info.h"
#include "src/steps/service/service_state.h"
#include "src/steps/service/standing_question.h"

namespace kplan {
namespace {

absl::StatusOr<ServiceLookAnswer> LookAtService(const ServiceLookQuestion& question) {
  absl::StatusOr<ServiceInfo> info = ServiceInfoOf(question.service);
  if (!info.ok()) return info.status();
  absl::StatusOr<Outlook> outlook = ServiceLook({"", absl::Now(), Foreseen()}, question.service);
  if (!outlook.ok()) return outlook.status();
  ServiceLookAnswer answer;
  for (const Reason& reason : outlook->reasons) answer.reasons.push_back(reason.text);
  answer.running = info->instance.has_value();
  answer.starts = outlook->starts;
  answer.restarts = outlook->restarts;
  answer.reloads = outlook->reloads;
  return answer;
}

absl::StatusOr<ServiceLogAnswer> ReadServiceLog(const ServiceLogQuestion& question) {
  return ServiceLogAnswer{LastLogLines(question.manager, question.root, question.name)};
}

template <typename Q, typename A, absl::StatusOr<A> (*answer)(const Q&)>
absl::StatusOr<Json> AnswerAs(const Json& json, const std::string& /*notes*/) {
  absl::StatusOr<Q> question = FromJson<Q>(json);
  if (!question.ok()) return question.status();
  absl::StatusOr<A> answered = answer(*question);
  if (!answered.ok()) return answered.status();
  return ToJson(*answered);
}

absl::StatusOr<Json> AnswerEtcdData(const Json& json, const std::string& notes) {
  absl::StatusOr<EtcdDataQuestion> question = FromJson<EtcdDataQuestion>(json);
  return question.ok() ? EtcdDataJson(*question, notes) : question.status();
}

absl::StatusOr<Json> AnswerHowAllStands(const Json& json, const std::string& notes) {
  absl::StatusOr<StandingQuestion> question = FromJson<StandingQuestion>(json);
  if (!question.ok()) return question.status();
  absl::StatusOr<StandingAnswer> answer =
      AnswerStanding(*question, notes.empty() ? "" : absl::StrCat(notes, "/digests"));
  if (!answer.ok()) return answer.status();
  return ToJson(*answer);
}

struct Question {
  absl::string_view word;
  absl::StatusOr<Json> (*answer)(const Json&, const std::string& notes);
};

constexpr Question kQuestions[] = {
    {CheckQuestion::kWord, AnswerAs<CheckQuestion, CheckAnswer, AnswerCheck>},
    {ClaimQuestion::kWord, AnswerAs<ClaimQuestion, ClaimAnswer, AnswerClaim>},
    {EtcdDataQuestion::kWord, AnswerEtcdData},
    {ServiceLogQuestion::kWord, AnswerAs<ServiceLogQuestion, ServiceLogAnswer, ReadServiceLog>},
    {ServiceLookQuestion::kWord, AnswerAs<ServiceLookQuestion, ServiceLookAnswer, LookAtService>},
    {TrustQuestion::kWord, AnswerAs<TrustQuestion, TrustAnswer, AnswerTrust>},
    {StandingQuestion::kWord, AnswerHowAllStands},
};

}  // namespace

absl::StatusOr<Json> AnswerQuestion(const Json& question, const std::string& notes) {
  const std::string word = WordOf(question);
  for (const Question& known : kQuestions) {
    if (known.word == word) return known.answer(question, notes);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("this kplan cannot answer a question of the kind \"", word, "\""));
}

}  // namespace kplan
