#ifndef KPLAN_STEPS_QUESTIONS_H_
#define KPLAN_STEPS_QUESTIONS_H_

#include "absl/status/statusor.h"
#include "src/base/record.h"

namespace kplan {

// What this machine answers to QUESTION (step/questions.h). InvalidArgument when there is no such question.
absl::StatusOr<Json> AnswerQuestion(const Json& question);

}  // namespace kplan

#endif  // KPLAN_STEPS_QUESTIONS_H_
