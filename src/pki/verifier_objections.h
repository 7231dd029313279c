#ifndef KPLAN_PKI_VERIFIER_OBJECTIONS_H_
#define KPLAN_PKI_VERIFIER_OBJECTIONS_H_

// What is known to have something against a CA certificate. kplan makes none of these, but is given such CAs:
// they are taken, and it is said who will refuse what they sign.
//
// What stands here was seen, with one odd CA for each property and a server below it: OpenSSL 3.0.19 at
// security levels 0, 1 and 2 and with -x509_strict, Python 3.13.0, GnuTLS 3.7.9, and Go as cfssl (1.19.8) and
// as etcdctl (1.24.0 and 1.26.4, also with the GODEBUG of newer modules). The versions since when are those
// of their release notes. tests/odd_cas_test.py holds it against what is installed. Seen to be refused by
// none: serial numbers of zero or of more than 20 octets, the exponent 3, a path length of 0, key usage or
// name constraints that are not critical, a root whose own signature is of SHA-1 or MD5.
//
// When a CA is valid is not looked at here (certificate_check.h), nor what everybody refuses: no CA, no right
// to sign, an unknown critical extension (certificate_policy.h).

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "src/pki/certificate.h"

namespace kplan {

// One reason to refuse a CA.
struct Objection {
  absl::string_view property;  // for programs: "key-usage", "rsa-bits"
  std::string what;            // "it has no key usage"
  absl::string_view who;       // "Python 3.13 and later, and OpenSSL 3 with -x509_strict"
  absl::string_view remedy;    // what mends it
};

// Every one against CA, in the order of the table; ISSUER signed it, null: itself, or not known.
std::vector<Objection> ObjectionsTo(const Certificate& ca, const Certificate* issuer = nullptr);

// "it has no key usage (refused by Python 3.13 and later, ...); ..."; "" for none.
std::string ObjectionsText(const std::vector<Objection>& objections);

// All properties, in the order of the table.
std::vector<absl::string_view> ObjectionableProperties();

}  // namespace kplan

#endif  // KPLAN_PKI_VERIFIER_OBJECTIONS_H_
