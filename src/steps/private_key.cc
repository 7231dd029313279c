// d2i_RSAPrivateKey, EC_KEY and the like are deprecated in favour of the provider decoders: see der.h for why
// they are used.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "src/steps/private_key.h"

#include <openssl/err.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/steps/der.h"
#include "src/steps/rsa_keygen.h"

namespace kplan {
namespace {

constexpr size_t kMaxKeyFile = 1 << 20;

using EcKeyPtr = std::unique_ptr<EC_KEY, OpenSslDelete<EC_KEY_free>>;
using EcPointPtr = std::unique_ptr<EC_POINT, OpenSslDelete<EC_POINT_clear_free>>;
using Pkcs8Ptr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpenSslDelete<PKCS8_PRIV_KEY_INFO_free>>;

absl::Status Damaged() {
  ERR_clear_error();
  return absl::DataLossError("it is not a private key, or damaged");
}

int CurveOfSize(int size) {
  switch (size) {
    case 256:
      return NID_X9_62_prime256v1;
    case 384:
      return NID_secp384r1;
    case 521:
      return NID_secp521r1;
    default:
      return NID_undef;
  }
}

// Whether the public half in the file belongs to the private one.
bool IsConsistent(const EC_KEY* key) {
  const EC_GROUP* group = EC_KEY_get0_group(key);
  const BIGNUM* scalar = EC_KEY_get0_private_key(key);
  const EC_POINT* point = EC_KEY_get0_public_key(key);
  if (scalar == nullptr || point == nullptr || BN_is_zero(scalar) || BN_is_negative(scalar) ||
      BN_cmp(scalar, EC_GROUP_get0_order(group)) >= 0) {
    return false;
  }
  EcPointPtr expected(EC_POINT_new(group));
  return expected != nullptr && EC_POINT_mul(group, expected.get(), scalar, nullptr, nullptr, nullptr) == 1 &&
         EC_POINT_cmp(group, expected.get(), point, nullptr) == 0;
}

}  // namespace

std::string KeyKind(absl::string_view algo, int size) { return absl::StrCat(algo, " ", size); }

absl::StatusOr<PrivateKey> PrivateKey::FromRsa(RSA* rsa) {
  RsaPtr owned(rsa);
  PrivateKey key;
  key.kind_ = KeyKind("rsa", RSA_bits(rsa));
  if (int extra = RSA_get_multi_prime_extra_count(rsa); extra > 0) {
    absl::StrAppend(&key.kind_, " of ", 2 + extra, " primes");
    return key;
  }
  if (!kplan::IsConsistent(rsa)) return Damaged();
  key.spki_ = ToDer(rsa, i2d_RSA_PUBKEY);
  key.pkey_.reset(EVP_PKEY_new());
  if (key.spki_.empty() || key.pkey_ == nullptr || EVP_PKEY_assign_RSA(key.pkey_.get(), rsa) != 1) {
    return OpenSslError("cannot hold an RSA key");
  }
  owned.release();
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::FromEc(EC_KEY* ec) {
  EcKeyPtr owned(ec);
  PrivateKey key;
  const EC_GROUP* group = EC_KEY_get0_group(ec);
  int curve = EC_GROUP_get_curve_name(group);
  int size = EC_GROUP_order_bits(group);
  if (curve == NID_undef || curve != CurveOfSize(size) ||
      EC_GROUP_get_asn1_flag(group) != OPENSSL_EC_NAMED_CURVE) {
    key.kind_ = absl::StrCat("ecdsa ", curve == NID_undef ? "with parameters of its own" : OBJ_nid2sn(curve));
    return key;
  }
  key.kind_ = KeyKind("ecdsa", size);
  if (!IsConsistent(ec)) return Damaged();
  // One key, one public half: whatever form the file has the point in.
  EC_KEY_set_conv_form(ec, POINT_CONVERSION_UNCOMPRESSED);
  key.spki_ = ToDer(ec, i2d_EC_PUBKEY);
  key.pkey_.reset(EVP_PKEY_new());
  if (key.spki_.empty() || key.pkey_ == nullptr || EVP_PKEY_assign_EC_KEY(key.pkey_.get(), ec) != 1) {
    return OpenSslError("cannot hold an ECDSA key");
  }
  owned.release();
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::ParsePkcs1(absl::string_view der) {
  RsaPtr rsa = FromDer<RsaPtr>(der, d2i_RSAPrivateKey);
  if (rsa == nullptr) return Damaged();
  return FromRsa(rsa.release());
}

absl::StatusOr<PrivateKey> PrivateKey::ParseSec1(absl::string_view der, int curve) {
  EcKeyPtr ec(curve == NID_undef ? EC_KEY_new() : EC_KEY_new_by_curve_name(curve));
  if (ec == nullptr) return Damaged();
  EC_KEY* raw = ec.get();
  const unsigned char* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* end = at + der.size();
  if (d2i_ECPrivateKey(&raw, &at, static_cast<long>(der.size())) == nullptr || at != end) return Damaged();
  return FromEc(ec.release());
}

absl::StatusOr<PrivateKey> PrivateKey::ParsePkcs8(absl::string_view der) {
  Pkcs8Ptr info = FromDer<Pkcs8Ptr>(der, d2i_PKCS8_PRIV_KEY_INFO);
  const unsigned char* inner = nullptr;
  int size = 0;
  const X509_ALGOR* algorithm = nullptr;
  if (info == nullptr || PKCS8_pkey_get0(nullptr, &inner, &size, &algorithm, info.get()) != 1)
    return Damaged();
  absl::string_view bytes(reinterpret_cast<const char*>(inner), size);
  const ASN1_OBJECT* object = nullptr;
  int parameter_type = 0;
  const void* parameter = nullptr;
  X509_ALGOR_get0(&object, &parameter_type, &parameter, algorithm);
  switch (int nid = OBJ_obj2nid(object)) {
    case NID_rsaEncryption:
      return ParsePkcs1(bytes);
    case NID_X9_62_id_ecPublicKey:
      return ParseSec1(bytes, parameter_type == V_ASN1_OBJECT
                                  ? OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(parameter))
                                  : NID_undef);
    case NID_undef:
      return Damaged();
    default: {
      PrivateKey key;
      key.kind_ = absl::AsciiStrToLower(OBJ_nid2sn(nid));
      return key;
    }
  }
}

absl::StatusOr<PrivateKey> PrivateKey::Parse(absl::string_view pem) {
  InitOpenSsl();
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(pem);
  if (!blocks.ok()) return blocks.status();
  for (const PemBlock& block : *blocks) {
    if (block.label == "EC PARAMETERS") continue;  // `openssl ecparam -genkey` writes the curve a second time
    if (block.label == "ENCRYPTED PRIVATE KEY" || absl::StrContains(block.headers, "ENCRYPTED")) {
      return absl::FailedPreconditionError(
          "it is encrypted with a passphrase, which kplan cannot ask for; decrypt it with `openssl pkey`");
    }
    if (block.label == "RSA PRIVATE KEY") return ParsePkcs1(block.der.view());
    if (block.label == "EC PRIVATE KEY") return ParseSec1(block.der.view(), NID_undef);
    if (block.label == "PRIVATE KEY") return ParsePkcs8(block.der.view());
    break;
  }
  return Damaged();
}

absl::StatusOr<PrivateKey> PrivateKey::Read(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxKeyFile);
  if (!text.ok()) {
    if (absl::IsOutOfRange(text.status())) return absl::DataLossError(text.status().message());
    return text.status();
  }
  Secret secret(*std::move(text));
  absl::StatusOr<PrivateKey> key = Parse(secret.view());
  if (!key.ok()) {
    return absl::Status(key.status().code(),
                        absl::StrCat(path, " cannot be used as a private key: ", key.status().message()));
  }
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::ReadUsable(const std::string& path) {
  absl::StatusOr<PrivateKey> key = Read(path);
  if (key.ok() && !key->usable()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " holds a key of the kind ", key->kind(), ", which kplan cannot use"));
  }
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::Generate(absl::string_view algo, int size) {
  InitOpenSsl();
  if (algo == "rsa" && size <= 8192) {
    absl::StatusOr<RsaPtr> rsa = GenerateRsaKey(size);
    if (!rsa.ok()) return rsa.status();
    return FromRsa(rsa->release());
  }
  int curve = algo == "ecdsa" ? CurveOfSize(size) : NID_undef;
  if (curve == NID_undef) {
    return absl::InvalidArgumentError(
        absl::StrCat("kplan makes no key of the kind \"", KeyKind(algo, size),
                     "\"; it makes rsa 2048 to 8192 and ecdsa 256, 384 or 521"));
  }
  EcKeyPtr ec(EC_KEY_new_by_curve_name(curve));
  if (ec == nullptr || EC_KEY_generate_key(ec.get()) != 1) return OpenSslError("cannot make an ECDSA key");
  return FromEc(ec.release());
}

absl::StatusOr<Secret> PrivateKey::ToPem() const {
  if (!usable())
    return absl::FailedPreconditionError(absl::StrCat("kplan does not write keys of kind ", kind_));
  const bool rsa = EVP_PKEY_get_base_id(pkey_.get()) == EVP_PKEY_RSA;
  Secret der(rsa ? ToDer(EVP_PKEY_get0_RSA(pkey_.get()), i2d_RSAPrivateKey)
                 : ToDer(EVP_PKEY_get0_EC_KEY(pkey_.get()), i2d_ECPrivateKey));
  Secret pem(EncodePem(rsa ? "RSA PRIVATE KEY" : "EC PRIVATE KEY", der.view()));
  if (der.view().empty() || pem.view().empty()) return OpenSslError("cannot encode a private key");
  return pem;
}

}  // namespace kplan
