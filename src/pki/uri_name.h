#ifndef KPLAN_PKI_URI_NAME_H_
#define KPLAN_PKI_URI_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// A URI as it may stand in a SAN (RFC 5280 4.2.1.6, RFC 3986):
// scheme://host[:port][/path][?query][#fragment], all ASCII, the host a DNS name or an address (an IPv6 one
// in brackets). Scheme and host come back in lower case, the rest as it is. Refused: no host (RFC 5280 wants
// one where there is an authority, and name constraints can say nothing of URIs without), user information
// (certificates are public), wildcards, a port that is none, wrong percent-encoding. A SPIFFE ID (spiffe://)
// has to be what its standard asks for: no port, query or fragment, and a path of plain segments (SPIFFE-ID
// 2). Errors are statuses of a reason and, after a line end, a remedy.
absl::StatusOr<std::string> CanonicalUri(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_PKI_URI_NAME_H_
