#ifndef KPLAN_PKI_REVOCATION_H_
#define KPLAN_PKI_REVOCATION_H_

// The words of an entry of `revoked`. Errors are statuses as in names.h: the reason and, after a line end,
// the remedy.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kplan {

// A certificate's serial number as lower-case hexadecimal without leading zeros: "5a0f". TEXT is decimal
// ("4096"), hexadecimal with 0x, in pairs with colons ("10:00", as openssl shows it), or hexadecimal that can
// be nothing else, because it has a letter. From 1 to 2^159 - 1: at most 20 octets of DER (RFC 5280 4.1.2.2).
// Decimal digits with a zero in front are refused: openssl pads its hexadecimal so.
absl::StatusOr<std::string> ParseSerial(absl::string_view text);

// A reason of RFC 5280 5.3.1, as it is spelled there, "keyCompromise"; OpenSSL's "CACompromise" and
// "AACompromise" come back as "cACompromise" and "aACompromise". "removeFromCRL" is refused: it has a meaning
// in delta CRLs alone.
absl::StatusOr<std::string> ParseRevocationReason(absl::string_view text);

// A date as Unix seconds: RFC 3339 in whole seconds with its zone ("2026-11-22T10:00:00Z",
// "2026-11-22T12:00:00+02:00"), or a day, which stands for its midnight in UTC. The years that a certificate
// can say, 1950 to 9999 (RFC 5280 4.1.2.5).
absl::StatusOr<int64_t> ParseRevocationDate(absl::string_view text);

}  // namespace kplan

#endif  // KPLAN_PKI_REVOCATION_H_
