// SHA256_Init, RSA_verify, EC_KEY and the like are deprecated in favour of EVP: see SignedObject::IsSignedBy
// and der.h for why they are used.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "src/pki/certificate.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <time.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "src/base/files.h"
#include "src/pki/der.h"
#include "src/pki/rsa_keygen.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

constexpr size_t kMaxCertificateFile = 1 << 20;

using EcKeyPtr = std::unique_ptr<EC_KEY, OpenSslDelete<EC_KEY_free>>;

absl::Status Damaged() {
  ERR_clear_error();
  return absl::DataLossError("it is not a certificate, or damaged");
}

std::string Hash(int nid, absl::string_view bytes) {
  std::string digest;
  if (nid == NID_sha256) {
    SHA256_CTX context;
    digest.resize(SHA256_DIGEST_LENGTH);
    SHA256_Init(&context);
    SHA256_Update(&context, bytes.data(), bytes.size());
    SHA256_Final(reinterpret_cast<unsigned char*>(&digest[0]), &context);
  } else if (nid == NID_sha384 || nid == NID_sha512) {
    SHA512_CTX context;
    digest.resize(nid == NID_sha384 ? SHA384_DIGEST_LENGTH : SHA512_DIGEST_LENGTH);
    nid == NID_sha384 ? SHA384_Init(&context) : SHA512_Init(&context);
    SHA512_Update(&context, bytes.data(), bytes.size());
    unsigned char whole[SHA512_DIGEST_LENGTH];
    nid == NID_sha384 ? SHA384_Final(whole, &context) : SHA512_Final(whole, &context);
    digest.assign(reinterpret_cast<char*>(whole), digest.size());
  }
  return digest;
}

bool ToUnixSeconds(const DerReader::Element& element, int64_t* seconds) {
  TimePtr time = FromDer<TimePtr>(element.whole, d2i_ASN1_TIME);
  tm parts = {};
  if (time == nullptr || ASN1_TIME_to_tm(time.get(), &parts) != 1) return false;
  *seconds = timegm(&parts);
  return true;
}

// What stands before the validity in a TBSCertificate.
struct BeforeValidity {
  absl::string_view version;    // the content of [0], empty: version 1
  absl::string_view serial;     // big-endian
  absl::string_view algorithm;  // DER, as it stands beside the signature once more
  absl::string_view issuer;     // DER
};
BeforeValidity SkipToValidity(DerReader* fields) {
  BeforeValidity before;
  before.version = fields->ReadOptional(0).content;
  before.serial = fields->Read(V_ASN1_INTEGER).content;
  before.algorithm = fields->Read(V_ASN1_SEQUENCE).whole;
  before.issuer = fields->Read(V_ASN1_SEQUENCE).whole;
  return before;
}

bool ReadValidity(DerReader times, Validity* validity) {
  return ToUnixSeconds(times.ReadAny(), &validity->not_before) &&
         ToUnixSeconds(times.ReadAny(), &validity->not_after) && times.ok();
}

// The DER of the one certificate in the PEM file PATH; errors as Certificate::Read.
absl::StatusOr<Secret> ReadOneCertificate(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxCertificateFile);
  if (absl::IsOutOfRange(text.status())) return absl::DataLossError(text.status().message());
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(*text);
  if (!blocks.ok()) return absl::DataLossError(absl::StrCat(path, ": ", blocks.status().message()));
  if (blocks->size() > 1 && blocks->front().label == "CERTIFICATE") {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " holds ", blocks->size(),
                     " PEM blocks where kplan keeps one certificate; move the file away, or leave only the "
                     "first certificate in it"));
  }
  if (blocks->front().label != "CERTIFICATE") {
    return absl::DataLossError(absl::StrCat(path, " holds no certificate"));
  }
  return std::move(blocks->front().der);
}

bool VerifyRsa(int digest_nid, absl::string_view digest, absl::string_view signature,
               absl::string_view public_key) {
  RsaPtr rsa = FromDer<RsaPtr>(public_key, d2i_RSAPublicKey);
  return rsa != nullptr && RSA_verify(digest_nid, reinterpret_cast<const unsigned char*>(digest.data()),
                                      static_cast<unsigned>(digest.size()),
                                      reinterpret_cast<const unsigned char*>(signature.data()),
                                      static_cast<unsigned>(signature.size()), rsa.get()) == 1;
}

bool VerifyEcdsa(int curve, absl::string_view digest, absl::string_view signature,
                 absl::string_view public_key) {
  EcKeyPtr ec(EC_KEY_new_by_curve_name(curve));
  return ec != nullptr &&
         EC_KEY_oct2key(ec.get(), reinterpret_cast<const unsigned char*>(public_key.data()),
                        public_key.size(), nullptr) == 1 &&
         ECDSA_verify(0, reinterpret_cast<const unsigned char*>(digest.data()),
                      static_cast<int>(digest.size()),
                      reinterpret_cast<const unsigned char*>(signature.data()),
                      static_cast<int>(signature.size()), ec.get()) == 1;
}

// OpenSSL 3.0 has Ed25519 in a provider only.
bool VerifyEd25519(absl::string_view signed_part, absl::string_view signature, absl::string_view public_key) {
  using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, OpenSslDelete<EVP_MD_CTX_free>>;
  PkeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                          reinterpret_cast<const unsigned char*>(public_key.data()),
                                          public_key.size()));
  MdCtxPtr context(EVP_MD_CTX_new());
  return key != nullptr && context != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(signed_part.data()),
                          signed_part.size()) == 1;
}

}  // namespace

absl::StatusOr<SignedObject> SignedObject::Parse(absl::string_view der) {
  DerReader file(der);
  DerReader outer = file.Enter();
  SignedObject object;
  object.signed_part = std::string(outer.Read(V_ASN1_SEQUENCE).whole);
  object.algorithm = std::string(outer.Read(V_ASN1_SEQUENCE).whole);
  AlgorPtr algorithm = FromDer<AlgorPtr>(object.algorithm, d2i_X509_ALGOR);
  object.signature = std::string(BitStringOctets(outer.Read(V_ASN1_BIT_STRING)));
  if (!file.AtEnd() || !outer.ok() || !outer.AtEnd() || algorithm == nullptr) return Damaged();
  object.signature_nid = OBJ_obj2nid(algorithm->algorithm);
  return object;
}

bool SignedObject::IsSignedBy(absl::string_view spki) const {
  if (!signer.empty()) return signer == spki;
  DerReader outer(spki);
  DerReader inner = outer.Enter();
  AlgorPtr algorithm = FromDer<AlgorPtr>(inner.Read(V_ASN1_SEQUENCE).whole, d2i_X509_ALGOR);
  absl::string_view public_key = BitStringOctets(inner.Read(V_ASN1_BIT_STRING));
  int digest_nid = NID_undef, key_nid = NID_undef;
  bool valid = false;
  if (inner.ok() && algorithm != nullptr && OBJ_find_sigid_algs(signature_nid, &digest_nid, &key_nid) == 1 &&
      OBJ_obj2nid(algorithm->algorithm) == key_nid) {
    std::string digest = Hash(digest_nid, signed_part);
    if (key_nid == NID_ED25519) {  // over what is signed itself (RFC 8410 3), without parameters
      valid = algorithm->parameter == nullptr && VerifyEd25519(signed_part, signature, public_key);
    } else if (digest.empty()) {
      valid = false;
    } else if (key_nid == NID_rsaEncryption) {
      valid = VerifyRsa(digest_nid, digest, signature, public_key);
    } else if (key_nid == NID_X9_62_id_ecPublicKey && algorithm->parameter != nullptr &&
               algorithm->parameter->type == V_ASN1_OBJECT) {
      valid = VerifyEcdsa(OBJ_obj2nid(algorithm->parameter->value.object), digest, signature, public_key);
    }
  }
  ERR_clear_error();  // "no" is an answer here
  return valid;
}

absl::StatusOr<Certificate> Certificate::Parse(absl::string_view der) {
  InitOpenSsl();
  absl::StatusOr<SignedObject> object = SignedObject::Parse(der);
  if (!object.ok()) return object.status();
  Certificate c;
  c.der = std::string(der);
  c.signed_object = *std::move(object);

  DerReader outer(c.signed_object.signed_part);
  DerReader fields = outer.Enter();
  BeforeValidity before = SkipToValidity(&fields);
  c.version = before.version.empty() ? 1 : before.version.back() + 1;
  c.serial = std::string(
      before.serial.substr(std::min(before.serial.find_first_not_of('\0'), before.serial.size())));
  c.issuer_der = std::string(before.issuer);
  Validity validity = {};
  bool times = ReadValidity(fields.Enter(), &validity);
  c.not_before = validity.not_before;
  c.not_after = validity.not_after;
  c.subject_der = std::string(fields.Read(V_ASN1_SEQUENCE).whole);
  c.spki = std::string(fields.Read(V_ASN1_SEQUENCE).whole);
  fields.ReadOptional(1);  // unique identifiers, which nobody uses
  fields.ReadOptional(2);
  absl::string_view extensions = fields.ReadOptional(3).content;
  c.issuer = FromDer<NamePtr>(c.issuer_der, d2i_X509_NAME);
  c.subject = FromDer<NamePtr>(c.subject_der, d2i_X509_NAME);
  if (!fields.ok() || !fields.AtEnd() || !times || c.issuer == nullptr || c.subject == nullptr ||
      before.algorithm != c.signed_object.algorithm) {  // RFC 5280 4.1.1.2
    return Damaged();
  }
  if (!extensions.empty() && !ReadExtensions(extensions, &c)) return Damaged();
  return c;
}

absl::StatusOr<Certificate> Certificate::Read(const std::string& path) {
  absl::StatusOr<Secret> der = ReadOneCertificate(path);
  if (!der.ok()) return der.status();
  absl::StatusOr<Certificate> certificate = Parse(der->view());
  if (!certificate.ok()) return absl::DataLossError(absl::StrCat(path, ": ", certificate.status().message()));
  return certificate;
}

absl::StatusOr<Validity> Validity::Read(const std::string& path) {
  absl::StatusOr<Secret> der = ReadOneCertificate(path);
  if (!der.ok()) return der.status();
  DerReader file(der->view());
  DerReader outer = file.Enter();
  DerReader fields = outer.Enter();
  SkipToValidity(&fields);
  Validity validity;
  if (!ReadValidity(fields.Enter(), &validity)) {
    return absl::DataLossError(absl::StrCat(path, ": ", Damaged().message()));
  }
  return validity;
}

bool Certificate::NamesAsIssuer(const Certificate& issuer_certificate) const {
  if (issuer_der != issuer_certificate.subject_der) return false;
  return authority_key_id.empty() || issuer_certificate.subject_key_id.empty() ||
         authority_key_id == issuer_certificate.subject_key_id;
}

std::string Certificate::ToPem() const { return EncodePem("CERTIFICATE", der); }

std::string UsagesText(uint16_t key_usage, const std::vector<std::string>& extended_key_usages) {
  std::vector<absl::string_view> names;
  uint16_t named = 0;
  for (const Usage& usage : kUsages) {
    if ((usage.key_usage & key_usage & ~named) != 0) names.push_back(usage.name);
    named |= usage.key_usage;
  }
  for (const std::string& oid : extended_key_usages) {
    absl::string_view name = oid;
    for (const Usage& usage : kUsages) {
      if (usage.extended == oid) {
        name = usage.name;
        break;
      }
    }
    names.push_back(name);
  }
  return absl::StrCat("[", absl::StrJoin(names, ", "), "]");
}

std::string TimeText(int64_t time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", absl::FromUnixSeconds(time), absl::UTCTimeZone());
}

std::string DurationText(int64_t seconds) {
  if (seconds % 3600 == 0) return absl::StrCat(seconds / 3600, "h");
  if (seconds % 60 == 0) return absl::StrCat(seconds / 60, "m");
  return absl::StrCat(seconds, "s");
}

}  // namespace kplan
