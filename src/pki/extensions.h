#ifndef KPLAN_PKI_EXTENSIONS_H_
#define KPLAN_PKI_EXTENSIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "src/base/string_pairs.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// What the extensions of a certificate (RFC 5280 4.2) say: what is read out of one, and what is written into
// a new one.
struct Extensions {
  uint16_t key_usage = 0;                        // KeyUsageBit of usages.h; 0 when there is no such extension
  std::vector<std::string> extended_key_usages;  // dotted OIDs
  // BasicConstraints: whether it may sign certificates, and how many CAs may be below it (nothing: any).
  bool is_ca = false;
  std::optional<int64_t> path_length;
  std::string subject_key_id, authority_key_id;     // octets; empty when there are none
  std::vector<std::string> ocsp_urls, issuer_urls;  // AuthorityInformationAccess
  StringPairs sans;                                 // subject_alt_name.h
  StringPairs permitted_names, excluded_names;      // name_constraints.h
  std::vector<std::string> crl_urls;                // CRLDistributionPoints
  // The OID of a critical extension that is none of these, which most verifiers refuse. Only a certificate
  // that was read may have one.
  std::string unknown_critical;
};

// False when DER, an Extensions (RFC 5280 4.1), is damaged or has one of them twice.
bool ReadExtensions(absl::string_view der, Extensions* extensions);

// Adds what EXTENSIONS says, in the order and form of Go's x509.CreateCertificate, which is cfssl's. Name
// constraints are critical (RFC 5280 4.2.1.10), SANs when ANONYMOUS, that is when there is no subject (RFC
// 5280 4.2.1.6).
absl::Status AddExtensions(const Extensions& extensions, bool anonymous, X509* certificate);

}  // namespace kplan

#endif  // KPLAN_PKI_EXTENSIONS_H_
