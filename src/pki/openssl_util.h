#ifndef KPLAN_PKI_OPENSSL_UTIL_H_
#define KPLAN_PKI_OPENSSL_UTIL_H_

// OpenSSL's objects with C++ owners, its error queue as a Status, and memory that is wiped.

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kplan {

template <auto Free>
struct OpenSslDelete {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

// For those whose _free is a macro.
inline void FreeExtensions(X509_EXTENSIONS* extensions) {
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}
inline void FreeExtendedKeyUsage(EXTENDED_KEY_USAGE* usage) {
  sk_ASN1_OBJECT_pop_free(usage, ASN1_OBJECT_free);
}

using BioPtr = std::unique_ptr<BIO, OpenSslDelete<BIO_free_all>>;
using BnPtr = std::unique_ptr<BIGNUM, OpenSslDelete<BN_clear_free>>;  // always wiped: most hold secrets
using BnCtxPtr = std::unique_ptr<BN_CTX, OpenSslDelete<BN_CTX_free>>;
using PkeyPtr = std::unique_ptr<EVP_PKEY, OpenSslDelete<EVP_PKEY_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, OpenSslDelete<ASN1_OBJECT_free>>;
using BitStringPtr = std::unique_ptr<ASN1_BIT_STRING, OpenSslDelete<ASN1_BIT_STRING_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, OpenSslDelete<ASN1_INTEGER_free>>;
using OctetsPtr = std::unique_ptr<ASN1_OCTET_STRING, OpenSslDelete<ASN1_OCTET_STRING_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, OpenSslDelete<ASN1_TIME_free>>;
using AlgorPtr = std::unique_ptr<X509_ALGOR, OpenSslDelete<X509_ALGOR_free>>;
using NamePtr = std::unique_ptr<X509_NAME, OpenSslDelete<X509_NAME_free>>;
using GeneralNamePtr = std::unique_ptr<GENERAL_NAME, OpenSslDelete<GENERAL_NAME_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, OpenSslDelete<GENERAL_NAMES_free>>;
using ExtensionsPtr = std::unique_ptr<X509_EXTENSIONS, OpenSslDelete<FreeExtensions>>;
using ExtendedKeyUsagePtr = std::unique_ptr<EXTENDED_KEY_USAGE, OpenSslDelete<FreeExtendedKeyUsage>>;
using BasicConstraintsPtr = std::unique_ptr<BASIC_CONSTRAINTS, OpenSslDelete<BASIC_CONSTRAINTS_free>>;
using AuthorityKeyIdPtr = std::unique_ptr<AUTHORITY_KEYID, OpenSslDelete<AUTHORITY_KEYID_free>>;
using CertificatePtr = std::unique_ptr<X509, OpenSslDelete<X509_free>>;
using RequestPtr = std::unique_ptr<X509_REQ, OpenSslDelete<X509_REQ_free>>;

// Bytes that are wiped when they go: a private key, in any form. Moves, never copies.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string bytes);
  Secret(Secret&& other) noexcept { *this = std::move(other); }
  Secret& operator=(Secret&& other) noexcept;
  ~Secret() { Wipe(); }

  absl::string_view view() const { return bytes_; }

 private:
  void Wipe();
  std::string bytes_;
};

// Before the first call that could read openssl.cnf: kplan's certificates do not depend on the machine's
// configuration, and reading it costs 0.4 ms. Cheap to repeat.
void InitOpenSsl();

// Internal: "WHAT: REASON", emptying the error queue. The reason is OpenSSL's own fixed text, so never a
// secret.
absl::Status OpenSslError(absl::string_view what);

// The DER of OBJECT by its i2d function; empty when it cannot be encoded.
template <typename T, typename I2d>
std::string ToDer(T* object, I2d i2d) {
  unsigned char* der = nullptr;
  int size = i2d(object, &der);
  if (size <= 0) return "";
  std::string bytes(reinterpret_cast<char*>(der), size);
  OPENSSL_clear_free(der, size);
  return bytes;
}

// OBJECT from the whole of DER by its d2i function; null for anything else, a remainder included.
template <typename Ptr, typename D2i>
Ptr FromDer(absl::string_view der, D2i d2i) {
  const unsigned char* at = reinterpret_cast<const unsigned char*>(der.data());
  Ptr object(d2i(nullptr, &at, static_cast<long>(der.size())));  // NOLINT(runtime/int): OpenSSL's type
  if (object != nullptr && at != reinterpret_cast<const unsigned char*>(der.data()) + der.size())
    object.reset();
  return object;
}

}  // namespace kplan

#endif  // KPLAN_PKI_OPENSSL_UTIL_H_
