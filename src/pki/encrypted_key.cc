#include "src/pki/encrypted_key.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/pki/der.h"

namespace kplan {
namespace {

constexpr int kSaltOctets = 16;  // 128 bits, NIST SP 800-132 5.1; OpenSSL's own default is 8 octets
constexpr int64_t kMostRounds = 10'000'000;

using SigPtr = std::unique_ptr<X509_SIG, OpenSslDelete<X509_SIG_free>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpenSslDelete<PKCS8_PRIV_KEY_INFO_free>>;
using CipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, OpenSslDelete<EVP_CIPHER_CTX_free>>;

absl::Status NotRead(absl::string_view why) {
  ERR_clear_error();
  return absl::FailedPreconditionError(
      absl::StrCat("it is encrypted ", why, "; convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf ",
                   "hmacWithSHA256 -in OLD -out NEW`"));
}

// The rounds that PARAMETERS, of PBES2, ask PBKDF2 for; 0 for another function, -1 when they make no sense.
int64_t RoundsOf(const ASN1_TYPE* parameters) {
  if (parameters == nullptr || parameters->type != V_ASN1_SEQUENCE) return -1;
  const ASN1_STRING* sequence = parameters->value.sequence;
  DerReader outer(absl::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(sequence)),
                                    ASN1_STRING_length(sequence)));
  DerReader scheme = outer.Enter();
  DerReader function = scheme.Enter();
  ObjectPtr name = FromDer<ObjectPtr>(function.Read(V_ASN1_OBJECT).whole, d2i_ASN1_OBJECT);
  if (name == nullptr) return -1;
  if (OBJ_obj2nid(name.get()) != NID_id_pbkdf2) return 0;
  DerReader values = function.Enter();
  values.ReadAny();  // the salt
  IntegerPtr rounds = FromDer<IntegerPtr>(values.Read(V_ASN1_INTEGER).whole, d2i_ASN1_INTEGER);
  int64_t count = 0;
  if (rounds == nullptr || ASN1_INTEGER_get_int64(&count, rounds.get()) != 1 || count < 1) return -1;
  return count;
}

// DER taken apart, when it is encrypted in a way that is read.
absl::StatusOr<SigPtr> ReadEncrypted(absl::string_view der) {
  InitOpenSsl();
  SigPtr sig = FromDer<SigPtr>(der, d2i_X509_SIG);
  if (sig == nullptr) {
    ERR_clear_error();
    return absl::DataLossError("it is not an encrypted private key, or damaged");
  }
  const X509_ALGOR* scheme = nullptr;
  X509_SIG_get0(sig.get(), &scheme, nullptr);
  // PBES1 and PKCS#12's schemes derive the key by few rounds, for ciphers with blocks of 64 bits.
  if (OBJ_obj2nid(scheme->algorithm) != NID_pbes2) return NotRead("in an old way, not by PBES2");
  const int64_t rounds = RoundsOf(scheme->parameter);
  if (rounds < 0) return absl::DataLossError("what says how it is encrypted is damaged");
  if (rounds > kMostRounds) return NotRead(absl::StrCat("with ", rounds, " rounds of PBKDF2, too many"));
  return sig;
}

}  // namespace

absl::Status CheckEncryptedPkcs8(absl::string_view der) { return ReadEncrypted(der).status(); }

absl::StatusOr<std::string> EncryptPkcs8(absl::string_view pkcs8, absl::string_view passphrase) {
  InitOpenSsl();
  Pkcs8Ptr info = FromDer<Pkcs8Ptr>(pkcs8, d2i_PKCS8_PRIV_KEY_INFO);
  AlgorPtr scheme(PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), kKeyEncryptionRounds, /*salt=*/nullptr, kSaltOctets,
                                    /*aiv=*/nullptr, NID_hmacWithSHA256));
  if (info == nullptr || scheme == nullptr) return OpenSslError("cannot encrypt a private key");
  SigPtr encrypted(
      PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()), info.get(), scheme.get()));
  if (encrypted == nullptr) return OpenSslError("cannot encrypt a private key");
  scheme.release();
  std::string der = ToDer(encrypted.get(), i2d_X509_SIG);
  if (der.empty()) return OpenSslError("cannot encode an encrypted private key");
  return der;
}

absl::StatusOr<Secret> DecryptPkcs8(absl::string_view der, absl::string_view passphrase) {
  absl::StatusOr<SigPtr> sig = ReadEncrypted(der);
  if (!sig.ok()) return sig.status();
  const X509_ALGOR* scheme = nullptr;
  const ASN1_OCTET_STRING* octets = nullptr;
  X509_SIG_get0(sig->get(), &scheme, &octets);
  CipherCtxPtr cipher(EVP_CIPHER_CTX_new());
  if (cipher == nullptr) return OpenSslError("cannot decrypt");
  if (EVP_PBE_CipherInit(scheme->algorithm, passphrase.data(), static_cast<int>(passphrase.size()),
                         scheme->parameter, cipher.get(), /*en_de=*/0) != 1) {
    return NotRead("in a way that kplan does not know");
  }
  const int size = ASN1_STRING_length(octets);
  std::string bytes(size + EVP_MAX_BLOCK_LENGTH, '\0');
  unsigned char* out = reinterpret_cast<unsigned char*>(&bytes[0]);
  int body = 0, tail = 0;
  const bool opened = EVP_DecryptUpdate(cipher.get(), out, &body, ASN1_STRING_get0_data(octets), size) == 1 &&
                      EVP_DecryptFinal_ex(cipher.get(), out + body, &tail) == 1;
  Secret whole(std::move(bytes));
  absl::string_view plain = whole.view().substr(0, opened ? body + tail : 0);
  // The padding of one wrong passphrase in 256 is right by chance.
  DerReader reader(plain);
  DerReader info = reader.Enter();
  info.Read(V_ASN1_INTEGER);
  info.Read(V_ASN1_SEQUENCE);
  info.Read(V_ASN1_OCTET_STRING);
  if (!opened || !info.ok() || !reader.AtEnd()) {
    ERR_clear_error();
    return absl::PermissionDeniedError("it is encrypted with another passphrase, or damaged");
  }
  return Secret(std::string(plain));
}

}  // namespace kplan
