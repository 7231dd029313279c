#ifndef KPLAN_PKI_DISTINGUISHED_NAME_H_
#define KPLAN_PKI_DISTINGUISHED_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "src/base/string_pairs.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// A subject as cfssl (through Go's crypto/x509/pkix) encodes it: RDNs in the order C, ST, L, O, OU, CN,
// serialNumber whatever the order of SUBJECT, a repeated field as one RDN of several values, PrintableString
// where the characters allow and UTF8String elsewhere, empty values left out. InvalidArgument for an unknown
// field, a repeated CN or serialNumber, or a value outside of RFC 5280's upper bounds (A.1), which cfssl does
// not look at.
absl::StatusOr<NamePtr> MakeName(const StringPairs& subject);

// For messages: "C=US, ST=Oregon, CN=kubernetes"; "(empty)".
std::string NameText(const X509_NAME* name);

// The same fields with the same values, whatever string type encodes them: a certificate that another tool
// made is as good. (X509_NAME_cmp folds case and spaces, and would miss a change of the spec.)
bool SameName(const X509_NAME* a, const X509_NAME* b);

}  // namespace kplan

#endif  // KPLAN_PKI_DISTINGUISHED_NAME_H_
