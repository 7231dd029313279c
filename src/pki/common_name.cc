#include "src/pki/common_name.h"

#include <openssl/pem.h>

#include "absl/strings/str_cat.h"
#include "src/base/files.h"
#include "src/pki/openssl_util.h"

namespace kplan {
namespace {

constexpr size_t kMaxPem = 1 << 20;

}  // namespace

std::string CommonName(const X509_NAME* name) {
  if (name == nullptr) return "";
  std::string common_name;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) {
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size >= 0) common_name.assign(reinterpret_cast<char*>(text), size);
    OPENSSL_free(text);
  }
  return common_name;
}

absl::StatusOr<std::string> ReadCommonName(const std::string& path) {
  absl::StatusOr<std::string> pem = ReadFile(path, kMaxPem);
  if (!pem.ok()) return pem.status();
  InitOpenSsl();
  BioPtr bio(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  CertificatePtr certificate(bio == nullptr ? nullptr
                                            : PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr)
    return absl::DataLossError(OpenSslError(absl::StrCat("no certificate in ", path)).message());
  return CommonName(X509_get_subject_name(certificate.get()));
}

}  // namespace kplan
