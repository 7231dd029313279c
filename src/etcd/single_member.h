#ifndef KPLAN_ETCD_SINGLE_MEMBER_H_
#define KPLAN_ETCD_SINGLE_MEMBER_H_

// What an etcd of one member on this machine may become: of which version, and with its data where. A cluster
// has its survey for that.

#include <string>

#include "absl/status/status.h"
#include "src/step/etcd_records.h"
#include "src/step/host_access.h"

namespace kplan {

// Where a member keeps what it has, inside its root.
struct DataPlace {
  std::string data;
  std::string wal;  // the folder of its log; empty: it is in `data`
};

// Whether the member that RECORD verifies may be started with VERSION: by what its data at PLACE is of, and
// by what it says itself when it runs (VersionProblem). FailedPrecondition, with what to do, when not. OK
// when it has no data, and when that cannot be read here: whoever starts etcd with it will see. Where root
// keeps the data, HOSTS asks for it, unless nobody has been at work there yet.
absl::Status CheckSingleMemberVersion(const VerifyRecord& record, const std::string& version,
                                      const DataPlace& place, HostAccess* hosts);

// Whether the member that RECORD verifies would leave its data, or its log, behind: it was at BEFORE, is
// still there, and there is none at PLACE, with which it is going to be started. FailedPrecondition, with
// what to do. Otherwise as CheckSingleMemberVersion.
absl::Status CheckSingleMemberData(const VerifyRecord& record, const DataPlace& before,
                                   const DataPlace& place, HostAccess* hosts);

// Whether the member that RECORD verifies, with its data at PLACE, would take the place of an etcd
// that somebody else set up on its host, with other data (WhyEtcdIsInTheWay). FailedPrecondition, with what
// to do. Otherwise as CheckSingleMemberVersion.
absl::Status CheckNoOtherEtcd(const VerifyRecord& record, const DataPlace& place, HostAccess* hosts);

}  // namespace kplan

#endif  // KPLAN_ETCD_SINGLE_MEMBER_H_
