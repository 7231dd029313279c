#include "src/pki/issue.h"

#include <openssl/rand.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/pki/der.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/subject_alt_name.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

constexpr int kSerialOctets = 20;
constexpr int64_t kLastSecondOf9999 = 253402300799;  // what GeneralizedTime can say

absl::Status TooLate() { return absl::InvalidArgumentError("the certificate would end after the year 9999"); }

// SHA-1 over the bits of the public key: RFC 5280 4.2.1.2, method 1. A name, not a protection.
absl::StatusOr<std::string> KeyIdOf(const X509* certificate) {
  std::string id(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (X509_pubkey_digest(certificate, EVP_sha1(), reinterpret_cast<unsigned char*>(&id[0]), &size) != 1)
    return OpenSslError("cannot make a key identifier");
  id.resize(size);
  return id;
}

// Makes SLOT the public key SPKI (DER of a SubjectPublicKeyInfo), byte for byte. X509_set_pubkey would encode
// the key by a provider and decode it again, which costs more than all the rest of a certificate.
bool SetPublicKey(X509_PUBKEY* slot, absl::string_view spki) {
  DerReader outer(spki);
  DerReader reader = outer.Enter();
  AlgorPtr algorithm = FromDer<AlgorPtr>(reader.Read(V_ASN1_SEQUENCE).whole, d2i_X509_ALGOR);
  const absl::string_view bits = BitStringOctets(reader.Read(V_ASN1_BIT_STRING));
  if (algorithm == nullptr || bits.empty() || !reader.ok() || !outer.ok()) return false;
  const ASN1_OBJECT* object = nullptr;
  const void* parameter = nullptr;
  int type = V_ASN1_UNDEF;
  X509_ALGOR_get0(&object, &type, &parameter, algorithm.get());
  ObjectPtr curve;
  if (type == V_ASN1_OBJECT) {
    curve.reset(OBJ_dup(static_cast<const ASN1_OBJECT*>(parameter)));
    if (curve == nullptr) return false;
  } else if (type != V_ASN1_NULL && type != V_ASN1_UNDEF) {
    return false;  // no key of a kind that kplan takes
  }
  ObjectPtr name(OBJ_dup(object));
  auto* octets = static_cast<unsigned char*>(OPENSSL_memdup(bits.data(), bits.size()));
  if (name == nullptr || octets == nullptr ||
      X509_PUBKEY_set0_param(slot, name.get(), type, curve.get(), octets, static_cast<int>(bits.size())) !=
          1) {
    OPENSSL_free(octets);
    return false;
  }
  name.release();
  curve.release();
  return true;
}

// WANTED for the public key SPKI, issued by the name ISSUER, whose key has the identifier AUTHORITY
// (empty: not said), and not signed yet.
absl::StatusOr<CertificatePtr> Build(const NewCertificate& wanted, absl::string_view spki,
                                     const X509_NAME* issuer, const std::string& authority) {
  InitOpenSsl();
  // ASN1_TIME_set would write a year of five digits.
  if (wanted.validity.not_after > kLastSecondOf9999) return TooLate();
  const bool anonymous = X509_NAME_entry_count(wanted.subject) == 0;
  if (anonymous && wanted.extensions.is_ca)
    return absl::InvalidArgumentError("a CA needs a subject (RFC 5280 4.1.2.6)");
  if (anonymous && wanted.extensions.sans.empty()) {
    return absl::InvalidArgumentError("a certificate needs a subject or a SAN; this one has neither");
  }
  CertificatePtr certificate(X509_new());
  BnPtr number(BN_bin2bn(reinterpret_cast<const unsigned char*>(wanted.serial.data()),
                         static_cast<int>(wanted.serial.size()), nullptr));
  // ASN1_TIME_set: UTCTime through 2049 and GeneralizedTime from 2050, as RFC 5280 4.1.2.5 wants it. The
  // names are copied.
  if (certificate == nullptr || number == nullptr ||
      X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) == nullptr ||
      X509_set_subject_name(certificate.get(), wanted.subject) != 1 ||
      X509_set_issuer_name(certificate.get(), issuer) != 1 ||
      !SetPublicKey(X509_get_X509_PUBKEY(certificate.get()), spki) ||
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), wanted.validity.not_before) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), wanted.validity.not_after) == nullptr) {
    return OpenSslError("cannot make a certificate");
  }
  absl::StatusOr<std::string> id = KeyIdOf(certificate.get());
  if (!id.ok()) return id.status();
  Extensions extensions = wanted.extensions;
  extensions.subject_key_id = *std::move(id);
  extensions.authority_key_id = authority;
  if (absl::Status status = AddExtensions(extensions, anonymous, certificate.get()); !status.ok())
    return status;
  return certificate;
}

// DER of CERTIFICATE, signed with KEY.
absl::StatusOr<std::string> Sign(absl::StatusOr<CertificatePtr> certificate, const PrivateKey& key) {
  if (!certificate.ok()) return certificate.status();
  if (X509_sign(certificate->get(), key.pkey(), key.SigningHash()) <= 0)
    return OpenSslError("cannot sign a certificate");
  std::string der = ToDer(certificate->get(), i2d_X509);
  if (der.empty()) return OpenSslError("cannot encode a certificate");
  return der;
}

absl::StatusOr<RequestPtr> NewRequest(const StringPairs& subject, const StringPairs& sans,
                                      absl::string_view spki) {
  InitOpenSsl();
  absl::StatusOr<NamePtr> name = MakeName(subject);
  if (!name.ok()) return name.status();
  RequestPtr request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(request.get(), name->get()) != 1 ||
      !SetPublicKey(X509_REQ_get_X509_PUBKEY(request.get()), spki)) {
    return OpenSslError("cannot make a request");
  }
  if (!sans.empty()) {
    absl::StatusOr<GeneralNamesPtr> names = MakeGeneralNames(sans);
    if (!names.ok()) return names.status();
    X509_EXTENSIONS* raw = nullptr;
    int added = X509V3_add1_i2d(&raw, NID_subject_alt_name, names->get(), /*crit=*/0, X509V3_ADD_DEFAULT);
    ExtensionsPtr extensions(raw);
    if (added != 1 || X509_REQ_add_extensions(request.get(), extensions.get()) != 1) {
      return OpenSslError("cannot make a request");
    }
  }
  return request;
}

// X.509 has no certificate without a signature, so what is only foreseen is signed with this.
absl::StatusOr<const PrivateKey*> ThrowawayKey() {
  static const auto* key = new absl::StatusOr<PrivateKey>(PrivateKey::Generate("ecdsa", 256));
  if (!key->ok()) return key->status();
  return &**key;
}

}  // namespace

absl::StatusOr<Validity> ValidityFrom(absl::Time now, int64_t expiry, int64_t backdate) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  const int64_t not_before = std::min(seconds, (seconds + 30) / 60 * 60 - backdate);
  if (expiry > kLastSecondOf9999 - not_before) return TooLate();
  return Validity{not_before, not_before + expiry};
}

absl::StatusOr<std::string> RandomSerial() {
  InitOpenSsl();
  std::string serial(kSerialOctets, '\0');
  while (serial.find_first_not_of('\0') == std::string::npos) {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial[0]), kSerialOctets) != 1) {
      return OpenSslError("cannot make a serial number");
    }
    serial[0] &= 0x7F;
  }
  return serial;
}

absl::StatusOr<std::string> RequestInfo(const StringPairs& subject, const StringPairs& sans,
                                        absl::string_view spki) {
  absl::StatusOr<RequestPtr> request = NewRequest(subject, sans, spki);
  if (!request.ok()) return request.status();
  std::string der = ToDer(request->get(), i2d_re_X509_REQ_tbs);
  if (der.empty()) return OpenSslError("cannot encode a request");
  return der;
}

absl::StatusOr<std::string> MakeRequest(const StringPairs& subject, const StringPairs& sans,
                                        const PrivateKey& key) {
  absl::StatusOr<RequestPtr> request = NewRequest(subject, sans, key.spki());
  if (!request.ok()) return request.status();
  if (X509_REQ_sign(request->get(), key.pkey(), key.SigningHash()) <= 0)
    return OpenSslError("cannot sign a request");
  std::string der = ToDer(request->get(), i2d_X509_REQ);
  if (der.empty()) return OpenSslError("cannot encode a request");
  return der;
}

absl::Status ResolveUsages(const std::vector<std::string>& usages, Extensions* extensions) {
  for (const std::string& name : usages) {
    const Usage* usage = FindUsage(name);
    if (usage == nullptr) return absl::InvalidArgumentError(absl::StrCat("there is no usage ", Quote(name)));
    extensions->key_usage |= usage->key_usage;
    if (!usage->extended.empty()) extensions->extended_key_usages.emplace_back(usage->extended);
  }
  if (usages.empty()) return absl::InvalidArgumentError("a certificate needs at least one usage");
  return absl::OkStatus();
}

absl::StatusOr<std::string> MakeSelfSigned(const NewCertificate& wanted, const PrivateKey& key) {
  return Sign(Build(wanted, key.spki(), wanted.subject, ""), key);
}

absl::StatusOr<std::string> MakeCertificate(const NewCertificate& wanted, const PrivateKey& key,
                                            const Certificate& issuer, const PrivateKey& issuer_key) {
  return Sign(Build(wanted, key.spki(), issuer.subject.get(), issuer.subject_key_id), issuer_key);
}

absl::StatusOr<std::string> AnyPublicKey() {
  absl::StatusOr<const PrivateKey*> key = ThrowawayKey();
  if (!key.ok()) return key.status();
  return (*key)->spki();
}

absl::StatusOr<Certificate> ForeseeCertificate(const NewCertificate& wanted, absl::string_view spki,
                                               const Certificate* issuer) {
  absl::StatusOr<const PrivateKey*> throwaway = ThrowawayKey();
  if (!throwaway.ok()) return throwaway.status();
  absl::StatusOr<std::string> der =
      Sign(issuer == nullptr ? Build(wanted, spki, wanted.subject, "")
                             : Build(wanted, spki, issuer->subject.get(), issuer->subject_key_id),
           **throwaway);
  if (!der.ok()) return der.status();
  absl::StatusOr<Certificate> certificate = Certificate::Parse(*der);
  if (certificate.ok())
    certificate->signed_object.signer = issuer == nullptr ? certificate->spki : issuer->spki;
  return certificate;
}

}  // namespace kplan
