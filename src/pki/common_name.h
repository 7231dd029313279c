#ifndef KPLAN_PKI_COMMON_NAME_H_
#define KPLAN_PKI_COMMON_NAME_H_

#include <openssl/x509.h>

#include <string>

#include "absl/status/statusor.h"

namespace kplan {

// The CN of NAME, in UTF-8: the last one where it has several, as Go reads it (crypto/x509/pkix,
// FillFromRDNSequence). Empty when it has none; null has none.
std::string CommonName(const X509_NAME* name);

// The CN of the subject of the first certificate in the PEM file PATH. Errors: the file cannot be read
// (ReadFile's), or has no certificate (DataLoss).
absl::StatusOr<std::string> ReadCommonName(const std::string& path);

}  // namespace kplan

#endif  // KPLAN_PKI_COMMON_NAME_H_
