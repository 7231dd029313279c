#ifndef KPLAN_STEPS_SERVICE_STANDING_QUESTION_H_
#define KPLAN_STEPS_SERVICE_STANDING_QUESTION_H_

#include <string>

#include "src/step/questions.h"

namespace kplan {

// How everything stands that QUESTION asks about. What of it cannot be told is a problem in the answer.
// InvalidArgument when its lists do not fit.
// DIGESTS: a file in which those of large files are kept until the next time; "": none is.
absl::StatusOr<StandingAnswer> AnswerStanding(const StandingQuestion& question,
                                              const std::string& digests = "");

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_STANDING_QUESTION_H_
