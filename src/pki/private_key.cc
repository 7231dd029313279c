// d2i_RSAPrivateKey, EC_KEY and the like are deprecated in favour of the provider decoders: see der.h for why
// they are used.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "src/pki/private_key.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/files.h"
#include "src/pki/der.h"
#include "src/pki/encrypted_key.h"
#include "src/pki/key_text.h"
#include "src/pki/rsa_keygen.h"

namespace kplan {
namespace {

constexpr size_t kMaxKeyFile = 1 << 20;

// Go, and so etcd, refuses a larger public exponent; a smaller one than 65537 is not in NIST SP 800-56B, and
// 3 is what signatures have been forged with wherever a verifier was sloppy (Bleichenbacher, 2006).
constexpr BN_ULONG kLeastExponent = 65537, kMostExponent = 0x7FFFFFFF;

// The DER of a SubjectPublicKeyInfo up to the key: Ed25519 has one size and no parameters, so it never varies
// (RFC 8410 4).
constexpr absl::string_view kEd25519PublicHead("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
constexpr size_t kEd25519Octets = 32;

using EcKeyPtr = std::unique_ptr<EC_KEY, OpenSslDelete<EC_KEY_free>>;
using EcPointPtr = std::unique_ptr<EC_POINT, OpenSslDelete<EC_POINT_clear_free>>;

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

std::string KindOfKey(absl::string_view algo, int size) {
  return size == 0 ? std::string(algo) : absl::StrCat(algo, " ", size);
}

absl::StatusOr<PrivateKey> PrivateKey::FromRsa(RSA* rsa) {
  RsaPtr owned(rsa);
  PrivateKey key;
  key.kind_ = KindOfKey("rsa", RSA_bits(rsa));
  if (int extra = RSA_get_multi_prime_extra_count(rsa); extra > 0) {
    absl::StrAppend(&key.kind_, " of ", 2 + extra, " primes");
    return key;
  }
  if (!kplan::IsConsistent(rsa)) return Damaged();
  const BN_ULONG exponent = BN_get_word(RSA_get0_e(rsa));  // all ones when it is larger than a word
  if (exponent < kLeastExponent || exponent > kMostExponent) {
    absl::StrAppend(&key.kind_, " with ",
                    exponent > kMostExponent ? "a large exponent" : absl::StrCat("exponent ", exponent));
    return key;
  }
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
  key.kind_ = KindOfKey("ecdsa", size);
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

absl::StatusOr<PrivateKey> PrivateKey::FromEd25519(absl::string_view seed) {
  PrivateKey key;
  key.kind_ = "ed25519";
  key.pkey_.reset(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(seed.data()), seed.size()));
  unsigned char point[kEd25519Octets];
  size_t size = sizeof(point);
  if (key.pkey_ == nullptr || EVP_PKEY_get_raw_public_key(key.pkey_.get(), point, &size) != 1 ||
      size != sizeof(point)) {
    return OpenSslError("cannot hold an Ed25519 key");
  }
  key.spki_ = absl::StrCat(kEd25519PublicHead, absl::string_view(reinterpret_cast<const char*>(point), size));
  return key;
}

// By hand and not by d2i_PKCS8_PRIV_KEY_INFO, which in OpenSSL 3.0 does not take the public half that RFC
// 5958 lets stand at the end.
absl::StatusOr<PrivateKey> PrivateKey::ParsePkcs8(absl::string_view der) {
  DerReader outer(der);
  DerReader info = outer.Enter();
  absl::string_view version = info.Read(V_ASN1_INTEGER).content;
  AlgorPtr algorithm = FromDer<AlgorPtr>(info.Read(V_ASN1_SEQUENCE).whole, d2i_X509_ALGOR);
  absl::string_view inner = info.Read(V_ASN1_OCTET_STRING).content;
  info.ReadOptional(0);  // attributes
  absl::string_view public_half = info.ReadOptional(1).content;
  if (!info.ok() || !info.AtEnd() || !outer.AtEnd() || algorithm == nullptr || version.size() != 1 ||
      static_cast<unsigned char>(version[0]) > 1) {
    return Damaged();
  }
  const ASN1_OBJECT* object = nullptr;
  int parameter_type = 0;
  const void* parameter = nullptr;
  X509_ALGOR_get0(&object, &parameter_type, &parameter, algorithm.get());
  switch (int nid = OBJ_obj2nid(object)) {
    case NID_rsaEncryption:
      return ParsePkcs1(inner);
    case NID_X9_62_id_ecPublicKey:
      return ParseSec1(inner, parameter_type == V_ASN1_OBJECT
                                  ? OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(parameter))
                                  : NID_undef);
    case NID_ED25519: {
      DerReader octets(inner);
      absl::string_view seed = octets.Read(V_ASN1_OCTET_STRING).content;
      if (!octets.ok() || !octets.AtEnd() || seed.size() != kEd25519Octets || parameter_type != V_ASN1_UNDEF)
        return Damaged();
      absl::StatusOr<PrivateKey> key = FromEd25519(seed);
      // The one thing in such a file that a flipped bit could contradict.
      if (key.ok() && !public_half.empty() &&
          public_half.substr(1) != absl::StripPrefix(key->spki_, kEd25519PublicHead)) {
        return Damaged();
      }
      return key;
    }
    case NID_undef:
      return Damaged();
    default: {
      PrivateKey key;
      key.kind_ = absl::AsciiStrToLower(OBJ_nid2sn(nid));
      return key;
    }
  }
}

absl::StatusOr<PrivateKey> PrivateKey::ParseEncrypted(absl::string_view der, const PassphraseSource& source) {
  if (!source.given()) {
    return absl::FailedPreconditionError(
        "it is encrypted with a passphrase, and the spec names none; say where it is (passphrase-file or "
        "passphrase-env), or decrypt the key with `openssl pkey`");
  }
  if (source.kind == PassphraseSource::Kind::kWithheld) {
    if (absl::Status status = CheckEncryptedPkcs8(der); !status.ok()) return status;
    return absl::UnauthenticatedError("it is encrypted, and stays shut");
  }
  absl::StatusOr<Secret> passphrase = ReadPassphrase(source);
  // Not by its own code: that there is no passphrase must not read as that there is no key.
  if (!passphrase.ok()) return absl::FailedPreconditionError(passphrase.status().message());
  absl::StatusOr<Secret> pkcs8 = DecryptPkcs8(der, passphrase->view());
  if (absl::IsPermissionDenied(pkcs8.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(source.Text(), " does not open it: it is another passphrase, or the file is damaged"));
  }
  if (!pkcs8.ok()) return pkcs8.status();
  absl::StatusOr<PrivateKey> key = ParsePkcs8(pkcs8->view());
  if (absl::IsDataLoss(key.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(source.Text(), " opens it, but what is in it is damaged; restore it from a backup"));
  }
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::Parse(absl::string_view pem, const PassphraseSource& passphrase) {
  InitOpenSsl();
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(WithoutByteOrderMark(pem));
  if (!blocks.ok()) return blocks.status();
  const PemBlock* found = nullptr;
  int keys = 0;
  for (const PemBlock& block : *blocks) {
    if (!absl::EndsWith(block.label, "PRIVATE KEY")) continue;
    if (++keys == 1) found = &block;
  }
  if (keys == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("it holds no private key, but a PEM block \"", blocks->front().label, "\""));
  }
  if (keys > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("it holds ", keys, " private keys, and which one is meant it does not say; leave one"));
  }
  if (absl::StrContains(found->headers, "ENCRYPTED")) {
    // RFC 1421 headers: the cipher's key is one round of MD5 over the passphrase.
    return absl::FailedPreconditionError(
        "it is encrypted with a passphrase in the old way of OpenSSL (\"Proc-Type: 4,ENCRYPTED\"), which "
        "protects little; convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`");
  }
  absl::string_view der = found->der.view();
  absl::StatusOr<PrivateKey> key = Damaged();
  if (found->label == "RSA PRIVATE KEY") {
    key = ParsePkcs1(der);
  } else if (found->label == "EC PRIVATE KEY") {
    key = ParseSec1(der, NID_undef);
  } else if (found->label == "PRIVATE KEY" || found->label == "Ed25519 PRIVATE KEY") {
    // The second is what cfssl 1.6 calls PKCS#8 with such a key; Go reads it.
    key = ParsePkcs8(der);
    if (key.ok()) key->form_ = KeyForm::kPkcs8;
  } else if (found->label == "ENCRYPTED PRIVATE KEY") {
    key = ParseEncrypted(der, passphrase);
    if (key.ok()) key->form_ = KeyForm::kEncrypted;
  } else if (found->label == "DSA PRIVATE KEY") {
    key = PrivateKey();
    key->kind_ = "dsa";
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("it holds a key that kplan does not read, a PEM block \"", found->label, "\""));
  }
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::Read(const std::string& path, const PassphraseSource& passphrase,
                                            Secret* text) {
  struct stat info;
  // What is not there and what may not be looked at, ReadFile says.
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file; move it away"));
  }
  absl::StatusOr<std::string> content = ReadFile(path, kMaxKeyFile);
  if (!content.ok()) {
    if (absl::IsOutOfRange(content.status())) return absl::DataLossError(content.status().message());
    return content.status();
  }
  Secret secret(*std::move(content));
  absl::StatusOr<PrivateKey> key = Parse(secret.view(), passphrase);
  if (text != nullptr) *text = std::move(secret);
  if (!key.ok()) {
    return absl::Status(key.status().code(),
                        absl::StrCat(path, " cannot be used as a private key: ", key.status().message()));
  }
  return key;
}

absl::StatusOr<PrivateKey> PrivateKey::ReadUsable(const std::string& path,
                                                  const PassphraseSource& passphrase) {
  absl::StatusOr<PrivateKey> key = Read(path, passphrase);
  if (key.ok() && !key->usable()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " holds a key of the kind ", key->kind(), ", which kplan cannot use"));
  }
  return key;
}

PkeyPtr PublicKeyOf(absl::string_view spki) {
  InitOpenSsl();
  PkeyPtr key = FromDer<PkeyPtr>(spki, d2i_PUBKEY);
  ERR_clear_error();
  return key;
}

std::string KindOfPublicKey(absl::string_view spki) {
  const PkeyPtr key = PublicKeyOf(spki);
  switch (key == nullptr ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA:
      return KindOfKey("rsa", EVP_PKEY_get_bits(key.get()));
    case EVP_PKEY_EC:
      return KindOfKey("ecdsa", EVP_PKEY_get_bits(key.get()));
    case EVP_PKEY_ED25519:
      return KindOfKey("ed25519", 0);
    default:
      return "unknown";
  }
}

absl::Status PrivateKey::CheckKind(absl::string_view algo, int size) {
  if (algo == "rsa" && size <= 8192) return CheckRsaSize(size);
  if ((algo == "ed25519" && size == 0) || (algo == "ecdsa" && CurveOfSize(size) != NID_undef)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("kplan makes no key of the kind \"", KindOfKey(algo, size),
                   "\"; it makes rsa 2048 to 8192, ecdsa 256, 384 or 521, and ed25519"));
}

absl::StatusOr<PrivateKey> PrivateKey::Generate(absl::string_view algo, int size) {
  InitOpenSsl();
  if (absl::Status status = CheckKind(algo, size); !status.ok()) return status;
  if (algo == "rsa") {
    absl::StatusOr<RsaPtr> rsa = GenerateRsaKey(size);
    if (!rsa.ok()) return rsa.status();
    return FromRsa(rsa->release());
  }
  if (algo == "ed25519") {
    // Any 32 octets are a key (RFC 8032 5.1.5).
    std::string octets(kEd25519Octets, '\0');
    if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(&octets[0]), kEd25519Octets) != 1)
      return OpenSslError("cannot make an Ed25519 key");
    Secret seed(std::move(octets));
    return FromEd25519(seed.view());
  }
  EcKeyPtr ec(EC_KEY_new_by_curve_name(CurveOfSize(size)));
  if (ec == nullptr || EC_KEY_generate_key(ec.get()) != 1) return OpenSslError("cannot make an ECDSA key");
  return FromEc(ec.release());
}

const EVP_MD* PrivateKey::SigningHash() const {
  const int bits = EVP_PKEY_get_bits(pkey());
  switch (EVP_PKEY_get_base_id(pkey())) {
    case EVP_PKEY_ED25519:
      return nullptr;
    case EVP_PKEY_RSA:
      return bits >= 4096 ? EVP_sha512() : bits >= 3072 ? EVP_sha384() : EVP_sha256();
    default:
      return bits >= 521 ? EVP_sha512() : bits >= 384 ? EVP_sha384() : EVP_sha256();
  }
}

}  // namespace kplan
