#include "src/probe/certificate_seen.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/base/ip_address.h"
#include "src/base/text.h"
#include "src/pki/openssl_util.h"

namespace kplan {
namespace {

std::string Text(const ASN1_STRING* value) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)), ASN1_STRING_length(value));
}

std::string DescribeName(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return absl::StrCat("DNS:", Text(name->d.dNSName));
    case GEN_EMAIL:
      return absl::StrCat("email:", Text(name->d.rfc822Name));
    case GEN_URI:
      return absl::StrCat("URI:", Text(name->d.uniformResourceIdentifier));
    case GEN_IPADD: {
      const std::string address = IpText(Text(name->d.iPAddress));
      return absl::StrCat("IP:", address.empty() ? "malformed" : address);
    }
    default:
      return "other";
  }
}

}  // namespace

absl::StatusOr<CertificateSeen> DescribeCertificate(absl::string_view der) {
  CertificatePtr certificate = FromDer<CertificatePtr>(der, d2i_X509);
  if (certificate == nullptr) return OpenSslError("the certificate cannot be read");
  CertificateSeen seen;
  seen.fingerprint = Sha256Hex(der);
  BioPtr out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate.get()), 0,
                     ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL |
                         XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_FN_SN);
  char* bytes = nullptr;
  long size = BIO_get_mem_data(out.get(), &bytes);  // NOLINT(runtime/int): OpenSSL's type
  seen.subject.assign(bytes, size);
  GeneralNamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    seen.sans.push_back(Shown(DescribeName(sk_GENERAL_NAME_value(names.get(), i))));
  }
  struct tm end = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) {
    return OpenSslError("the certificate's end cannot be read");
  }
  seen.not_after = UtcText(absl::FromTM(end, absl::UTCTimeZone()));
  return seen;
}

std::string CertificateText(const CertificateSeen& certificate) {
  return absl::StrCat("sha256 ", certificate.fingerprint, " (", certificate.subject, "; ",
                      absl::StrJoin(certificate.sans, ", "), "; until ", certificate.not_after, ")");
}

absl::StatusOr<std::string> FirstCertificateDer(const std::string& pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return OpenSslError("it cannot be read");
  return ToDer(certificate.get(), i2d_X509);
}

std::string UtcText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace kplan
