#ifndef KPLAN_PKI_PRIVATE_KEY_H_
#define KPLAN_PKI_PRIVATE_KEY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/pki/openssl_util.h"
#include "src/pki/passphrase.h"

namespace kplan {

// How a key stands in its file.
enum class KeyForm {
  kTraditional,  // PKCS#1 (RFC 8017 A.1.2) or SEC1 (RFC 5915), as cfssl writes keys; Ed25519 has no such form
  kPkcs8,        // PrivateKeyInfo (RFC 5208; RFC 8410 7 for Ed25519)
  kEncrypted,    // the same, encrypted (encrypted_key.h)
};

// A private key, held in memory that is wiped. Reading one uses no provider (see der.h) and, but for P-384
// and P-521, where OpenSSL blinds every multiplication, no random numbers: 0.2 ms, and 1.7 ms for those two.
// Ed25519 has only a provider in OpenSSL 3.0: 0.8 ms. An encrypted key costs what encrypted_key.h says.
class PrivateKey {
 public:
  // PEM with one key in it: PKCS#1, SEC1 (with or without its EC PARAMETERS block) or PKCS#8, encrypted by
  // PBES2 or not; text around it, CRLF, a byte order mark and other blocks are passed over. PASSPHRASE opens
  // a key that is encrypted; one that is not does not even look for it. A key that parses but whose numbers
  // do not belong together is damaged. Errors, none of which quotes the text:
  //   DataLoss            damaged
  //   InvalidArgument     PEM, but without a private key: a certificate, a public key
  //   FailedPrecondition  the key may well be good: two of them, encrypted and PASSPHRASE is not given, is
  //                       not to be had or does not open it, encrypted in an old way
  //   Unauthenticated     encrypted, as far as it can be told in a good way, and PASSPHRASE is withheld
  static absl::StatusOr<PrivateKey> Parse(absl::string_view pem, const PassphraseSource& passphrase = {});

  // The same from the file PATH, which every message names; NotFound when there is none, FailedPrecondition
  // when it is not a regular file (a link to one is followed). *TEXT, if given, becomes the file's content,
  // also when there is no key to be had from it.
  static absl::StatusOr<PrivateKey> Read(const std::string& path, const PassphraseSource& passphrase = {},
                                         Secret* text = nullptr);

  // For the steps that certify a key or sign with it: FailedPrecondition also when it is not usable().
  static absl::StatusOr<PrivateKey> ReadUsable(const std::string& path,
                                               const PassphraseSource& passphrase = {});

  // ALGO "rsa" (SIZE 2048 to 8192), "ecdsa" (256, 384, 521: the NIST curves, as in cfssl) or "ed25519" (0).
  // InvalidArgument for others.
  static absl::StatusOr<PrivateKey> Generate(absl::string_view algo, int size);
  // The same, without making one.
  static absl::Status CheckKind(absl::string_view algo, int size);

  // "rsa 2048", "ecdsa 256", "ed25519"; "dsa", "ecdsa secp256k1", "rsa 2048 with exponent 3" and so on for
  // keys that kplan does not make.
  const std::string& kind() const { return kind_; }
  // How it stood in the text that it was read from.
  KeyForm form() const { return form_; }
  // False for the kinds that kplan does not make: no use can be made of the two below.
  bool usable() const { return pkey_ != nullptr; }
  // DER of the SubjectPublicKeyInfo (RFC 5280 4.1.2.7): the public half.
  const std::string& spki() const { return spki_; }
  EVP_PKEY* pkey() const { return pkey_.get(); }
  // The hash that cfssl takes for what this key signs (signer/signer.go, DefaultSigAlgo). Null for Ed25519,
  // which hashes by itself (RFC 8032 5.1): that is the value that X509_sign and its like want for it.
  const EVP_MD* SigningHash() const;

  // PEM of the given form; Ed25519 is PKCS#8 when "traditional" is asked for. PASSPHRASE, of at least one
  // octet, is for kEncrypted.
  absl::StatusOr<Secret> ToPem(KeyForm form = KeyForm::kTraditional, absl::string_view passphrase = {}) const;

 private:
  PrivateKey() = default;
  static absl::StatusOr<PrivateKey> ParsePkcs1(absl::string_view der);
  // CURVE: a NID, for the form inside PKCS#8, which leaves the curve to the algorithm; NID_undef otherwise.
  static absl::StatusOr<PrivateKey> ParseSec1(absl::string_view der, int curve);
  static absl::StatusOr<PrivateKey> ParsePkcs8(absl::string_view der);
  static absl::StatusOr<PrivateKey> ParseEncrypted(absl::string_view der, const PassphraseSource& source);
  // These take their argument over.
  static absl::StatusOr<PrivateKey> FromRsa(RSA* rsa);
  static absl::StatusOr<PrivateKey> FromEc(EC_KEY* ec);
  // SEED: 32 octets, what RFC 8032 5.1.5 calls the private key.
  static absl::StatusOr<PrivateKey> FromEd25519(absl::string_view seed);
  // DER of the PrivateKeyInfo.
  Secret ToPkcs8() const;

  std::string kind_, spki_;
  PkeyPtr pkey_;
  KeyForm form_ = KeyForm::kTraditional;
};

// "rsa 2048" from its two halves, as kind() writes it; ALGO alone when SIZE is 0.
std::string KindOfKey(absl::string_view algo, int size);

// The same of the public key SPKI (DER of the SubjectPublicKeyInfo); "unknown" for one of a kind that kplan
// does not make.
std::string KindOfPublicKey(absl::string_view spki);

// The SubjectPublicKeyInfo SPKI (DER) as a key that signatures are checked with; null for anything else. Goes
// through OpenSSL's decoders, 1.4 ms the first time (der.h): not for what every step does.
PkeyPtr PublicKeyOf(absl::string_view spki);

}  // namespace kplan

#endif  // KPLAN_PKI_PRIVATE_KEY_H_
