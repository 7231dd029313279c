#ifndef KPLAN_MODEL_RESOLVE_INTERNAL_H_
#define KPLAN_MODEL_RESOLVE_INTERNAL_H_

// The parts of Resolve, each in the file of its name, run in this order.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/base/diagnostic.h"
#include "src/model/cluster.h"
#include "src/model/etcd_flags.h"
#include "src/spec/spec.h"

namespace kplan {

void ResolveHosts(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);  // resolve.cc
void ResolvePki(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);    // resolve_pki.cc
void ResolveEtcd(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);   // resolve_etcd.cc

// The archive of etcd VERSION for ARCH and what is taken out of it (resolve_archive.cc).
Archive ResolveEtcdArchive(const EtcdSpec& spec, const EtcdVersion& version, const std::string& arch,
                           Diagnostics* diagnostics);

// Names that are groups or files of ninja's, so that no host can have them.
const std::vector<absl::string_view>& ReservedHostNames();

// Reports STATUS (reason, and remedy after a line end) at RANGE as `WHAT: reason`.
void Report(const absl::Status& status, Range range, absl::string_view what, Diagnostics* diagnostics);

}  // namespace kplan

#endif  // KPLAN_MODEL_RESOLVE_INTERNAL_H_
