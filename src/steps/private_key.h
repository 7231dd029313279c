#ifndef KPLAN_STEPS_PRIVATE_KEY_H_
#define KPLAN_STEPS_PRIVATE_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/steps/openssl_util.h"

namespace kplan {

// A private key, held in memory that is wiped. Reading one uses no provider (see der.h) and, but for P-384
// and P-521, where OpenSSL blinds every multiplication, no random numbers: 0.2 ms, and 1.7 ms for those two.
class PrivateKey {
 public:
  // PEM: PKCS#1, SEC1 (with or without its EC PARAMETERS block) or PKCS#8. A key that parses but whose
  // numbers do not belong together is damaged. Errors, none of which quotes the text: DataLoss when damaged,
  // FailedPrecondition when it is encrypted with a passphrase.
  static absl::StatusOr<PrivateKey> Parse(absl::string_view pem);

  // The same from the file PATH, which every message names; NotFound when there is none.
  static absl::StatusOr<PrivateKey> Read(const std::string& path);

  // For the steps that certify a key or sign with it: FailedPrecondition also when it is not usable().
  static absl::StatusOr<PrivateKey> ReadUsable(const std::string& path);

  // ALGO "rsa" (SIZE 2048 to 8192) or "ecdsa" (256, 384, 521: the NIST curves, as in cfssl). InvalidArgument
  // for others.
  static absl::StatusOr<PrivateKey> Generate(absl::string_view algo, int size);

  // "rsa 2048", "ecdsa 256"; "ed25519", "ecdsa secp256k1" and so on for keys that kplan does not make.
  const std::string& kind() const { return kind_; }
  // False for the kinds that kplan does not make: no use can be made of the two below.
  bool usable() const { return pkey_ != nullptr; }
  // DER of the SubjectPublicKeyInfo (RFC 5280 4.1.2.7): the public half.
  const std::string& spki() const { return spki_; }
  EVP_PKEY* pkey() const { return pkey_.get(); }

  // "Traditional" PEM, PKCS#1 or SEC1, as cfssl writes keys.
  absl::StatusOr<Secret> ToPem() const;

 private:
  PrivateKey() = default;
  static absl::StatusOr<PrivateKey> ParsePkcs1(absl::string_view der);
  // CURVE: a NID, for the form inside PKCS#8, which leaves the curve to the algorithm; NID_undef otherwise.
  static absl::StatusOr<PrivateKey> ParseSec1(absl::string_view der, int curve);
  static absl::StatusOr<PrivateKey> ParsePkcs8(absl::string_view der);
  // These take their argument over.
  static absl::StatusOr<PrivateKey> FromRsa(RSA* rsa);
  static absl::StatusOr<PrivateKey> FromEc(EC_KEY* ec);

  std::string kind_, spki_;
  PkeyPtr pkey_;
};

// "rsa 2048" from its two halves, as kind() writes it.
std::string KeyKind(absl::string_view algo, int size);

}  // namespace kplan

#endif  // KPLAN_STEPS_PRIVATE_KEY_H_
