#ifndef KPLAN_STEPS_VERIFY_TABLE_H_
#define KPLAN_STEPS_VERIFY_TABLE_H_

#include <string>

#include "absl/time/time.h"
#include "src/steps/verify_report.h"

namespace kplan {

// The verdict for a person: the members in aligned columns, a header above them, and below them which
// strangers were turned away:
//
//   member            name  version  leader  client URL              certificate good until
//   8e9e05c52164694d  etcd  3.4.15   yes     https://127.0.0.1:2379  2027-11-22 (365 days)
//   refused: no-cert, wrong-ca, plaintext
//
// The days are whole ones, from NOW.
std::string VerdictTable(const VerifyReport& report, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_STEPS_VERIFY_TABLE_H_
