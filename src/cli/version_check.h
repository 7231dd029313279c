#ifndef KPLAN_CLI_VERSION_CHECK_H_
#define KPLAN_CLI_VERSION_CHECK_H_

#include "absl/status/status.h"
#include "src/lower/compile.h"

namespace kplan {

// That an etcd of one member on this machine, which no survey looks at, may go to the version that COMPILED
// has, and finds its data where that says (etcd/single_member.h). It is asked only when the plan in .kplan of
// the current folder says something else, or there is none: looking takes reading etcd's whole log.
absl::Status CheckEtcdVersion(const Compiled& compiled);

}  // namespace kplan

#endif  // KPLAN_CLI_VERSION_CHECK_H_
