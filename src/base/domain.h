#ifndef KPLAN_BASE_DOMAIN_H_
#define KPLAN_BASE_DOMAIN_H_

// Domain names: what they have to look like, and the one form of each. Errors are statuses whose message is
// the reason and, after a line end, the remedy; the caller knows the place.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/diagnostic.h"  // IWYU pragma: export
#include "src/base/ip_address.h"  // IWYU pragma: export

namespace kplan {

// The longest DNS name in characters, without the dot at its end (255 octets on the wire, RFC 1035 2.3.4).
inline constexpr size_t kMaxDnsName = 253;

// A status for REASON and REMEDY (diagnostic.h Refusal).
absl::Status RefuseName(absl::string_view reason, const Remedy& remedy);

// A DNS name (RFC 1123 2.1) without wildcards, as it is written: letters, digits, hyphens and dots, no dot at
// the end, nothing that looks like an IP address. A label xn--... has to be an A-label (RFC 5890 2.3.2.1),
// that is, to come back when it is decoded and encoded again. Other names that are not ASCII are refused.
absl::Status CheckDnsName(absl::string_view name);

// The form of a domain name that stands in certificates (RFC 5280 7.2): lower case, without the dot at its
// end, its labels that are not ASCII as A-labels, by IDNA2008 with the mapping that browsers and Go do (UTS
// 46, non-transitional: "Bücher" is bücher, "faß" is not fass). What IDNA2008 does not allow (emoji, for one)
// is refused, and what CheckDnsName refuses.
absl::StatusOr<std::string> CanonicalDomain(absl::string_view name);

}  // namespace kplan

#endif  // KPLAN_BASE_DOMAIN_H_
