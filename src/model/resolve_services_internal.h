#ifndef KPLAN_MODEL_RESOLVE_SERVICES_INTERNAL_H_
#define KPLAN_MODEL_RESOLVE_SERVICES_INTERNAL_H_

// What the parts of ResolveServices share: resolve_services.cc has names, hosts and how the parts come
// together, resolve_service_order.cc who comes after whom, resolve_service_files.cc files, folders and
// certificates, resolve_service_archive.cc programs, resolve_service_unit.cc user, command, environment and
// units, resolve_service_checks.cc the checks, resolve_service_paths.cc who writes what on which host.

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "src/model/cluster.h"
#include "src/model/resolve_internal.h"

namespace kplan {

// The certificates by the names of `certs`.
class CertificateNames {
 public:
  explicit CertificateNames(const Cluster& cluster);

  // The one called NAME, HOST's own where it is made per host (the first one's for HOST -1); -1 when there is
  // none.
  int Find(const std::string& name, int host) const;
  std::vector<absl::string_view> All() const;

 private:
  const Cluster& cluster_;
  absl::flat_hash_map<std::string, int> first_;  // into Cluster::certificates; one a host where made per host
};

// What a part of `services.NAME` is resolved with, on one host.
struct ServiceContext {
  const Spec& all;
  const GenericServiceSpec& spec;
  const Cluster& cluster;
  const CertificateNames& certificates;
  Diagnostics* diagnostics;
  int host = -1;  // index into Cluster::hosts; -1: nobody knows, and what is wrong with the text is said

  // Null where the host is not known.
  const Host* host_of() const { return host < 0 ? nullptr : &cluster.hosts[host]; }
};

// ---- resolve_services.cc

// What is not one of WORDS is an error; WHAT names it: "on-change".
void CheckWord(const Text& text, absl::string_view what, std::initializer_list<absl::string_view> words,
               Diagnostics* diagnostics);

// The certificate called NAME, as CertificateNames::Find; -1, and an error, when there is none.
int FindServiceCertificate(const ServiceContext& context, const Text& name);

// An error at PLACE when the certificate with the index CERT is a CA's or lacks USAGE ("client auth").
void CheckCertificateUsage(const ServiceContext& context, int cert, Range place, absl::string_view usage);

// ---- resolve_service_order.cc

// One entry of `after`, found.
struct AfterEntry {
  int etcd = -1;     // index into Cluster::etcds
  int service = -1;  // index into Spec::services
  int host = -1;     // index into Cluster::hosts; -1: the service on all its hosts
  Range range;
};

// `after` of every service of SPEC, whose hosts are HOSTS (as Spec::services); each thing once.
std::vector<std::vector<AfterEntry>> ResolveAfter(const Spec& spec, const Cluster& cluster,
                                                  const std::vector<std::vector<int>>& hosts,
                                                  Diagnostics* diagnostics);

// The services (indices into Spec::services) in an order in which what comes after others stands behind them,
// otherwise as in the text. What goes in circles is an error, said once.
std::vector<int> OrderOfServices(const Spec& spec, const std::vector<std::vector<AfterEntry>>& after,
                                 Diagnostics* diagnostics);

// ---- resolve_service_files.cc

// Files, folders and certificates; what nobody says an owner of has none yet.
void ResolveServiceFiles(const ServiceContext& context, ServiceInstance* service);

// Whether a path is absolute, plain and in its one form; an error at its place when it is not.
bool CheckHostPath(const Text& path, Diagnostics* diagnostics);

// ---- resolve_service_archive.cc

// Programs and, once for each architecture that its hosts have, the archive that they come from. HOSTS are
// those of the service.
void ResolveServicePrograms(const ServiceContext& context, const std::vector<int>& hosts,
                            ServiceInstance* service, Cluster* cluster);

// ---- resolve_service_unit.cc

// User, environment, unit, further units. AFTER_UNITS: of the services that it comes after on the same host
// ("etcd.service"). The arguments are known. Gives whom folders and keys belong to when nobody says: the
// service's user, or nobody (root).
std::string ResolveServiceUnit(const ServiceContext& context, const std::vector<std::string>& after_units,
                               ServiceInstance* service);

// The user that is made for the service; empty when none is.
std::string UserMadeFor(const GenericServiceSpec& spec);

// TEXTS, an argv, as arguments: a word that ends in the path of one of the files, folders and programs of
// SERVICE, or of something in one of its folders, is known to end in a path.
std::vector<Argument> ResolveServiceCommand(const ServiceContext& context, const std::vector<Text>& texts,
                                            const ServiceInstance& service);

// What HOST's service manager cannot do.
void CheckServiceManager(const ServiceContext& context, const Host& host);

// ---- resolve_service_checks.cc

void ResolveServiceChecks(const ServiceContext& context, ServiceInstance* service);

// ---- resolve_service_paths.cc

// What two services of a host, or etcd and one, cannot both write. HOSTS as Spec::services.
void CheckServicePaths(const Spec& spec, const Cluster& cluster, const std::vector<std::vector<int>>& hosts,
                       Diagnostics* diagnostics);

}  // namespace kplan

#endif  // KPLAN_MODEL_RESOLVE_SERVICES_INTERNAL_H_
