#ifndef KPLAN_PKI_CERTIFICATE_H_
#define KPLAN_PKI_CERTIFICATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/extensions.h"
#include "src/pki/openssl_util.h"

namespace kplan {

// What certificates (RFC 5280 4.1) and certification requests (RFC 2986 4.2) have in common:
// SEQUENCE { what is signed, algorithm, signature }.
struct SignedObject {
  std::string signed_part;  // DER, exactly the bytes that the signature covers
  std::string algorithm;    // DER of the AlgorithmIdentifier beside the signature, which that does not cover
  int signature_nid = 0;    // NID_sha256WithRSAEncryption, ...
  std::string signature;
  // The public key (DER of the SubjectPublicKeyInfo) whose private half will sign this. Only what is foreseen
  // and not signed yet has it (ForeseeCertificate, issue.h). Empty for everything that was read.
  std::string signer;

  static absl::StatusOr<SignedObject> Parse(absl::string_view der);  // DataLoss

  // Whether the signature was made, or will be, by the private half of SPKI (DER), an RSA (PKCS#1 v1.5) or
  // ECDSA key, over SHA-256, -384 or -512, or an Ed25519 key; false for every other kind. Full verification,
  // so nobody has to guess: it goes past EVP, whose first use costs 1 ms, and takes 0.1 ms (P-384 and P-521:
  // 2 ms, Ed25519: 1 ms, see private_key.h).
  bool IsSignedBy(absl::string_view spki) const;
};

// When a certificate is valid.
struct Validity {
  int64_t not_before, not_after;  // Unix seconds

  // Reads the validity of the certificate in a PEM file, whatever else is in it. This costs a tenth of what
  // Certificate::Read costs. It is for `gen`, which looks at every certificate there is. Errors as there.
  static absl::StatusOr<Validity> Read(const std::string& path);
};

// An X.509 certificate, taken apart. What its extensions say are members like all others.
struct Certificate : Extensions {
  std::string der;
  SignedObject signed_object;
  int version = 0;     // as people count: 3
  std::string serial;  // big-endian octets without leading zeros
  NamePtr issuer, subject;
  std::string issuer_der, subject_der;
  int64_t not_before = 0, not_after = 0;  // Unix seconds
  std::string spki;                       // DER

  static absl::StatusOr<Certificate> Parse(absl::string_view der);  // DataLoss

  // From a PEM file. NotFound; DataLoss when it is damaged or not a certificate; FailedPrecondition when
  // there are several, which kplan never writes and would lose. Every message names PATH.
  static absl::StatusOr<Certificate> Read(const std::string& path);

  // Whether it says that ISSUER signed it, as Go and OpenSSL look for a chain: names equal byte for byte, and
  // key identifiers where both have one.
  bool NamesAsIssuer(const Certificate& issuer) const;
  // And whether ISSUER did.
  bool IsSignedBy(const Certificate& issuer) const { return signed_object.IsSignedBy(issuer.spki); }

  Validity validity() const { return {not_before, not_after}; }

  std::string ToPem() const;
};

// Usages by cfssl's names, for messages: "[signing, server auth]".
std::string UsagesText(uint16_t key_usage, const std::vector<std::string>& extended_key_usages);

// "2027-11-22 08:18 UTC" from Unix seconds.
std::string TimeText(int64_t time);

// A duration as cfssl writes it: "8760h", "90m", "45s".
std::string DurationText(int64_t seconds);

}  // namespace kplan

#endif  // KPLAN_PKI_CERTIFICATE_H_
