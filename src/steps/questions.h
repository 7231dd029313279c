#ifndef KPLAN_STEPS_QUESTIONS_H_
#define KPLAN_STEPS_QUESTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "src/base/record.h"

namespace kplan {

// What this machine answers to QUESTION (step/questions.h). InvalidArgument when there is no such question.
// NOTES: a folder for what makes the next answer cheap; "": there is none.
absl::StatusOr<Json> AnswerQuestion(const Json& question, const std::string& notes = "");

}  // namespace kplan

#endif  // KPLAN_STEPS_QUESTIONS_H_
