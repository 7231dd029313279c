#ifndef KPLAN_STEPS_SERVICE_STANDING_QUESTION_H_
#define KPLAN_STEPS_SERVICE_STANDING_QUESTION_H_

// What a host is asked by `kplan status --contact` and `kplan gen --contact`: how everything of its stands,
// in one question.
//
//   {"kind":"standing","records":[a record of "install", "install-pair", "dir" or "unit",...],
//    "services":[a record of "service",...]}
//   -> {"artifacts":[{"digest":HEX,"problem":TEXT,"reasons":[{"name","text"},...]},...],
//       "services":[{"managed":bool,"older":[PATH,...],"problem":TEXT,"process":PID,"running":bool,
//                    "since":UNIX SECONDS},...]}
//
// Each list answers the one of the question, in its order. "digest" and "reasons" are Standing's; a "problem"
// is why one cannot be told, else "". "process" and "since" are 0 where nothing runs. Nothing secret is in
// it.

#include "absl/status/statusor.h"
#include "src/base/record.h"

namespace kplan {

absl::StatusOr<Json> AnswerStanding(const Record& question);

}  // namespace kplan

#endif  // KPLAN_STEPS_SERVICE_STANDING_QUESTION_H_
