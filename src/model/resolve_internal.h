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

void ResolveHosts(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);    // resolve.cc
void ResolveCas(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);      // resolve_cas.cc
void ResolveCerts(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);    // resolve_certs.cc
void ResolveRevoked(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);  // resolve_revoked.cc
void ResolveEtcd(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);     // resolve_etcd.cc

// The archive of etcd VERSION for ARCH and what is taken out of it (resolve_archive.cc).
Archive ResolveEtcdArchive(const EtcdSpec& spec, const EtcdVersion& version, const std::string& arch,
                           Diagnostics* diagnostics);

// The names of all CAs, as written.
std::vector<absl::string_view> CaNames(const Spec& spec);

// The CA called NAME or, where that is not set, the one that signs what names none: the one called "ca", or
// the only one. Index into Cluster::cas; -1 when there is none.
int FindCa(const Cluster& cluster, const Text& name);

// How long a CRL is good when nobody says: seconds.
inline constexpr int64_t kCrlExpirySeconds = int64_t{720} * 3600;

// Whether pki/NAME.pem is, or may be, a file of another one: of "x-key", "x-chain", "x-bundle" or "x-crl".
bool IsNameOfAnothersFile(absl::string_view name);

// How many CAs may stand one below the other under the CA with the index CA (RFC 5280 4.2.1.9);
// kNoPathLength for any number.
int CasAllowedBelow(const Cluster& cluster, int ca);

// Names that are groups or files of ninja's, so that no host can have them.
const std::vector<absl::string_view>& ReservedHostNames();

// Reports STATUS (reason, and remedy after a line end) at RANGE as `WHAT: reason`.
void Report(const absl::Status& status, Range range, absl::string_view what, Diagnostics* diagnostics);
void ReportWarning(const absl::Status& status, Range range, absl::string_view what, Diagnostics* diagnostics);

}  // namespace kplan

#endif  // KPLAN_MODEL_RESOLVE_INTERNAL_H_
