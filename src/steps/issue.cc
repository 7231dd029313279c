#include "src/steps/issue.h"

#include <openssl/rand.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/text.h"
#include "src/base/usages.h"
#include "src/steps/distinguished_name.h"
#include "src/steps/subject_alt_name.h"

namespace kplan {
namespace {

constexpr int kSerialOctets = 20;
constexpr int64_t kBackdating = 5 * 60;
constexpr int64_t kLastSecondOf9999 = 253402300799;  // what GeneralizedTime can say

// The hash that cfssl takes for a signing key (signer/signer.go, DefaultSigAlgo).
const EVP_MD* HashFor(const PrivateKey& key) {
  int bits = EVP_PKEY_get_bits(key.pkey());
  if (EVP_PKEY_get_base_id(key.pkey()) == EVP_PKEY_RSA) {
    return bits >= 4096 ? EVP_sha512() : bits >= 3072 ? EVP_sha384() : EVP_sha256();
  }
  return bits >= 521 ? EVP_sha512() : bits >= 384 ? EVP_sha384() : EVP_sha256();
}

// Adds the extension NID. X509V3_ADD_DEFAULT refuses a second one.
absl::Status AddExtension(X509* certificate, int nid, bool critical, void* value) {
  if (X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1)
    return absl::OkStatus();
  return OpenSslError(absl::StrCat("cannot encode the extension ", OBJ_nid2sn(nid)));
}

absl::Status AddKeyUsage(X509* certificate, uint16_t usage) {
  BitStringPtr bits(ASN1_BIT_STRING_new());
  if (bits == nullptr) return OpenSslError("cannot make a key usage");
  for (int bit = 0; bit < kKeyUsageBits; ++bit) {
    if ((usage >> bit & 1) != 0 && ASN1_BIT_STRING_set_bit(bits.get(), bit, 1) != 1) {
      return OpenSslError("cannot make a key usage");
    }
  }
  return AddExtension(certificate, NID_key_usage, true, bits.get());
}

absl::Status AddExtendedKeyUsage(X509* certificate, const std::vector<std::string>& oids) {
  ExtendedKeyUsagePtr usages(EXTENDED_KEY_USAGE_new());
  if (usages == nullptr) return OpenSslError("cannot make an extended key usage");
  for (const std::string& oid : oids) {
    ObjectPtr object(OBJ_txt2obj(oid.c_str(), /*no_name=*/1));
    if (object == nullptr || sk_ASN1_OBJECT_push(usages.get(), object.get()) <= 0) {
      return OpenSslError("cannot make an extended key usage");
    }
    object.release();
  }
  return AddExtension(certificate, NID_ext_key_usage, false, usages.get());
}

absl::Status AddBasicConstraints(X509* certificate, bool ca) {
  BasicConstraintsPtr constraints(BASIC_CONSTRAINTS_new());
  if (constraints == nullptr) return OpenSslError("cannot make basic constraints");
  constraints->ca = ca ? 0xFF : 0;
  return AddExtension(certificate, NID_basic_constraints, true, constraints.get());
}

// SHA-1 over the bits of the public key: RFC 5280 4.2.1.2, method 1. A name, not a protection.
absl::Status AddSubjectKeyId(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  OctetsPtr id(ASN1_OCTET_STRING_new());
  if (id == nullptr || X509_pubkey_digest(certificate, EVP_sha1(), digest, &size) != 1 ||
      ASN1_OCTET_STRING_set(id.get(), digest, static_cast<int>(size)) != 1) {
    return OpenSslError("cannot make a key identifier");
  }
  return AddExtension(certificate, NID_subject_key_identifier, false, id.get());
}

// The keyid alone. (OpenSSL's configuration string would add the issuer's serial number when it cannot find
// the keyid, and that breaks when a CA certificate is renewed with the same key.)
absl::Status AddAuthorityKeyId(X509* certificate, const Certificate& issuer) {
  if (issuer.subject_key_id.empty()) return absl::OkStatus();  // nothing to point at
  AuthorityKeyIdPtr id(AUTHORITY_KEYID_new());
  if (id == nullptr) return OpenSslError("cannot make a key identifier");
  id->keyid = ASN1_OCTET_STRING_new();
  if (id->keyid == nullptr ||
      ASN1_OCTET_STRING_set(id->keyid, reinterpret_cast<const unsigned char*>(issuer.subject_key_id.data()),
                            static_cast<int>(issuer.subject_key_id.size())) != 1) {
    return OpenSslError("cannot make a key identifier");
  }
  return AddExtension(certificate, NID_authority_key_identifier, false, id.get());
}

// The fields that every certificate has. The names are copied.
absl::StatusOr<CertificatePtr> NewCertificate(const X509_NAME* subject, const X509_NAME* issuer,
                                              const PrivateKey& key, const std::string& serial,
                                              const Validity& validity) {
  // ASN1_TIME_set would write a year of five digits.
  if (validity.not_after > kLastSecondOf9999) {
    return absl::InvalidArgumentError("the certificate would end after the year 9999");
  }
  CertificatePtr certificate(X509_new());
  BnPtr number(BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()),
                         static_cast<int>(serial.size()), nullptr));
  if (certificate == nullptr || number == nullptr ||
      X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) == nullptr ||
      X509_set_subject_name(certificate.get(), subject) != 1 ||
      X509_set_issuer_name(certificate.get(), issuer) != 1 ||
      X509_set_pubkey(certificate.get(), key.pkey()) != 1) {
    return OpenSslError("cannot make a certificate");
  }
  // ASN1_TIME_set: UTCTime through 2049 and GeneralizedTime from 2050, as RFC 5280 4.1.2.5 wants it.
  if (ASN1_TIME_set(X509_getm_notBefore(certificate.get()), validity.not_before) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), validity.not_after) == nullptr) {
    return OpenSslError("cannot make a certificate");
  }
  return certificate;
}

absl::StatusOr<std::string> Sign(X509* certificate, const PrivateKey& key) {
  if (X509_sign(certificate, key.pkey(), HashFor(key)) <= 0) return OpenSslError("cannot sign a certificate");
  std::string der = ToDer(certificate, i2d_X509);
  if (der.empty()) return OpenSslError("cannot encode a certificate");
  return der;
}

absl::StatusOr<RequestPtr> NewRequest(const StringPairs& subject, const StringPairs& sans,
                                      const PrivateKey& key) {
  InitOpenSsl();
  absl::StatusOr<NamePtr> name = MakeName(subject);
  if (!name.ok()) return name.status();
  RequestPtr request(X509_REQ_new());
  if (request == nullptr || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(request.get(), name->get()) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.pkey()) != 1) {
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

}  // namespace

Validity ValidityFrom(absl::Time now, int64_t expiry) {
  int64_t not_before = (absl::ToUnixSeconds(now) + 30) / 60 * 60 - kBackdating;
  return {not_before, not_before + expiry};
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

absl::StatusOr<std::string> MakeRequestInfo(const StringPairs& subject, const StringPairs& sans,
                                            const PrivateKey& key) {
  absl::StatusOr<RequestPtr> request = NewRequest(subject, sans, key);
  if (!request.ok()) return request.status();
  std::string der = ToDer(request->get(), i2d_re_X509_REQ_tbs);
  if (der.empty()) return OpenSslError("cannot encode a request");
  return der;
}

absl::StatusOr<std::string> MakeRequest(const StringPairs& subject, const StringPairs& sans,
                                        const PrivateKey& key) {
  absl::StatusOr<RequestPtr> request = NewRequest(subject, sans, key);
  if (!request.ok()) return request.status();
  if (X509_REQ_sign(request->get(), key.pkey(), HashFor(key)) <= 0)
    return OpenSslError("cannot sign a request");
  std::string der = ToDer(request->get(), i2d_X509_REQ);
  if (der.empty()) return OpenSslError("cannot encode a request");
  return der;
}

absl::StatusOr<std::string> MakeCaCertificate(const StringPairs& subject, const PrivateKey& key,
                                              const std::string& serial, const Validity& validity) {
  InitOpenSsl();
  absl::StatusOr<NamePtr> name = MakeName(subject);
  if (!name.ok()) return name.status();
  if (X509_NAME_entry_count(name->get()) == 0) {
    return absl::InvalidArgumentError("a CA needs a subject (RFC 5280 4.1.2.6)");
  }
  absl::StatusOr<CertificatePtr> certificate =
      NewCertificate(name->get(), name->get(), key, serial, validity);
  if (!certificate.ok()) return certificate.status();
  X509* raw = certificate->get();
  for (const absl::Status& status :
       {AddKeyUsage(raw, kCertSign | kCrlSign), AddBasicConstraints(raw, true), AddSubjectKeyId(raw)}) {
    if (!status.ok()) return status;
  }
  return Sign(raw, key);
}

absl::StatusOr<UsageSet> ResolveUsages(const std::vector<std::string>& usages) {
  UsageSet set;
  for (const std::string& name : usages) {
    const Usage* usage = FindUsage(name);
    if (usage == nullptr) return absl::InvalidArgumentError(absl::StrCat("there is no usage ", Quote(name)));
    set.key_usage |= usage->key_usage;
    if (!usage->extended.empty()) set.extended_key_usages.emplace_back(usage->extended);
  }
  if (usages.empty()) return absl::InvalidArgumentError("a certificate needs at least one usage");
  return set;
}

absl::StatusOr<std::string> MakeLeafCertificate(const Leaf& leaf, const PrivateKey& key,
                                                const Certificate& issuer, const PrivateKey& issuer_key) {
  InitOpenSsl();
  absl::StatusOr<NamePtr> name = MakeName(leaf.subject);
  if (!name.ok()) return name.status();
  const bool anonymous = X509_NAME_entry_count(name->get()) == 0;
  if (anonymous && leaf.sans.empty()) {
    return absl::InvalidArgumentError("a certificate needs a subject or a SAN; this one has neither");
  }
  absl::StatusOr<CertificatePtr> certificate =
      NewCertificate(name->get(), issuer.subject.get(), key, leaf.serial, leaf.validity);
  if (!certificate.ok()) return certificate.status();
  X509* raw = certificate->get();
  std::vector<absl::Status> added;
  if (leaf.usages.key_usage != 0) added.push_back(AddKeyUsage(raw, leaf.usages.key_usage));
  if (!leaf.usages.extended_key_usages.empty()) {
    added.push_back(AddExtendedKeyUsage(raw, leaf.usages.extended_key_usages));
  }
  added.push_back(AddBasicConstraints(raw, false));
  added.push_back(AddSubjectKeyId(raw));
  added.push_back(AddAuthorityKeyId(raw, issuer));
  if (!leaf.sans.empty()) {
    absl::StatusOr<GeneralNamesPtr> names = MakeGeneralNames(leaf.sans);
    if (!names.ok()) return names.status();
    // Critical when there is no subject: RFC 5280 4.2.1.6.
    added.push_back(AddExtension(raw, NID_subject_alt_name, anonymous, names->get()));
  }
  for (const absl::Status& status : added) {
    if (!status.ok()) return status;
  }
  return Sign(raw, issuer_key);
}

}  // namespace kplan
