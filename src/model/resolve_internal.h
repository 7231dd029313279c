#ifndef KPLAN_MODEL_RESOLVE_INTERNAL_H_
#define KPLAN_MODEL_RESOLVE_INTERNAL_H_

// The parts of Resolve, each in the file of its name, run in this order.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "src/base/diagnostic.h"
#include "src/base/text.h"
#include "src/etcd/facts/etcd_flags.h"
#include "src/model/cluster.h"
#include "src/model/resolve.h"  // IWYU pragma: export
#include "src/spec/spec.h"

namespace kplan {

void ResolveHosts(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);    // resolve_hosts.cc
void ResolveCas(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);      // resolve_cas.cc
void ResolveCerts(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);    // resolve_certs.cc
void ResolveRevoked(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);  // resolve_revoked.cc
void ResolveEtcd(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);     // resolve_etcds.cc
// resolve_services.cc; the former also has what of `rollout` is not etcd's alone.
void ResolveRollout(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);
void ResolveServices(const Spec& spec, Cluster* cluster, Diagnostics* diagnostics);

// The archive of etcd VERSION for ARCH and what is taken out of it (resolve_archive.cc).
Archive ResolveEtcdArchive(const EtcdSpec& spec, const EtcdVersion& version, const std::string& arch,
                           bool well_formed, Diagnostics* diagnostics);

// What any archive has (resolve_archive.cc), put into ARCHIVE: the file PATH that somebody put there; or the
// URLs, written or ARCHIVE's already, of which one is downloaded to FOLDER ("", "metrics/") below archives/,
// and what their servers want. NAME is the archive's: for the message, and, where NAMED, for a URL that ends
// with a "/".
void ResolveArchivePath(const Text& path, Archive* archive, Diagnostics* diagnostics);
void ResolveArchiveDownload(const ArchiveSpec& spec, absl::string_view folder, absl::string_view name,
                            bool named, Archive* archive, Diagnostics* diagnostics);
// False, and an error, when there is more than one of url, mirrors and path, or what is for downloads alone
// is there with a path.
bool HasOneSource(const ArchiveSpec& spec, Diagnostics* diagnostics);
// The digest written for ARCH; null when there is none.
const Text* FindArchiveDigest(const ArchiveSpec& spec, const std::string& arch, Diagnostics* diagnostics);
// In lower case; an error when it is no SHA-256.
std::string CheckedDigest(const Text& digest, Diagnostics* diagnostics);

// Those of NAMES that are not in LIST: what can still be meant by an entry of it.
std::vector<absl::string_view> Others(std::vector<absl::string_view> names, const std::vector<Text>& list);

// MeantOr of WORD and the names that NAMES() lists; OTHERWISE when there are more errors than are shown to
// anybody: a look at all names for each of thousands of errors is the square of their number.
template <typename Names>
Remedy MeantAmong(const Diagnostics& diagnostics, absl::string_view word, const Names& names,
                  Remedy otherwise) {
  constexpr int kShown = 100;
  if (diagnostics.error_count() > kShown) return otherwise;
  return MeantOr(word, names(), std::move(otherwise));
}

// The names of all CAs, as written.
std::vector<absl::string_view> CaNames(const Spec& spec);

// How long a CRL is good when nobody says: seconds.
inline constexpr int64_t kCrlExpirySeconds = int64_t{720} * 3600;

// Whether pki/NAME.pem is, or may be, a file of another one: of "x-key", "x-chain", "x-bundle" or "x-crl".
bool IsNameOfAnothersFile(absl::string_view name);

// The CA of CLUSTER that is exchanged (`key-generation`) and has files of that NAME, of one generation or
// another; null: none.
const CertificateAuthority* WhoseGenerationIs(const Cluster& cluster, absl::string_view name);

// How many CAs may stand one below the other under the CA with the index CA (RFC 5280 4.2.1.9);
// kNoPathLength for any number.
int CasAllowedBelow(const Cluster& cluster, int ca);

// Names that are groups or files of ninja's, so that no host can have them.
const std::vector<absl::string_view>& ReservedHostNames();

// Reports STATUS (reason, and remedy after a line end) at RANGE as `WHAT: reason`.
Diagnostic& Report(Code code, const absl::Status& status, Range range, absl::string_view what,
                   Diagnostics* diagnostics);
Diagnostic& ReportWarning(Code code, const absl::Status& status, Range range, absl::string_view what,
                          Diagnostics* diagnostics);

// The CA or host called NAME as it is written, and where its name stands; null and not known() when nobody
// wrote it.
const CaSpec* FindCaSpec(const Spec& spec, absl::string_view name);
Range PlaceOfCa(const Spec& spec, absl::string_view name);
Range PlaceOfHost(const Spec& spec, absl::string_view name);

// That TEXT has a variable that nobody puts in (host_variables.h), with what to do.
void ReportUnknownVariable(const Text& text, Remedy remedy, Diagnostics* diagnostics);

// That TEXT has the $address of HOST, which has none.
void ReportNoAddress(const Text& text, const Host& host, const Spec& spec, Diagnostics* diagnostics);

// Where the max_path_len stands that lets no CA be below the one with the index CA. Not known() when a given
// certificate says so.
Range PlaceOfPathLength(const Spec& spec, const Cluster& cluster, int ca);

}  // namespace kplan

#endif  // KPLAN_MODEL_RESOLVE_INTERNAL_H_
