#ifndef KPLAN_ETCD_VERIFY_TABLE_H_
#define KPLAN_ETCD_VERIFY_TABLE_H_

#include <string>

#include "absl/time/time.h"
#include "src/etcd/verify_report.h"

namespace kplan {

// The verdict for a person: the members in aligned columns, a header above them, and below them which
// strangers were turned away:
//
//   member            name  version  leader  client URL              certificate good until
//   8e9e05c52164694d  etcd  3.4.15   yes     https://127.0.0.1:2379  2027-11-22 (365 days)
//   refused: no-cert, wrong-ca, plaintext
//
// A cluster's has one column more, and says what else was shown of all members:
//
//   member            name    version  leader  client URL              certificate good until  peer's good
//   until 6d14c1b2aa7e0d31  etcd-1  3.5.32   no      https://10.0.0.11:2379  2027-11-22 (365 days) 2027-11-22
//   (365 days)
//   ...
//   refused at client and peer ports: no-cert, wrong-ca, plaintext
//   written by https://10.0.0.11:2379, read back by every member, and deleted: revision 12
//   the same data on every member: revision 12, hash 2489252793
//
// The days are whole ones, from NOW.
std::string VerdictTable(const VerifyReport& report, absl::Time now);

}  // namespace kplan

#endif  // KPLAN_ETCD_VERIFY_TABLE_H_
