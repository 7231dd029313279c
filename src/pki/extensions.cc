#include "src/pki/extensions.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "src/pki/name_constraints.h"
#include "src/pki/subject_alt_name.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

using AccessDescriptionPtr = std::unique_ptr<ACCESS_DESCRIPTION, OpenSslDelete<ACCESS_DESCRIPTION_free>>;
using InfoAccessPtr = std::unique_ptr<AUTHORITY_INFO_ACCESS, OpenSslDelete<AUTHORITY_INFO_ACCESS_free>>;
using CrlPointPtr = std::unique_ptr<DIST_POINT, OpenSslDelete<DIST_POINT_free>>;
using CrlPointsPtr = std::unique_ptr<CRL_DIST_POINTS, OpenSslDelete<CRL_DIST_POINTS_free>>;

// The extension NID, null when there is none. *OK is made false when it is damaged or there twice.
template <typename Ptr>
Ptr ExtensionOf(const X509_EXTENSIONS* extensions, int nid, bool* ok) {
  int critical = 0;
  Ptr value(static_cast<typename Ptr::pointer>(X509V3_get_d2i(extensions, nid, &critical, nullptr)));
  if (value == nullptr && critical != -1) *ok = false;
  return value;
}

std::string Octets(const ASN1_STRING* string) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                     ASN1_STRING_length(string));
}

std::string Dotted(const ASN1_OBJECT* object) {
  char dotted[128];
  OBJ_obj2txt(dotted, sizeof(dotted), object, /*no_name=*/1);
  return dotted;
}

// Appends the URL that NAME is, if it is one.
void AppendUrl(const GENERAL_NAME* name, std::vector<std::string>* urls) {
  int type = 0;
  void* value = GENERAL_NAME_get0_value(name, &type);
  if (type == GEN_URI) urls->push_back(Octets(static_cast<const ASN1_STRING*>(value)));
}

void ReadInfoAccess(const AUTHORITY_INFO_ACCESS* access, Extensions* e) {
  for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(access); ++i) {
    const ACCESS_DESCRIPTION* description = sk_ACCESS_DESCRIPTION_value(access, i);
    int method = OBJ_obj2nid(description->method);
    if (method == NID_ad_OCSP) AppendUrl(description->location, &e->ocsp_urls);
    if (method == NID_ad_ca_issuers) AppendUrl(description->location, &e->issuer_urls);
  }
}

void ReadCrlPoints(const CRL_DIST_POINTS* points, Extensions* e) {
  for (int i = 0; i < sk_DIST_POINT_num(points); ++i) {
    const DIST_POINT_NAME* name = sk_DIST_POINT_value(points, i)->distpoint;
    if (name == nullptr || name->type != 0) continue;
    for (int j = 0; j < sk_GENERAL_NAME_num(name->name.fullname); ++j) {
      AppendUrl(sk_GENERAL_NAME_value(name->name.fullname, j), &e->crl_urls);
    }
  }
}

// A verifier may skip what it does not know only when it is not critical (RFC 5280 4.2). Known are those that
// are read here, and what OpenSSL and Go also know, or accept where nobody asks for policies.
std::string UnknownCritical(const X509_EXTENSIONS* extensions) {
  static constexpr int kKnown[] = {NID_key_usage,
                                   NID_ext_key_usage,
                                   NID_basic_constraints,
                                   NID_subject_key_identifier,
                                   NID_subject_alt_name,
                                   NID_info_access,
                                   NID_authority_key_identifier,
                                   NID_name_constraints,
                                   NID_crl_distribution_points,
                                   NID_certificate_policies};
  for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) {
    X509_EXTENSION* extension = sk_X509_EXTENSION_value(extensions, i);
    const ASN1_OBJECT* object = X509_EXTENSION_get_object(extension);
    if (X509_EXTENSION_get_critical(extension) != 0 &&
        std::find(std::begin(kKnown), std::end(kKnown), OBJ_obj2nid(object)) == std::end(kKnown)) {
      return Dotted(object);
    }
  }
  return "";
}

// Adds the extension NID. X509V3_ADD_DEFAULT refuses a second one.
absl::Status Add(X509* certificate, int nid, bool critical, void* value) {
  if (X509_add1_ext_i2d(certificate, nid, value, critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1)
    return absl::OkStatus();
  return OpenSslError(absl::StrCat("cannot encode the extension ", OBJ_nid2sn(nid)));
}

absl::Status AddKeyUsage(const Extensions& e, X509* certificate) {
  if (e.key_usage == 0) return absl::OkStatus();
  BitStringPtr bits(ASN1_BIT_STRING_new());
  if (bits == nullptr) return OpenSslError("cannot make a key usage");
  for (int bit = 0; bit < kKeyUsageBits; ++bit) {
    if ((e.key_usage >> bit & 1) != 0 && ASN1_BIT_STRING_set_bit(bits.get(), bit, 1) != 1) {
      return OpenSslError("cannot make a key usage");
    }
  }
  return Add(certificate, NID_key_usage, true, bits.get());
}

absl::Status AddExtendedKeyUsage(const Extensions& e, X509* certificate) {
  if (e.extended_key_usages.empty()) return absl::OkStatus();
  ExtendedKeyUsagePtr usages(EXTENDED_KEY_USAGE_new());
  if (usages == nullptr) return OpenSslError("cannot make an extended key usage");
  for (const std::string& oid : e.extended_key_usages) {
    ObjectPtr object(OBJ_txt2obj(oid.c_str(), /*no_name=*/1));
    if (object == nullptr || sk_ASN1_OBJECT_push(usages.get(), object.get()) <= 0) {
      return OpenSslError("cannot make an extended key usage");
    }
    object.release();
  }
  return Add(certificate, NID_ext_key_usage, false, usages.get());
}

absl::Status AddBasicConstraints(const Extensions& e, X509* certificate) {
  BasicConstraintsPtr constraints(BASIC_CONSTRAINTS_new());
  if (constraints == nullptr) return OpenSslError("cannot make basic constraints");
  constraints->ca = e.is_ca ? 0xFF : 0;
  if (e.is_ca && e.path_length.has_value()) {
    constraints->pathlen = ASN1_INTEGER_new();
    if (constraints->pathlen == nullptr || ASN1_INTEGER_set_int64(constraints->pathlen, *e.path_length) != 1)
      return OpenSslError("cannot make basic constraints");
  }
  return Add(certificate, NID_basic_constraints, true, constraints.get());
}

absl::Status AddSubjectKeyId(const Extensions& e, X509* certificate) {
  OctetsPtr id(ASN1_OCTET_STRING_new());
  if (id == nullptr ||
      ASN1_OCTET_STRING_set(id.get(), reinterpret_cast<const unsigned char*>(e.subject_key_id.data()),
                            static_cast<int>(e.subject_key_id.size())) != 1) {
    return OpenSslError("cannot make a key identifier");
  }
  return Add(certificate, NID_subject_key_identifier, false, id.get());
}

// The keyid alone. (OpenSSL's configuration string would add the issuer's serial number when it cannot find
// the keyid, and that breaks when a CA certificate is renewed with the same key.)
absl::Status AddAuthorityKeyId(const Extensions& e, X509* certificate) {
  if (e.authority_key_id.empty()) return absl::OkStatus();
  AuthorityKeyIdPtr id(AUTHORITY_KEYID_new());
  if (id == nullptr) return OpenSslError("cannot make a key identifier");
  id->keyid = ASN1_OCTET_STRING_new();
  if (id->keyid == nullptr ||
      ASN1_OCTET_STRING_set(id->keyid, reinterpret_cast<const unsigned char*>(e.authority_key_id.data()),
                            static_cast<int>(e.authority_key_id.size())) != 1) {
    return OpenSslError("cannot make a key identifier");
  }
  return Add(certificate, NID_authority_key_identifier, false, id.get());
}

absl::Status AddInfoAccess(const Extensions& e, X509* certificate) {
  if (e.ocsp_urls.empty() && e.issuer_urls.empty()) return absl::OkStatus();
  InfoAccessPtr access(sk_ACCESS_DESCRIPTION_new_null());
  for (const auto& [method, urls] :
       {std::make_pair(NID_ad_OCSP, &e.ocsp_urls), std::make_pair(NID_ad_ca_issuers, &e.issuer_urls)}) {
    for (const std::string& url : *urls) {
      absl::StatusOr<GeneralNamePtr> location = MakeGeneralName(GEN_URI, url);
      if (!location.ok()) return location.status();
      AccessDescriptionPtr description(ACCESS_DESCRIPTION_new());
      if (access == nullptr || description == nullptr)
        return OpenSslError("cannot make an OCSP or issuer URL");
      description->method = OBJ_nid2obj(method);  // static, so not freed with it
      GENERAL_NAME_free(description->location);
      description->location = location->release();
      if (sk_ACCESS_DESCRIPTION_push(access.get(), description.get()) <= 0)
        return OpenSslError("cannot make an OCSP or issuer URL");
      description.release();
    }
  }
  return Add(certificate, NID_info_access, false, access.get());
}

absl::Status AddSans(const Extensions& e, bool anonymous, X509* certificate) {
  if (e.sans.empty()) return absl::OkStatus();
  absl::StatusOr<GeneralNamesPtr> names = MakeGeneralNames(e.sans);
  if (!names.ok()) return names.status();
  return Add(certificate, NID_subject_alt_name, anonymous, names->get());
}

absl::Status AddNameConstraints(const Extensions& e, X509* certificate) {
  if (e.permitted_names.empty() && e.excluded_names.empty()) return absl::OkStatus();
  absl::StatusOr<NameConstraintsPtr> constraints = MakeNameConstraints(e.permitted_names, e.excluded_names);
  if (!constraints.ok()) return constraints.status();
  return Add(certificate, NID_name_constraints, true, constraints->get());
}

// One distribution point a URL.
absl::Status AddCrlPoints(const Extensions& e, X509* certificate) {
  if (e.crl_urls.empty()) return absl::OkStatus();
  CrlPointsPtr points(sk_DIST_POINT_new_null());
  for (const std::string& url : e.crl_urls) {
    absl::StatusOr<GeneralNamePtr> name = MakeGeneralName(GEN_URI, url);
    if (!name.ok()) return name.status();
    CrlPointPtr point(DIST_POINT_new());
    if (points == nullptr || point == nullptr) return OpenSslError("cannot make a CRL URL");
    point->distpoint = DIST_POINT_NAME_new();
    GeneralNamesPtr names(GENERAL_NAMES_new());
    if (point->distpoint == nullptr || names == nullptr ||
        sk_GENERAL_NAME_push(names.get(), name->get()) <= 0) {
      return OpenSslError("cannot make a CRL URL");
    }
    name->release();
    point->distpoint->type = 0;
    point->distpoint->name.fullname = names.release();
    if (sk_DIST_POINT_push(points.get(), point.get()) <= 0) return OpenSslError("cannot make a CRL URL");
    point.release();
  }
  return Add(certificate, NID_crl_distribution_points, false, points.get());
}

}  // namespace

bool ReadExtensions(absl::string_view der, Extensions* e) {
  ExtensionsPtr extensions = FromDer<ExtensionsPtr>(der, d2i_X509_EXTENSIONS);
  if (extensions == nullptr) return false;
  bool ok = true;
  if (auto bc = ExtensionOf<BasicConstraintsPtr>(extensions.get(), NID_basic_constraints, &ok)) {
    e->is_ca = bc->ca != 0;
    int64_t length = 0;
    if (bc->pathlen != nullptr) {
      if (ASN1_INTEGER_get_int64(&length, bc->pathlen) != 1 || length < 0) ok = false;
      e->path_length = length;
    }
  }
  if (auto usage = ExtensionOf<BitStringPtr>(extensions.get(), NID_key_usage, &ok)) {
    for (int bit = 0; bit < kKeyUsageBits; ++bit) {
      if (ASN1_BIT_STRING_get_bit(usage.get(), bit) != 0) e->key_usage |= 1 << bit;
    }
  }
  if (auto usages = ExtensionOf<ExtendedKeyUsagePtr>(extensions.get(), NID_ext_key_usage, &ok)) {
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages.get()); ++i) {
      e->extended_key_usages.push_back(Dotted(sk_ASN1_OBJECT_value(usages.get(), i)));
    }
  }
  if (auto id = ExtensionOf<OctetsPtr>(extensions.get(), NID_subject_key_identifier, &ok)) {
    e->subject_key_id = Octets(id.get());
  }
  if (auto id = ExtensionOf<AuthorityKeyIdPtr>(extensions.get(), NID_authority_key_identifier, &ok)) {
    if (id->keyid != nullptr) e->authority_key_id = Octets(id->keyid);
  }
  if (auto access = ExtensionOf<InfoAccessPtr>(extensions.get(), NID_info_access, &ok)) {
    ReadInfoAccess(access.get(), e);
  }
  if (auto names = ExtensionOf<GeneralNamesPtr>(extensions.get(), NID_subject_alt_name, &ok)) {
    e->sans = SansOf(*names);
  }
  if (auto constraints = ExtensionOf<NameConstraintsPtr>(extensions.get(), NID_name_constraints, &ok)) {
    ConstraintsOf(*constraints, &e->permitted_names, &e->excluded_names);
  }
  if (auto points = ExtensionOf<CrlPointsPtr>(extensions.get(), NID_crl_distribution_points, &ok)) {
    ReadCrlPoints(points.get(), e);
  }
  e->unknown_critical = UnknownCritical(extensions.get());
  return ok;
}

absl::Status AddExtensions(const Extensions& e, bool anonymous, X509* certificate) {
  absl::Status status = AddKeyUsage(e, certificate);
  if (status.ok()) status = AddExtendedKeyUsage(e, certificate);
  if (status.ok()) status = AddBasicConstraints(e, certificate);
  if (status.ok()) status = AddSubjectKeyId(e, certificate);
  if (status.ok()) status = AddAuthorityKeyId(e, certificate);
  if (status.ok()) status = AddInfoAccess(e, certificate);
  if (status.ok()) status = AddSans(e, anonymous, certificate);
  if (status.ok()) status = AddNameConstraints(e, certificate);
  if (status.ok()) status = AddCrlPoints(e, certificate);
  return status;
}

}  // namespace kplan
