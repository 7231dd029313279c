#ifndef KPLAN_PKI_NAME_CONSTRAINTS_H_
#define KPLAN_PKI_NAME_CONSTRAINTS_H_

// Name constraints (RFC 5280 4.2.1.10): the names that certificates below a CA may have. A constraint is a
// pair:
//   ("dns", "example.com"): it and all below; (".example.com"): only below, as Go and OpenSSL read it
//   ("ip", "10.0.0.0/8"): a network
//   ("email", "user@example.com"), ("example.com": its mailboxes), (".example.com": those of hosts below)
//   ("uri", "host.example.com"): that host; (".example.com"): those below

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "src/base/string_pairs.h"
#include "src/pki/openssl_util.h"

namespace kplan {

using NameConstraintsPtr = std::unique_ptr<NAME_CONSTRAINTS, OpenSslDelete<NAME_CONSTRAINTS_free>>;

// CONSTRAINTS in the order that Go's crypto/x509 writes them (dns, ip, email, uri; inside a type as given),
// none twice. InvalidArgument for an unknown type, a network that is not one (10.0.0.1/8 is an address), or
// anything but visible ASCII elsewhere.
absl::StatusOr<StringPairs> CanonicalConstraints(const StringPairs& constraints);

// Both lists canonical.
absl::StatusOr<NameConstraintsPtr> MakeNameConstraints(const StringPairs& permitted,
                                                       const StringPairs& excluded);

// The other way, in the order of the encoding; a type that kplan never writes is ("other", its number).
void ConstraintsOf(const NAME_CONSTRAINTS& constraints, StringPairs* permitted, StringPairs* excluded);

}  // namespace kplan

#endif  // KPLAN_PKI_NAME_CONSTRAINTS_H_
