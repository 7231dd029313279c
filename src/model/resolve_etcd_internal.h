#ifndef KPLAN_MODEL_RESOLVE_ETCD_INTERNAL_H_
#define KPLAN_MODEL_RESOLVE_ETCD_INTERNAL_H_

// What the parts of ResolveEtcd share: resolve_etcds.cc has what is about all etcds, resolve_etcd.cc what is
// the same for each (version) and the one member of this machine, resolve_etcd_unit.cc the units,
// resolve_etcd_flags.cc the flags, resolve_etcd_places.cc folders and ports, resolve_members.cc the members
// of a cluster; resolve_member_hosts.cc and resolve_etcd_certs.cc have what is asked of their hosts and
// certificates.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/etcd/facts/etcd_flags.h"
#include "src/model/cluster.h"
#include "src/model/resolve_internal.h"

namespace kplan {

inline constexpr char kDefaultToken[] = "etcd-cluster";  // etcd's own default

// An address at which a member listens, and who says so.
struct MemberSocket {
  const Etcd* etcd = nullptr;
  std::string host;  // an address in its one form, or a name
  int port = 0;
  std::string what;  // "the flag listen-metrics-urls", "for clients"
  std::string url;
  Range range;
};
// Those of a machine, by its host's index in Cluster::hosts; -1: this machine, which hosts that are folders
// share.
using SocketsByMachine = std::map<int, std::vector<MemberSocket>>;

struct EtcdContext {
  const Spec& all;
  const EtcdSpec& spec;
  Cluster& cluster;
  Etcd& etcd;
  SocketsByMachine& sockets;  // of the members that are resolved already, of earlier etcds, too
  Diagnostics* diagnostics;
  EtcdVersion version;
  // Those that are good, by name, with the host's variables put in: of each member, in the order of
  // `members`, and at least one where nobody knows who is one.
  std::vector<std::map<std::string, Text>> flags;

  // Null when it is not written.
  const Text* Flag(const std::string& name, size_t member = 0) const;

  // Where it stands in cluster.yaml, for a message: "etcd", or "etcds.NAME".
  std::string Key() const { return spec.name.set() ? absl::StrCat("etcds.", spec.name.value) : "etcd"; }
};

// ---- resolve_etcd.cc

// The etcd with the index INDEX in SPEC and CLUSTER; SOCKETS get its members'.
void ResolveOneEtcd(const Spec& spec, size_t index, Cluster* cluster, SocketsByMachine* sockets,
                    Diagnostics* diagnostics);

// `--NAME=VALUE` of MEMBER's written flags but those of WITHOUT, by name.
void AppendFlags(const EtcdContext& context, size_t member, const std::vector<absl::string_view>& without,
                 std::vector<Argument>* arguments);

// ---- resolve_etcd_places.cc

// etcd's own defaults.
inline constexpr int kEtcdClientPort = 2379, kEtcdPeerPort = 2380;

// Folders and ports.
void ResolveEtcdPlaces(const EtcdSpec& spec, Etcd* etcd, Diagnostics* diagnostics);

// ---- resolve_etcd_unit.cc

// Unit and owner of MEMBER, whose arguments and environment are known. REPORT: errors of `etcd.unit`, which
// are the same for all, are said.
void ResolveMemberUnit(const EtcdContext& context, bool report, EtcdMember* member);

// ---- resolve_etcd_flags.cc

// Fills CONTEXT->flags with those of `etcd.flags`, and of `hosts.NAME.etcd.flags` of the members HOSTS
// (indices into Cluster::hosts), that the version takes, and reports the others. Etcd's version and whether
// it is a cluster are known.
void ResolveEtcdFlags(const std::vector<int>& hosts, EtcdContext* context);

// ---- resolve_etcd_certs.cc

// The certificate that NAME names, HOST's own when it is made per host; -1, and an error, when there is none.
int FindCertificate(const EtcdContext& context, const Text& name, int host);

// Where a certificate's entry in `certs` stands.
Range PlaceOfCert(const EtcdContext& context, const LeafCertificate& cert);

// An error at PLACE when CERT is a CA's or lacks one of USAGES.
void CheckEtcdCert(const EtcdContext& context, const LeafCertificate& cert, Range place,
                   const std::vector<absl::string_view>& usages);

// An error at PLACE when one of CERTS, or one who signs above it, has a key of a kind that this etcd's Go
// does not know: crypto/tls has Ed25519 since Go 1.13, and releases before 3.4.18 are built with 1.12.
void CheckKeyKinds(const EtcdContext& context, const std::vector<const LeafCertificate*>& certs, Range place);

// Whether clients that connect to HOST (a name or an IP address) accept CERT.
bool IsValidFor(const LeafCertificate& cert, absl::string_view host);

// ---- resolve_member_urls.cc

// Where a member listens, and where it is reached: URLs, the first of those that are advertised first.
struct MemberUrls {
  std::vector<std::string> listen, advertise, peer_listen, peer_advertise;
};

// HOST as it is written.
const HostSpec& WrittenHost(const EtcdContext& context, int host);

// What `hosts.NAME.etcd` (of one of `etcds` `hosts.NAME.etcds.ETCD`) has of HOST; nothing where it is not
// written.
const MemberSpec& WrittenMember(const EtcdContext& context, int host);

// What that says of HOST (an index into Cluster::hosts), put into URLS; what it does not say
// stays as it is. False, and errors, when something of it will not do.
bool ResolveMemberUrls(const EtcdContext& context, int host, MemberUrls* urls);

// Errors where MEMBER, whose URLs and flags are known, would listen twice at one address, or where another
// etcd of its machine does: etcd then ends.
// SAID: where errors stand, of other members, too: one of a flag that they all have is said once.
void CheckListening(const EtcdContext& context, size_t member, const MemberUrls& urls,
                    std::set<size_t>* said);

// HOST:PORT where who is on the member's own machine is served, of those that it LISTENs at. PROBE: the URL
// at which it is asked from elsewhere, which is taken where it is one of them.
std::string AnswersAt(const std::vector<std::string>& listen, const std::string& probe);

// Whether who listens at ADDRESS, in its one form, listens at all addresses.
bool IsAnyAddress(absl::string_view address);

// ADDRESS, an IP address or a name, as it stands in URLs (RFC 3986 3.2.2).
std::string HttpsUrl(absl::string_view address, int port);

// The host of a URL of ours, without brackets.
std::string HostOfUrl(absl::string_view url);

// ---- resolve_members.cc

// The members on HOSTS (indices into Cluster::hosts) as one cluster. NAMES are their entries in `members`;
// empty when nobody wrote any.
void ResolveClusterMembers(const EtcdContext& context, const std::vector<int>& hosts,
                           const std::vector<const Text*>& names);

// ---- resolve_member_hosts.cc

// Checks of the same hosts that each has an address where the others reach it, and that all run services or
// none does. URLS get theirs, empty where there are none; false, and errors, when one will not do.
bool CheckMemberHosts(const EtcdContext& context, const std::vector<int>& hosts,
                      const std::vector<const Text*>& names, std::vector<MemberUrls>* urls);

// `rollout.max-unavailable`, which has to leave ETCD a quorum.
void ResolveMaxUnavailable(const Spec& spec, const EtcdSpec& etcd, Cluster* cluster,
                           Diagnostics* diagnostics);

}  // namespace kplan

#endif  // KPLAN_MODEL_RESOLVE_ETCD_INTERNAL_H_
