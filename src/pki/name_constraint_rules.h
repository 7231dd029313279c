#ifndef KPLAN_PKI_NAME_CONSTRAINT_RULES_H_
#define KPLAN_PKI_NAME_CONSTRAINT_RULES_H_

// Name constraints of CAs (RFC 5280 4.2.1.10), and what the verifiers make of them. Errors are statuses as in
// names.h: the reason and, after a line end, the remedy.

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/string_pairs.h"

namespace kplan {

// One constraint as it is written in cluster.yaml, as (kind, value):
//   example.com            ("dns", "example.com")           it and what is below
//   .example.com           ("dns", ".example.com")          only what is below
//   10.0.0.0/8, fd00::/8   ("ip", "10.0.0.0/8")             a network without host bits
//   @example.com           ("email", "example.com")         mailboxes at it
//   @.example.com          ("email", ".example.com")        mailboxes at what is below
//   user@example.com       ("email", "user@example.com")    this one
//   uri:host.example.com   ("uri", "host.example.com")      URIs of this host
//   uri:.example.com       ("uri", ".example.com")          URIs of what is below
// Domains are in the form of CanonicalDomain. RFC 5280 knows no dot in front in a DNS constraint; OpenSSL, Go
// and GnuTLS all read it as here. A network of IPv4 addresses mapped into IPv6 comes back as IPv4, as the
// addresses in SANs do.
absl::StatusOr<std::pair<std::string, std::string>> ParseNameConstraint(absl::string_view text);

// A CA's constraints of one sort, permitted or excluded, so kept that those which could hold of a name are
// found without a look at each.
class NameConstraintList {
 public:
  // CONSTRAINTS as ParseNameConstraint gives them.
  explicit NameConstraintList(const StringPairs& constraints);

  // In the order of the list: all that could hold of SAN or be covered by it, and few others.
  std::vector<const std::pair<std::string, std::string>*> CandidatesFor(
      const std::pair<std::string, std::string>& san) const;
  bool Has(absl::string_view kind) const { return kinds_.contains(kind); }
  const StringPairs& all() const { return constraints_; }

 private:
  const StringPairs constraints_;
  absl::flat_hash_set<std::string> kinds_;
  absl::flat_hash_map<std::string, std::vector<int>> by_key_;  // into constraints_
  std::set<std::pair<bool, int>> prefixes_;                    // of networks: of IPv6, and how long
};

// The name constraints of one CA.
class NameConstraintRules {
 public:
  NameConstraintRules(const StringPairs& permitted, const StringPairs& excluded);

  // Whether a leaf with SANS ((kind, value), as ClassifySan gives them) and the subject's CN (empty: none) is
  // good below the CA, for both OpenSSL 3.0 (nc_match) and Go (crypto/x509): what one of them refuses is
  // refused, with a reason that names the SAN and the constraint. Where they differ:
  //  - an e-mail constraint of a host, and a URI constraint of one: OpenSSL, as the RFC says, takes that host
  //    alone, Go what is below it, too;
  //  - a URI's host: Go refuses addresses wherever there is a constraint for URIs; OpenSSL takes for the host
  //    what stands before the first ":" of all the rest, else before the first "/", a query included;
  //  - the CN: OpenSSL checks one of two labels or more as a DNS name when there is no DNS SAN, Go never;
  //  - a wildcard that covers an excluded name (*.example.com, bar.example.com): both took it for good; Go
  //    refuses it since 1.24.11 and 1.25.5 (CVE-2025-61727).
  absl::Status Check(const StringPairs& sans, absl::string_view cn) const;

 private:
  absl::Status CheckOne(const std::pair<std::string, std::string>& san, absl::string_view what) const;

  const NameConstraintList permitted_, excluded_;
};

// Go 1.10 to 1.14 (etcd 3.4's own releases are built with 1.12) refuse a leaf without any SAN below a CA with
// name constraints, whatever these are, when its CN could be a host name ("issuer has name constraints but
// leaf doesn't have a SAN extension"): an error for such a leaf.
absl::Status CheckSanForOldGo(const StringPairs& sans, absl::string_view cn);

}  // namespace kplan

#endif  // KPLAN_PKI_NAME_CONSTRAINT_RULES_H_
