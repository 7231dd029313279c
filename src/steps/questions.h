#ifndef KPLAN_STEPS_QUESTIONS_H_
#define KPLAN_STEPS_QUESTIONS_H_

// What can be asked of a host. An answer is worked out on the host itself (by the agent there, or here when
// it is this machine), and changes nothing.
//
//   {"kind":"check",...}
//       What the checks of a service that are made on the host itself come to (steps/service/check_local.h).
//   {"kind":"etcd-data","data":PATH,"root":ROOT}
//       What the data folder holds (EtcdDataJson in etcd/etcd_data.h).
//   {"kind":"service-look","service":{a service record}}
//       What the service step would do:
//       {"running":bool,"starts":bool,"restarts":bool,"reloads":bool,"reasons":[TEXT]}
//   {"kind":"service-log","manager":...,"name":...,"root":...}
//       Its last log lines: {"lines":TEXT}
//   {"kind":"standing",...}
//       How artifacts and services stand (steps/service/standing_question.h).

#include "absl/status/statusor.h"
#include "src/base/record.h"

namespace kplan {

// InvalidArgument when there is no such question.
absl::StatusOr<Json> AnswerQuestion(const Record& question);

}  // namespace kplan

#endif  // KPLAN_STEPS_QUESTIONS_H_
