#ifndef KPLAN_PKI_SUBJECT_ALT_NAME_H_
#define KPLAN_PKI_SUBJECT_ALT_NAME_H_

// Subject alternative names (RFC 5280 4.2.1.6). A name is a pair: its type "dns", "email", "ip" or "uri", and
// its text.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/base/string_pairs.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// SANS in the order that Go's crypto/x509 writes them (dns, email, ip, uri; inside a type as given),
// addresses in their one canonical text (a v4-mapped v6 address as v4, which Go compares), none twice.
// InvalidArgument for an unknown type, an address that inet_pton does not take, or anything but visible ASCII
// elsewhere (IA5String).
absl::StatusOr<StringPairs> CanonicalSans(const StringPairs& sans);

// SANS, canonical, as OpenSSL's structure: built name by name, never from a configuration string, where
// "a,DNS:evil" would be two names.
absl::StatusOr<GeneralNamesPtr> MakeGeneralNames(const StringPairs& sans);

// The other way, in the order of the encoding; a type that kplan never writes is ("other", its number).
StringPairs SansOf(const GENERAL_NAMES& names);

// SANS that were found, as kplan would write them: each in the form of ClassifySan (names.h) where it has
// one, as it is otherwise; none twice. Who compares names folds their case (RFC 5280 7.2), so that
// "WEB.Example" in a certificate is as good as "web.example".
StringPairs CanonicalFound(const StringPairs& sans);

// "SAN differs: added dns a, removed ip 10.0.0.1" (added: in the spec only), or "" when both are the same
// names in their canonical forms, whose order says nothing.
std::string SanDifference(const StringPairs& spec, const StringPairs& found);

// One name of the type GEN_DNS, GEN_EMAIL, GEN_URI (VALUE: its text) or GEN_IPADD (VALUE: octets).
absl::StatusOr<GeneralNamePtr> MakeGeneralName(int type, const std::string& value);

}  // namespace kplan

#endif  // KPLAN_PKI_SUBJECT_ALT_NAME_H_
