// EVP_PKEY_get0_RSA and the like are deprecated in favour of the provider encoders: see der.h for why they
// are used.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/pki/der.h"
#include "src/pki/encrypted_key.h"
#include "src/pki/private_key.h"

namespace kplan {
namespace {

using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpenSslDelete<PKCS8_PRIV_KEY_INFO_free>>;

// The DER of a PrivateKeyInfo up to the seed: Ed25519 has one size and no parameters, so it never varies (RFC
// 8410 7).
constexpr absl::string_view kEd25519PrivateHead(
    "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 16);
constexpr size_t kEd25519Octets = 32;

}  // namespace

Secret PrivateKey::ToPkcs8() const {
  if (EVP_PKEY_get_base_id(pkey()) != EVP_PKEY_ED25519) {
    Pkcs8Ptr info(EVP_PKEY2PKCS8(pkey()));
    return Secret(info == nullptr ? "" : ToDer(info.get(), i2d_PKCS8_PRIV_KEY_INFO));
  }
  std::string der(kEd25519PrivateHead);
  der.resize(kEd25519PrivateHead.size() + kEd25519Octets);
  size_t size = kEd25519Octets;
  unsigned char* seed = reinterpret_cast<unsigned char*>(&der[kEd25519PrivateHead.size()]);
  if (EVP_PKEY_get_raw_private_key(pkey(), seed, &size) != 1 || size != kEd25519Octets) return Secret();
  return Secret(std::move(der));
}

absl::StatusOr<Secret> PrivateKey::ToPem(KeyForm form, absl::string_view passphrase) const {
  if (!usable())
    return absl::FailedPreconditionError(absl::StrCat("kplan does not write keys of kind ", kind_));
  if (form == KeyForm::kEncrypted && passphrase.empty())
    return absl::InvalidArgumentError("a key cannot be encrypted with an empty passphrase");
  const int type = EVP_PKEY_get_base_id(pkey());
  if (type == EVP_PKEY_ED25519 && form == KeyForm::kTraditional) form = KeyForm::kPkcs8;
  Secret der;
  const char* label = "PRIVATE KEY";
  if (form != KeyForm::kTraditional) {
    der = ToPkcs8();
  } else if (type == EVP_PKEY_RSA) {
    der = Secret(ToDer(EVP_PKEY_get0_RSA(pkey()), i2d_RSAPrivateKey));
    label = "RSA PRIVATE KEY";
  } else {
    der = Secret(ToDer(EVP_PKEY_get0_EC_KEY(pkey()), i2d_ECPrivateKey));
    label = "EC PRIVATE KEY";
  }
  if (der.view().empty()) return OpenSslError("cannot encode a private key");
  if (form == KeyForm::kEncrypted) {
    absl::StatusOr<std::string> encrypted = EncryptPkcs8(der.view(), passphrase);
    if (!encrypted.ok()) return encrypted.status();
    der = Secret(*std::move(encrypted));
    label = "ENCRYPTED PRIVATE KEY";
  }
  Secret pem(EncodePem(label, der.view()));
  if (pem.view().empty()) return OpenSslError("cannot encode a private key");
  return pem;
}

}  // namespace kplan
