#ifndef KPLAN_STEPS_SERVICE_CHECK_LOCAL_H_
#define KPLAN_STEPS_SERVICE_CHECK_LOCAL_H_

// The checks of a service that are made on the host itself: its manager, a port, a program. One look, without
// waiting; the step (check.cc) looks again. For a host at the other end of an ssh connection it is
// a question.

#include "absl/status/statusor.h"
#include "src/step/questions.h"

namespace kplan {

// How long a program of an exec check may take.
constexpr int kExecCheckSeconds = 30;

// A check that fails is an outcome; an error is a QUESTION that cannot be understood.
absl::StatusOr<CheckAnswer> AnswerCheck(const CheckQuestion& question);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_CHECK_LOCAL_H_
