#ifndef KPLAN_PKI_ISSUE_H_
#define KPLAN_PKI_ISSUE_H_

// Requests and certificates as cfssl makes them, byte for byte given the same key, serial number and times
// (an ECDSA signature is random, so there it is everything but the signature). Time and chance come in as
// parameters.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "src/base/string_pairs.h"
#include "src/pki/certificate.h"
#include "src/pki/private_key.h"

namespace kplan {

// How long before the present a new certificate starts, unless the spec says something else, so that hosts
// whose clocks are a little behind accept it at once. What cfssl does; its `backdate: 0s` means this, too.
inline constexpr int64_t kBackdate = 5 * 60;

// As cfssl reckons: NOW rounded to the minute (half up) less BACKDATE seconds, and EXPIRY seconds from there;
// but never from a moment to come, which is what cfssl makes of a BACKDATE of a few seconds.
// InvalidArgument when that is after the year 9999, which no certificate can say.
absl::StatusOr<Validity> ValidityFrom(absl::Time now, int64_t expiry, int64_t backdate = kBackdate);

// 20 random octets, big-endian, the top bit clear, not all zero: at most 20 octets of DER (RFC 5280 4.1.2.2).
absl::StatusOr<std::string> RandomSerial();

// DER of the CertificationRequestInfo (RFC 2986 4.1): SUBJECT, the public key SPKI (DER of a
// SubjectPublicKeyInfo), and the SANs when there are any. cfssl writes a CA's request the same way. A pure
// function of its arguments.
absl::StatusOr<std::string> RequestInfo(const StringPairs& subject, const StringPairs& sans,
                                        absl::string_view spki);

// DER of the whole request, signed with KEY.
absl::StatusOr<std::string> MakeRequest(const StringPairs& subject, const StringPairs& sans,
                                        const PrivateKey& key);

// What a profile's usages come to, added to EXTENSIONS; extended ones in the order of the names.
// InvalidArgument for a name that cfssl does not know (cfssl drops it silently), or for none at all.
absl::Status ResolveUsages(const std::vector<std::string>& usages, Extensions* extensions);

struct NewCertificate {
  const X509_NAME* subject = nullptr;
  Extensions extensions;  // the key identifiers follow from the keys, and are written over what is here
  std::string serial;     // as RandomSerial gives it
  Validity validity = {};
};

// DER of a certificate for KEY, signed with it: no AuthorityKeyIdentifier.
absl::StatusOr<std::string> MakeSelfSigned(const NewCertificate& wanted, const PrivateKey& key);

// DER of a certificate for KEY's public half. The caller has checked that ISSUER_KEY belongs to ISSUER and
// that ISSUER may sign.
absl::StatusOr<std::string> MakeCertificate(const NewCertificate& wanted, const PrivateKey& key,
                                            const Certificate& issuer, const PrivateKey& issuer_key);

// For a look ahead, what either of the two would make for the public key SPKI (DER of a
// SubjectPublicKeyInfo), by the same code and without the key that signs: ISSUER's, or, when that is null,
// its own. Everything in it is as it will be, but for its signature (SignedObject::signer) and, where
// `wanted` has none, its serial number. InvalidArgument also when SPKI is no key.
absl::StatusOr<Certificate> ForeseeCertificate(const NewCertificate& wanted, absl::string_view spki,
                                               const Certificate* issuer);

// The public key of nobody, to stand in for one that is not made yet.
absl::StatusOr<std::string> AnyPublicKey();

}  // namespace kplan

#endif  // KPLAN_PKI_ISSUE_H_
