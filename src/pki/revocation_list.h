#ifndef KPLAN_PKI_REVOCATION_LIST_H_
#define KPLAN_PKI_REVOCATION_LIST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/certificate.h"
#include "src/pki/private_key.h"

namespace kplan {

// The number of a reason by its name (RFC 5280 5.3.1: "keyCompromise" is 1), -1 for any other word.
// "removeFromCRL" is none here: it means something in delta CRLs alone.
int ReasonCode(absl::string_view name);

// The name of a reason code; "reason 7" for those that have none here.
std::string ReasonName(int code);

// A revoked certificate in a CRL.
struct RevokedEntry {
  std::string serial;  // big-endian octets without leading zeros
  int64_t date = 0;    // Unix seconds
  int reason = 0;      // 0 (unspecified) is written as no reason at all, as RFC 5280 5.3.1 wants it
};

// Whether A is the lower of two numbers as above: the order in which entries are written, and that of the
// numbers of CRLs.
bool SerialLess(const std::string& a, const std::string& b);

// A serial number as a record and openssl write it: hexadecimal without leading zeros, "0" for zero.
std::string SerialText(absl::string_view serial);

// A certificate revocation list (RFC 5280 5.1), taken apart.
struct RevocationList {
  std::string der;
  SignedObject signed_object;
  std::string issuer_der;
  std::string authority_key_id;       // octets; empty when there is none
  std::string number;                 // big-endian octets without leading zeros; empty when there is none
  Validity validity;                  // thisUpdate, nextUpdate
  std::vector<RevokedEntry> entries;  // sorted by SerialLess
  // Whether it is the whole list of what its issuer revoked, as kplan writes it: of version 2, with a number
  // and an end, and with no critical extension, which is how parts of lists (delta CRLs, distribution points)
  // are marked.
  bool complete = false;

  static absl::StatusOr<RevocationList> Parse(absl::string_view der);  // DataLoss

  // From the text of a PEM file. DataLoss; FailedPrecondition when there is more than one block in it.
  static absl::StatusOr<RevocationList> ParsePem(absl::string_view text);

  // A new one, signed with ISSUER_KEY. ENTRIES are in their order, each serial number once; NUMBER as above,
  // at most 20 octets of DER. The caller has checked that the key is ISSUER's and that ISSUER may sign.
  static absl::StatusOr<RevocationList> Make(const std::vector<RevokedEntry>& entries,
                                             const std::string& number, const Validity& validity,
                                             const Certificate& issuer, const PrivateKey& issuer_key);

  // Whether it says that ISSUER signed it (Certificate::NamesAsIssuer), and whether ISSUER did.
  bool NamesAsIssuer(const Certificate& issuer) const;
  bool IsSignedBy(const Certificate& issuer) const { return signed_object.IsSignedBy(issuer.spki); }

  std::string ToPem() const;
};

// From when to when the CRL in a PEM file holds, at a fraction of the cost of reading its entries. Errors as
// RevocationList::ParsePem and ReadFile.
absl::StatusOr<Validity> ReadCrlValidity(const std::string& path);

// How much of a CRL's file is read: a million entries.
inline constexpr size_t kMaxCrlFile = size_t{64} << 20;

}  // namespace kplan

#endif  // KPLAN_PKI_REVOCATION_LIST_H_
