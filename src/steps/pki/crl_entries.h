#ifndef KPLAN_STEPS_PKI_CRL_ENTRIES_H_
#define KPLAN_STEPS_PKI_CRL_ENTRIES_H_

// What a CRL has to list: `serials` and `certs` of its step's record.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "src/pki/certificate.h"
#include "src/pki/revocation_list.h"
#include "src/step/outlook.h"
#include "src/step/pki_records.h"

namespace kplan {

// A serial number that is to be listed.
struct WantedEntry {
  std::string serial;           // as RevokedEntry
  int reason = 0;               // ReasonCode
  std::optional<int64_t> date;  // Unix seconds; without: the time at which it first came into the CRL
};

// All of RECORD, a serial number as often as it is declared: the serials, and of each of certs the
// certificates of ISSUER in its file and in its folder of superseded ones that start before its date. A
// certificate that cannot be read is an error, because it may be one that must be listed; a file or folder
// that is not there is not. A certificate that FORESEEN replaces counts as it is: it goes to its folder.
absl::StatusOr<std::vector<WantedEntry>> WantedEntries(const CrlRecord& record, const Certificate& issuer,
                                                       const Foreseen& foreseen);

// In the CRL's order, each serial number once: of several declarations the earliest date and its reason. One
// without a date has that of PREVIOUS, and when it is not there either, NOW (Unix seconds).
std::vector<RevokedEntry> ResolveEntries(const std::vector<WantedEntry>& wanted,
                                         const std::vector<RevokedEntry>& previous, int64_t now);

// "added 5a, removed 1f, changed 2b (keyCompromise, was superseded)", or "" when both are the same. Both are
// in the CRL's order.
std::string EntriesDifference(const std::vector<RevokedEntry>& spec, const std::vector<RevokedEntry>& crl);

// The same, entry by entry, as "revoked": ("", "5a (keyCompromise)"), ("1f", ""). Of more than 20 that are
// added, removed or changed the others are counted.
std::vector<Change> EntryChanges(const std::vector<RevokedEntry>& from, const std::vector<RevokedEntry>& to);

// The serial numbers of FROM that are not in TO, both in the CRL's order.
std::vector<std::string> SerialsMissing(const std::vector<RevokedEntry>& from,
                                        const std::vector<RevokedEntry>& to);

// "5a, 1f and 3 more"
std::string SerialsText(const std::vector<std::string>& serials);

}  // namespace kplan

#endif  // KPLAN_STEPS_PKI_CRL_ENTRIES_H_
