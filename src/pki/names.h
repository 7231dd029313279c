#ifndef KPLAN_PKI_NAMES_H_
#define KPLAN_PKI_NAMES_H_

// Names as they may stand in certificates. Errors here are statuses whose message is the reason and, after a
// line end, the remedy; the caller knows the place.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/domain.h"  // IWYU pragma: export

namespace kplan {

// A host of a certificate as (kind, value): ("dns", "worker"), ("ip", "10.32.0.1"), ("email", ...), ("uri",
// ...). cfssl takes anything that is not an IP for a DNS name, and "etcd-0:2379" for a URI; here every kind
// is checked (RFC 5280 4.2.1.6, RFC 1034 3.5): ports, CIDR, brackets, zones, what looks like an IP and is
// none are refused. DNS names and the domains of e-mail addresses come back as CanonicalDomain has them, URIs
// as CanonicalUri (uri_name.h), IPs in their canonical form, an IPv4 address mapped into IPv6 as
// IPv4 (as Go compares them).
//
// A wildcard is "*." before a name of at least two labels (RFC 6125 6.4.3; what stands for a part of a label,
// or not in the first one, verifiers do not match), in DNS names alone.
absl::StatusOr<std::pair<std::string, std::string>> ClassifySan(absl::string_view host);

// An e-mail address as a SAN or a name constraint holds it (rfc822Name, RFC 5280 4.2.1.6): ASCII, at most 254
// characters, 64 before the @ (RFC 5321 4.5.3.1) and those without quotes; the domain in its canonical form.
absl::StatusOr<std::string> CanonicalMailbox(absl::string_view address);

// Whether SAN, of ClassifySan, names whom a client connects to: a URL of a host alone,
// "https://ldap.example", "tcp://10.0.0.1:2379", is a URI, which TLS clients do not compare with it (RFC 9525
// 6). An error otherwise, which is for the caller to warn of: a URI may be meant.
absl::Status CheckUriIsMeant(const std::pair<std::string, std::string>& san);

// True when a certificate with SAN (KIND, VALUE) is good for a client that connects to HOST (a DNS name in
// lower case or an IP address): equal, or a wildcard for HOST's first label.
bool SanCovers(const std::pair<std::string, std::string>& san, absl::string_view host);

// The upper bounds of RFC 5280 appendix A.1 (in characters) and the form of a subject field C, ST, L, O, OU,
// CN or serialNumber; VALUE is UTF-8.
absl::Status CheckSubjectField(absl::string_view field, absl::string_view value);

}  // namespace kplan

#endif  // KPLAN_PKI_NAMES_H_
