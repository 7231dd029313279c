#ifndef KPLAN_MODEL_NAMES_H_
#define KPLAN_MODEL_NAMES_H_

// Names as they may stand in certificates, and the durations of cfssl. Errors here are statuses whose message
// is the reason and, after a line end, the remedy; the caller knows the place.

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// A host of a certificate as (kind, value): ("dns", "worker"), ("ip", "10.32.0.1"), ("email", ...), ("uri",
// ...). cfssl takes anything that is not an IP for a DNS name, and "etcd-0:2379" for a URI; here every kind
// is checked (RFC 5280 4.2.1.6, RFC 1034 3.5, RFC 6125 6.4.3): ports, CIDR, brackets, zones, what looks like
// an IP and is none, names that are not ASCII are refused. DNS names come back in lower case without a
// trailing dot, IPs in their canonical form, an IPv4 address mapped into IPv6 as IPv4 (as Go compares them).
absl::StatusOr<std::pair<std::string, std::string>> ClassifySan(absl::string_view host);

// A DNS name without wildcards, for host names and addresses (RFC 1123 2.1).
absl::Status CheckDnsName(absl::string_view name);

// True when TEXT is an IPv4 or IPv6 address in the form inet_pton takes.
bool IsIpAddress(absl::string_view text);

// True when a certificate with SAN (KIND, VALUE) is good for a client that connects to HOST (a DNS name in
// lower case or an IP address): equal, or a wildcard for HOST's first label.
bool SanCovers(const std::pair<std::string, std::string>& san, absl::string_view host);

// Go's time.ParseDuration as cfssl uses it for expiry, in whole seconds: "8760h", "1h30m". From ten minutes
// to 200 years.
absl::StatusOr<int64_t> ParseExpiry(absl::string_view text);

// The upper bounds of RFC 5280 appendix A.1 (in characters) and the form of a subject field C, ST, L, O, OU,
// CN.
absl::Status CheckSubjectField(absl::string_view field, absl::string_view value);

}  // namespace kplan

#endif  // KPLAN_MODEL_NAMES_H_
