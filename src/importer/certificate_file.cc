#include "src/importer/certificate_file.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "src/pki/der.h"
#include "src/pki/subject_alt_name.h"

namespace kplan {
namespace {

using CrlPointsPtr = std::unique_ptr<CRL_DIST_POINTS, OpenSslDelete<CRL_DIST_POINTS_free>>;
using AccessPtr = std::unique_ptr<AUTHORITY_INFO_ACCESS, OpenSslDelete<AUTHORITY_INFO_ACCESS_free>>;

std::string TextOf(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  int size = ASN1_STRING_to_UTF8(&utf8, string);
  if (size < 0) return "";
  std::string text(reinterpret_cast<char*>(utf8), size);
  OPENSSL_free(utf8);
  return text;
}

// "" when NAME is no URI.
std::string UriOf(const GENERAL_NAME* name) {
  return name->type == GEN_URI ? TextOf(name->d.uniformResourceIdentifier) : "";
}

void ReadSubject(CertificateFile* file) {
  static constexpr std::pair<int, absl::string_view> kFields[] = {{NID_countryName, "C"},
                                                                  {NID_stateOrProvinceName, "ST"},
                                                                  {NID_localityName, "L"},
                                                                  {NID_organizationName, "O"},
                                                                  {NID_organizationalUnitName, "OU"},
                                                                  {NID_commonName, "CN"},
                                                                  {NID_serialNumber, "serialNumber"}};
  const X509_NAME* subject = file->certificate.subject.get();
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    const auto* found = std::find_if(std::begin(kFields), std::end(kFields),
                                     [nid](const auto& field) { return field.first == nid; });
    if (found == std::end(kFields)) {
      char dotted[128];
      OBJ_obj2txt(dotted, sizeof(dotted), X509_NAME_ENTRY_get_object(entry), /*no_name=*/0);
      file->unknown_field = dotted;
      continue;
    }
    file->subject.emplace_back(std::string(found->second), TextOf(X509_NAME_ENTRY_get_data(entry)));
  }
}

void FreeValue(X509_EXTENSION* extension, void* value) {
  const X509V3_EXT_METHOD* method = X509V3_EXT_get(extension);
  if (value == nullptr || method == nullptr) return;
  if (method->it != nullptr) {
    ASN1_item_free(static_cast<ASN1_VALUE*>(value), ASN1_ITEM_ptr(method->it));
  } else if (method->ext_free != nullptr) {
    method->ext_free(value);
  }
}

void ReadCrlPoints(const CRL_DIST_POINTS* points, CertificateFile* file) {
  for (int i = 0; points != nullptr && i < sk_DIST_POINT_num(points); ++i) {
    const DIST_POINT* point = sk_DIST_POINT_value(points, i);
    if (point->distpoint == nullptr || point->distpoint->type != 0) continue;
    const GENERAL_NAMES* names = point->distpoint->name.fullname;
    for (int k = 0; k < sk_GENERAL_NAME_num(names) && file->crl.empty(); ++k)
      file->crl = UriOf(sk_GENERAL_NAME_value(names, k));
  }
}

void ReadAccess(const AUTHORITY_INFO_ACCESS* access, CertificateFile* file) {
  for (int i = 0; access != nullptr && i < sk_ACCESS_DESCRIPTION_num(access); ++i) {
    const ACCESS_DESCRIPTION* description = sk_ACCESS_DESCRIPTION_value(access, i);
    std::string uri = UriOf(description->location);
    int method = OBJ_obj2nid(description->method);
    if (method == NID_ad_OCSP) file->ocsp = uri;
    if (method == NID_ad_ca_issuers) file->issuers.push_back(uri);
  }
}

void ReadExtensions(CertificateFile* file, Findings* findings) {
  CertificatePtr x509 = FromDer<CertificatePtr>(file->certificate.der, d2i_X509);
  if (x509 == nullptr) return;  // Certificate::Parse has read the same bytes
  for (int i = 0; i < X509_get_ext_count(x509.get()); ++i) {
    X509_EXTENSION* extension = X509_get_ext(x509.get(), i);
    void* value = X509V3_EXT_d2i(extension);
    switch (OBJ_obj2nid(X509_EXTENSION_get_object(extension))) {
      case NID_basic_constraints: {
        BasicConstraintsPtr constraints(static_cast<BASIC_CONSTRAINTS*>(value));
        if (constraints != nullptr && constraints->pathlen != nullptr)
          file->path_length = static_cast<int>(ASN1_INTEGER_get(constraints->pathlen));
        break;
      }
      case NID_crl_distribution_points:
        ReadCrlPoints(CrlPointsPtr(static_cast<CRL_DIST_POINTS*>(value)).get(), file);
        break;
      case NID_info_access:
        ReadAccess(AccessPtr(static_cast<AUTHORITY_INFO_ACCESS*>(value)).get(), file);
        break;
      case NID_key_usage:
      case NID_ext_key_usage:
      case NID_subject_key_identifier:
      case NID_authority_key_identifier:
      case NID_subject_alt_name:
        FreeValue(extension, value);
        break;
      default: {
        char name[128];
        OBJ_obj2txt(name, sizeof(name), X509_EXTENSION_get_object(extension), /*no_name=*/0);
        findings->Warning(Code::kCfsslDiffers, file->place,
                          absl::StrCat("has an extension that kplan does not write: ", name),
                          "it goes when the certificate is made again");
        FreeValue(extension, value);
      }
    }
  }
}

}  // namespace

CertificateFile DescribeCertificate(const Place& place, Certificate certificate, Findings* findings) {
  CertificateFile file;
  file.place = place;
  file.certificate = std::move(certificate);
  file.hosts = CanonicalFound(file.certificate.sans);
  ReadExtensions(&file, findings);
  ReadSubject(&file);
  return file;
}

}  // namespace kplan
