#ifndef KPLAN_BASE_PATHS_H_
#define KPLAN_BASE_PATHS_H_

// Every name that kplan gives to a file. Relative ones are relative to DIR, the folder of build.ninja; those
// in namespace on_host are paths inside a host's root.

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace kplan {
namespace paths {

inline constexpr char kBuildNinja[] = "build.ninja";
inline constexpr char kState[] = ".kplan";
inline constexpr char kLock[] = ".kplan/lock";         // held by what works in the folder, step by step
inline constexpr char kRunLock[] = ".kplan/run.lock";  // held as long as a ninja is at work in the folder
inline constexpr char kGenStamp[] = ".kplan/gen.stamp";
inline constexpr char kPlan[] = ".kplan/plan.json";
inline constexpr char kUnasked[] = ".kplan/unasked";  // hosts that nobody asked, or that were silent
inline constexpr char kAsked[] = ".kplan/asked";      // the stamp of having said so
inline constexpr char kStamps[] = ".kplan/stamps";
inline constexpr char kShards[] = ".kplan/steps";
inline constexpr char kSharedShard[] = "shared";  // the shard of what hosts share; no host may be called so
inline constexpr char kSsh[] = ".kplan/ssh";      // the sockets of connections that are open
inline constexpr char kSpecs[] = ".kplan/specs";
inline constexpr char kNinjaLog[] = ".kplan/.ninja_log";    // ninja's own
inline constexpr char kNinjaDeps[] = ".kplan/.ninja_deps";  // the same
inline constexpr char kJournals[] = ".kplan/journal";
inline constexpr char kLeftovers[] = ".kplan/leftovers.json";  // what earlier plans made
inline constexpr char kLimitNinja[] = ".kplan/limit.ninja";  // build.ninja for a part of the plan (`--limit`)
inline constexpr char kApply[] = ".kplan/apply";             // what `kplan apply` tells ninja's kplan
inline constexpr char kApplyLock[] = ".kplan/apply/lock";    // held as long as a `kplan apply` is at work
inline constexpr char kApplied[] = ".kplan/apply/plan.json";
inline constexpr char kAppliedJournal[] = ".kplan/apply/journal";  // what became of its steps
inline constexpr char kPlanKey[] = ".kplan/plan.key";  // by which saved plans have digests of secrets
inline constexpr char kSnapshots[] = "snapshots";
inline constexpr char kRendered[] = "rendered";

std::string Shard(absl::string_view name);     // .kplan/steps/NAME.json
std::string Journal(absl::string_view name);   // .kplan/journal/NAME: what became of a shard's steps
std::string SavedSpec(int64_t number);         // .kplan/specs/NUMBER: a cluster.yaml that `gen` went by
std::string Stamp(absl::string_view label);    // .kplan/stamps/LABEL
std::string Partial(absl::string_view label);  // .kplan/partial/LABEL: never made; a step done in part has it
std::string AppliedShard(absl::string_view name);  // .kplan/apply/steps/NAME.json: its steps in the plan
std::string HostFacts(absl::string_view host);     // .kplan/hosts/HOST.json: what a host over ssh said it is
std::string Depfile(absl::string_view label);      // .kplan/deps/LABEL
std::string Answered(absl::string_view host);      // .kplan/answered/HOST: when it had nothing amiss

// NAME is LeafCertificate::name or CertificateAuthority::name.
std::string Certificate(absl::string_view name);  // pki/NAME.pem
std::string Key(absl::string_view name);          // pki/NAME-key.pem
std::string Request(absl::string_view name);      // pki/NAME.csr
std::string Chain(absl::string_view name);        // pki/NAME-chain.pem: the certificate and intermediates
std::string Bundle(absl::string_view name);       // pki/NAME-bundle.pem: key, certificate, intermediates
std::string Pkcs12(absl::string_view name);       // pki/NAME.p12
std::string CrlPem(absl::string_view name);       // pki/NAME-crl.pem
std::string CrlDer(absl::string_view name);       // pki/NAME.crl
std::string Superseded(absl::string_view name);   // pki/superseded/NAME: the folder of earlier certificates

// Of a CA whose key is exchanged: NAME is CertificateAuthority::name, STEM one of Generation().
std::string Generation(absl::string_view name,
                       int number);         // NAME, from the second on NAME-g2: a name as above
std::string Trust(absl::string_view name);  // pki/NAME-trust.pem: all generations that are trusted
std::string Cross(absl::string_view stem);  // pki/STEM-cross.pem: its key, signed by the generation before
inline constexpr char kRetired[] = "pki/retired";  // the files of generations that nobody trusts any more
std::string Retired(absl::string_view path);       // where "pki/NAME.pem" is then
int GenerationOf(absl::string_view file, absl::string_view name);  // of "NAME-g2.pem" 2, "NAME.pem" 1; else 0

std::string EtcdReport(absl::string_view name);  // reports/verify-NAME.json; NAME is Etcd::name

std::string Archive(absl::string_view base);                                // archives/BASE
std::string Rendered(absl::string_view host, absl::string_view host_path);  // rendered/HOST/etc/...

namespace on_host {

inline constexpr char kBinaries[] = "/usr/local/bin";
inline constexpr char kCrlName[] = "ca.crl";  // in etcd's config folder; DER, as etcd wants it
// Only a cluster has these, in the same folder: the CA of its peers and that CA's CRL (DER, too) where they
// are not the clients', and the flags that etcd heeds once.
inline constexpr char kPeerCaName[] = "peer-ca.pem";
inline constexpr char kPeerCrlName[] = "peer-ca.crl";
inline constexpr char kBootstrapName[] = "bootstrap.env";
inline constexpr char kUnits[] = "/etc/systemd/system";

std::string Unit(absl::string_view service);  // /etc/systemd/system/SERVICE.service

// Where those of the etcd NAME are when nobody says (Etcd::name).
std::string EtcdPrograms(absl::string_view name);  // /opt/NAME/bin, and of the one called "etcd" kBinaries
std::string EtcdConfig(absl::string_view name);    // /etc/NAME
std::string EtcdData(absl::string_view name);      // /var/lib/NAME

}  // namespace on_host
}  // namespace paths
}  // namespace kplan

#endif  // KPLAN_BASE_PATHS_H_
