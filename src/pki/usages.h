#ifndef KPLAN_PKI_USAGES_H_
#define KPLAN_PKI_USAGES_H_

// The words of `usages` in a signing profile, and what each puts into a certificate: cfssl 1.4.1's tables
// (config/config.go, KeyUsage and ExtKeyUsage). A plain table, so that the spec layer can suggest names from
// it without knowing any cryptography.

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace kplan {

// KeyUsage (RFC 5280 4.2.1.3) as a set: the bit that the RFC numbers N is 1 << N.
enum KeyUsageBit : uint16_t {
  kDigitalSignature = 1 << 0,
  kContentCommitment = 1 << 1,  // nonRepudiation
  kKeyEncipherment = 1 << 2,
  kDataEncipherment = 1 << 3,
  kKeyAgreement = 1 << 4,
  kCertSign = 1 << 5,
  kCrlSign = 1 << 6,
  kEncipherOnly = 1 << 7,
  kDecipherOnly = 1 << 8,
};
inline constexpr int kKeyUsageBits = 9;

struct Usage {
  absl::string_view name;           // as cfssl spells it, all lower-case
  uint16_t key_usage = 0;           // the KeyUsage bit, or 0
  absl::string_view extended = {};  // else the ExtendedKeyUsage's OID (RFC 5280 4.2.1.12), dotted
};

// Where two names mean the same, the first one listed is the one used when a certificate is described.
extern const std::array<Usage, 23> kUsages;

// Null when cfssl has no such usage. Exact: cfssl does not fold case.
const Usage* FindUsage(absl::string_view name);

}  // namespace kplan

#endif  // KPLAN_PKI_USAGES_H_
