#ifndef KPLAN_STEPS_ISSUE_H_
#define KPLAN_STEPS_ISSUE_H_

// Requests and certificates as cfssl makes them, byte for byte given the same key, serial number and times
// (an ECDSA signature is random, so there it is everything but the signature). Time and chance come in as
// parameters.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "src/base/record.h"
#include "src/steps/certificate.h"
#include "src/steps/private_key.h"

namespace kplan {

// cfssl back-dates so that hosts whose clocks are a little behind accept a new certificate at once: NOW
// rounded to the minute (half up) less five minutes, and EXPIRY seconds from there.
Validity ValidityFrom(absl::Time now, int64_t expiry);

// How much shorter than its expiry a certificate's life is at most, because of that rounding and back-dating.
inline constexpr int64_t kMaxBackdating = 5 * 60 + 30;

// 20 random octets, big-endian, the top bit clear, not all zero: at most 20 octets of DER (RFC 5280 4.1.2.2).
absl::StatusOr<std::string> RandomSerial();

// DER of the CertificationRequestInfo (RFC 2986 4.1): SUBJECT, KEY's public half, and the SANs when there are
// any. cfssl writes a CA's request the same way. A pure function of its arguments.
absl::StatusOr<std::string> MakeRequestInfo(const StringPairs& subject, const StringPairs& sans,
                                            const PrivateKey& key);

// DER of the whole request, signed with KEY.
absl::StatusOr<std::string> MakeRequest(const StringPairs& subject, const StringPairs& sans,
                                        const PrivateKey& key);

// DER of a self-signed CA certificate: KeyUsage, BasicConstraints without a path length,
// SubjectKeyIdentifier.
absl::StatusOr<std::string> MakeCaCertificate(const StringPairs& subject, const PrivateKey& key,
                                              const std::string& serial, const Validity& validity);

// What a profile's usages come to.
struct UsageSet {
  uint16_t key_usage = 0;                        // KeyUsageBit
  std::vector<std::string> extended_key_usages;  // dotted OIDs, in the order of the names
};
// InvalidArgument for a name that cfssl does not know (cfssl drops it silently), or for none at all.
absl::StatusOr<UsageSet> ResolveUsages(const std::vector<std::string>& usages);

struct Leaf {
  StringPairs subject;
  StringPairs sans;  // canonical (subject_alt_name.h)
  UsageSet usages;
  std::string serial;
  Validity validity;
};

// DER of a leaf certificate for KEY's public half. The caller has checked that ISSUER_KEY belongs to ISSUER
// and that ISSUER may sign.
absl::StatusOr<std::string> MakeLeafCertificate(const Leaf& leaf, const PrivateKey& key,
                                                const Certificate& issuer, const PrivateKey& issuer_key);

}  // namespace kplan

#endif  // KPLAN_STEPS_ISSUE_H_
