#ifndef KPLAN_ETCD_SINGLE_MEMBER_H_
#define KPLAN_ETCD_SINGLE_MEMBER_H_

// What an etcd of one member on this machine may become: of which version, and with its data where. A cluster
// has its survey for that.

#include <string>

#include "absl/status/status.h"
#include "src/step/etcd_records.h"
#include "src/step/host_access.h"

namespace kplan {

// Whether the member that RECORD verifies may be started with VERSION: by what its data folder DATA (inside
// the record's root) is of, and by what it says itself when it runs (VersionProblem). FailedPrecondition,
// with what to do, when not. OK when it has no data, and when that cannot be read here: whoever starts etcd
// with it will see. Where root keeps the data, HOSTS asks for it, unless nobody has been at work there yet.
absl::Status CheckSingleMemberVersion(const VerifyRecord& record, const std::string& version,
                                      const std::string& data, HostAccess* hosts);

// Whether the member that RECORD verifies would leave its data behind: it was in the folder BEFORE, is still
// there, and there is none in the folder DATA (both inside the record's root), with which it is going to be
// started. FailedPrecondition, with what to do. Otherwise as CheckSingleMemberVersion.
absl::Status CheckSingleMemberData(const VerifyRecord& record, const std::string& before,
                                   const std::string& data, HostAccess* hosts);

// Whether the member that RECORD verifies, with its data in the folder DATA, would take the place of an etcd
// that somebody else set up on its host, with other data (WhyEtcdIsInTheWay). FailedPrecondition, with what
// to do. Otherwise as CheckSingleMemberVersion.
absl::Status CheckNoOtherEtcd(const VerifyRecord& record, const std::string& data, HostAccess* hosts);

}  // namespace kplan

#endif  // KPLAN_ETCD_SINGLE_MEMBER_H_
