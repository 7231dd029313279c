#ifndef KPLAN_STEPS_SERVICE_CHECK_LOCAL_H_
#define KPLAN_STEPS_SERVICE_CHECK_LOCAL_H_

// The checks of a service that are made on the host itself: its manager, a port, a program. One look, without
// waiting; the step (check.cc) looks again. Of a host at the other end of an ssh connection it is a question:
//
//   {"checks":[{"systemd":"active"},{"tcp":"127.0.0.1:8404"},{"exec":[[TEXT,PATH],...]},...],"kind":"check",
//    "manager":"systemd|process|none","name":"metrics","root":"/"}
//   -> {"ended":TEXT,"outcomes":[{"advice","check","expected","holds","lasting","said","seen"},...]}
//
// The outcomes are those of the checks, in their order. "ended": how the service has ended, when it has, with
// an error or with nothing that is going to start it; else "".

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/base/record.h"
#include "src/steps/service/check_outcome.h"

namespace kplan {

// How long a program of an exec check may take.
constexpr int kExecCheckSeconds = 30;

// The answer to a QUESTION of the kind "check". A check that fails is an outcome; an error is a question that
// cannot be understood.
absl::StatusOr<Json> AnswerCheck(const Record& question);

// An answer, read again.
struct LocalChecks {
  std::string ended;
  std::vector<CheckOutcome> outcomes;
};

// DataLoss when ANSWER is not one to COUNT checks.
absl::StatusOr<LocalChecks> ReadCheckAnswer(const Json& answer, size_t count);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_CHECK_LOCAL_H_
