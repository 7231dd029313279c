#include "src/pki/pkcs12.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "src/pki/der.h"
#include "src/pki/encrypted_key.h"

namespace kplan {
namespace {

inline void FreeBags(STACK_OF(PKCS12_SAFEBAG) * bags) {
  sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}
inline void FreeSafes(STACK_OF(PKCS7) * safes) { sk_PKCS7_pop_free(safes, PKCS7_free); }

using Pkcs12Ptr = std::unique_ptr<PKCS12, OpenSslDelete<PKCS12_free>>;
using Pkcs7Ptr = std::unique_ptr<PKCS7, OpenSslDelete<PKCS7_free>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpenSslDelete<PKCS8_PRIV_KEY_INFO_free>>;
using BagPtr = std::unique_ptr<PKCS12_SAFEBAG, OpenSslDelete<PKCS12_SAFEBAG_free>>;
using BagsPtr = std::unique_ptr<STACK_OF(PKCS12_SAFEBAG), OpenSslDelete<FreeBags>>;
using SafesPtr = std::unique_ptr<STACK_OF(PKCS7), OpenSslDelete<FreeSafes>>;

// Java's limit, and more than anybody writes: a file with more is there to keep us busy.
constexpr int64_t kMaxRounds = 5'000'000;

absl::Status Damaged() {
  ERR_clear_error();
  return absl::DataLossError("it is not a PKCS#12 file, or damaged");
}

absl::Status OtherForm(absl::string_view what) {
  ERR_clear_error();
  return absl::FailedPreconditionError(what);
}

int SizeOf(absl::string_view text) { return static_cast<int>(text.size()); }

// Gives BAG the name and the key's identifier, which tells readers which certificate is the key's.
bool Label(PKCS12_SAFEBAG* bag, absl::string_view name, unsigned char* id, unsigned id_size) {
  return PKCS12_add_localkeyid(bag, id, static_cast<int>(id_size)) == 1 &&
         (name.empty() || PKCS12_add_friendlyname_utf8(bag, name.data(), SizeOf(name)) == 1);
}

bool Push(BagPtr bag, STACK_OF(PKCS12_SAFEBAG) * bags) {
  if (bag == nullptr || sk_PKCS12_SAFEBAG_push(bags, bag.get()) <= 0) return false;
  bag.release();
  return true;
}

bool Push(Pkcs7Ptr safe, STACK_OF(PKCS7) * safes) {
  if (safe == nullptr || sk_PKCS7_push(safes, safe.get()) <= 0) return false;
  safe.release();
  return true;
}

bool IsPbes2(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* object = nullptr;
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  return OBJ_obj2nid(object) == NID_pbes2;
}

absl::Status ReadKeyBag(PKCS12_SAFEBAG* bag, absl::string_view passphrase, Pkcs12Content* content) {
  if (!content->spki.empty()) return OtherForm("there is more than one key in it");
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, nullptr);
  if (!IsPbes2(algorithm)) return OtherForm("its key is encrypted in an old way");
  Pkcs8Ptr info(PKCS12_decrypt_skey(bag, passphrase.data(), SizeOf(passphrase)));
  if (info == nullptr) return Damaged();
  Secret der(ToDer(info.get(), i2d_PKCS8_PRIV_KEY_INFO));
  Secret pem(EncodePem("PRIVATE KEY", der.view()));
  absl::StatusOr<PrivateKey> key = PrivateKey::Parse(pem.view());
  if (!key.ok()) return Damaged();
  if (!key->usable()) return OtherForm("its key is of a kind that kplan cannot use");
  content->spki = key->spki();
  if (char* name = PKCS12_get_friendlyname(bag)) {
    content->name = name;
    OPENSSL_free(name);
  }
  return absl::OkStatus();
}

absl::Status ReadBag(PKCS12_SAFEBAG* bag, absl::string_view passphrase, Pkcs12Content* content) {
  switch (PKCS12_SAFEBAG_get_nid(bag)) {
    case NID_pkcs8ShroudedKeyBag:
      return ReadKeyBag(bag, passphrase, content);
    case NID_certBag: {
      CertificatePtr certificate(PKCS12_SAFEBAG_get1_cert(bag));
      if (certificate == nullptr) return Damaged();
      content->certificates.push_back(ToDer(certificate.get(), i2d_X509));
      return absl::OkStatus();
    }
    default:
      return OtherForm("it holds something besides an encrypted key and certificates");
  }
}

// DER taken apart, as far as that needs no passphrase.
absl::StatusOr<Pkcs12Ptr> ReadPkcs12(absl::string_view der) {
  InitOpenSsl();
  Pkcs12Ptr file = FromDer<Pkcs12Ptr>(der, d2i_PKCS12);
  if (file == nullptr || PKCS12_mac_present(file.get()) != 1) return Damaged();
  const X509_ALGOR* mac = nullptr;
  const ASN1_INTEGER* rounds = nullptr;
  PKCS12_get0_mac(nullptr, &mac, nullptr, &rounds, file.get());
  int64_t count = 1;  // the default
  if (mac == nullptr || (rounds != nullptr && ASN1_INTEGER_get_int64(&count, rounds) != 1) || count < 1 ||
      count > kMaxRounds) {
    return Damaged();
  }
  const ASN1_OBJECT* hash = nullptr;
  X509_ALGOR_get0(&hash, nullptr, nullptr, mac);
  if (OBJ_obj2nid(hash) != NID_sha256) return OtherForm("its MAC is not HMAC-SHA256");
  return file;
}

}  // namespace

bool IsPkcs12Passphrase(absl::string_view passphrase) {
  return std::all_of(passphrase.begin(), passphrase.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

absl::StatusOr<std::string> MakePkcs12(const PrivateKey& key, const std::vector<std::string>& certificates,
                                       absl::string_view name, absl::string_view passphrase) {
  InitOpenSsl();
  const char* const failed = "cannot make a PKCS#12 file";
  unsigned char id[EVP_MAX_MD_SIZE];
  unsigned id_size = 0;
  BagsPtr bags(sk_PKCS12_SAFEBAG_new_null());
  for (const std::string& der : certificates) {
    CertificatePtr certificate = FromDer<CertificatePtr>(der, d2i_X509);
    if (certificate == nullptr) return OpenSslError(failed);
    BagPtr bag(PKCS12_SAFEBAG_create_cert(certificate.get()));
    const bool own = id_size == 0;
    // SHA-1 of the certificate, as OpenSSL's own PKCS12_create takes it: a name, not a protection.
    if (own && X509_digest(certificate.get(), EVP_sha1(), id, &id_size) != 1) return OpenSslError(failed);
    if (bag == nullptr || (own && !Label(bag.get(), name, id, id_size)) || !Push(std::move(bag), bags.get()))
      return OpenSslError(failed);
  }
  SafesPtr safes(sk_PKCS7_new_null());
  if (safes == nullptr ||
      !Push(Pkcs7Ptr(PKCS12_pack_p7encdata(NID_aes_256_cbc, passphrase.data(), SizeOf(passphrase), nullptr, 0,
                                           kKeyEncryptionRounds, bags.get())),
            safes.get())) {
    return OpenSslError(failed);
  }

  Pkcs8Ptr info(EVP_PKEY2PKCS8(key.pkey()));
  if (info == nullptr) return OpenSslError(failed);
  BagPtr key_bag(PKCS12_SAFEBAG_create_pkcs8_encrypt(NID_aes_256_cbc, passphrase.data(), SizeOf(passphrase),
                                                     nullptr, 0, kKeyEncryptionRounds, info.get()));
  BagsPtr key_bags(sk_PKCS12_SAFEBAG_new_null());
  if (key_bag == nullptr || key_bags == nullptr || !Label(key_bag.get(), name, id, id_size) ||
      !Push(std::move(key_bag), key_bags.get()) ||
      !Push(Pkcs7Ptr(PKCS12_pack_p7data(key_bags.get())), safes.get())) {
    return OpenSslError(failed);
  }

  Pkcs12Ptr file(PKCS12_init(NID_pkcs7_data));
  if (file == nullptr || PKCS12_pack_authsafes(file.get(), safes.get()) != 1 ||
      PKCS12_set_mac(file.get(), passphrase.data(), SizeOf(passphrase), nullptr, 0, kKeyEncryptionRounds,
                     EVP_sha256()) != 1) {
    return OpenSslError(failed);
  }
  std::string der = ToDer(file.get(), i2d_PKCS12);
  if (der.empty()) return OpenSslError(failed);
  return der;
}

absl::Status CheckPkcs12(absl::string_view der) { return ReadPkcs12(der).status(); }

absl::StatusOr<Pkcs12Content> OpenPkcs12(absl::string_view der, absl::string_view passphrase) {
  absl::StatusOr<Pkcs12Ptr> read = ReadPkcs12(der);
  if (!read.ok()) return read.status();
  const Pkcs12Ptr& file = *read;
  if (PKCS12_verify_mac(file.get(), passphrase.data(), SizeOf(passphrase)) != 1) {
    ERR_clear_error();
    return absl::PermissionDeniedError("the passphrase does not open it, or it is damaged");
  }

  Pkcs12Content content;
  SafesPtr safes(PKCS12_unpack_authsafes(file.get()));
  if (safes == nullptr) return Damaged();
  for (int i = 0; i < sk_PKCS7_num(safes.get()); ++i) {
    PKCS7* safe = sk_PKCS7_value(safes.get(), i);
    BagsPtr bags;
    if (PKCS7_type_is_data(safe)) {
      bags.reset(PKCS12_unpack_p7data(safe));
    } else if (PKCS7_type_is_encrypted(safe)) {
      if (!IsPbes2(safe->d.encrypted->enc_data->algorithm)) {
        return OtherForm("its certificates are encrypted in an old way");
      }
      bags.reset(PKCS12_unpack_p7encdata(safe, passphrase.data(), SizeOf(passphrase)));
    }
    if (bags == nullptr) return Damaged();
    for (int j = 0; j < sk_PKCS12_SAFEBAG_num(bags.get()); ++j) {
      absl::Status status = ReadBag(sk_PKCS12_SAFEBAG_value(bags.get(), j), passphrase, &content);
      if (!status.ok()) return status;
    }
  }
  return content;
}

}  // namespace kplan
