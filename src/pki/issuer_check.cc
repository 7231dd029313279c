#include "src/pki/issuer_check.h"

#include <openssl/err.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/pki/der.h"
#include "src/pki/distinguished_name.h"
#include "src/pki/name_constraints.h"
#include "src/pki/request.h"
#include "src/pki/usages.h"

namespace kplan {
namespace {

constexpr char kAnyUsage[] = "2.5.29.37.0";

absl::Status Refuse(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat("cannot sign with ", path, ": ", why));
}

// OpenSSL and Go take the extended usages of a CA, when it has any, for those that what it signs may have.
std::string UsageThatIsMissing(const Extensions& wanted, const Extensions& issuer) {
  const std::vector<std::string>& allowed = issuer.extended_key_usages;
  auto in = [&allowed](const std::string& oid) {
    return std::find(allowed.begin(), allowed.end(), oid) != allowed.end();
  };
  if (allowed.empty() || in(kAnyUsage)) return "";
  for (const std::string& oid : wanted.extended_key_usages) {
    if (!in(oid)) return UsagesText(0, {oid});
  }
  return "";
}

}  // namespace

absl::Status CheckSigner(const Signer& signer, KeyUsageBit usage, absl::Time now) {
  const Certificate& certificate = signer.certificate;
  if (signer.spki != nullptr && certificate.spki != *signer.spki)
    return Refuse(signer.path, absl::StrCat("it is not the certificate of ", signer.key_path));
  if (!certificate.is_ca) return Refuse(signer.path, "it is not a CA certificate");
  if (certificate.key_usage != 0 && (certificate.key_usage & usage) == 0) {
    return Refuse(signer.path, absl::StrCat("its key usage lacks \"",
                                            usage == kCertSign ? "cert sign" : "crl sign", "\""));
  }
  const int64_t seconds = absl::ToUnixSeconds(now);
  if (certificate.not_before > seconds) {
    return Refuse(signer.path, absl::StrCat("it is not valid before ", TimeText(certificate.not_before),
                                            "; is the clock right?"));
  }
  if (certificate.not_after <= seconds) {
    return Refuse(signer.path, absl::StrCat("it expired on ", TimeText(certificate.not_after),
                                            "; remove it and run ninja to make it again with the same key"));
  }
  return absl::OkStatus();
}

absl::Status CheckIssuer(const CertificateSpec& spec, const Certificate& issuer,
                         const std::string* issuer_spki, absl::Time now) {
  absl::Status status = CheckSigner({spec.issuer, issuer, spec.issuer_key, issuer_spki}, kCertSign, now);
  if (!status.ok()) return status;
  if (spec.extensions.is_ca && issuer.path_length == 0) {
    return Refuse(spec.issuer, "its path length is 0, so there may be no other CA below it");
  }
  if (std::string usage = UsageThatIsMissing(spec.extensions, issuer); !usage.empty()) {
    return Refuse(spec.issuer, absl::StrCat("its own usages, ", UsagesText(0, issuer.extended_key_usages),
                                            ", do not allow ", usage));
  }
  // OpenSSL and Go take a certificate whose subject is its issuer for a self-signed one.
  if (ToDer(spec.subject.get(), i2d_X509_NAME) == issuer.subject_der) {
    return Refuse(spec.issuer, absl::StrCat("the certificate asked for has the same subject, ",
                                            NameText(spec.subject.get()),
                                            ", and would pass for self-signed; give it another CN"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CheckRequest(const CertificateSpec& spec, const std::string* spki) {
  absl::StatusOr<CertificationRequest> request = CertificationRequest::Read(spec.csr);
  if (absl::IsDataLoss(request.status()))
    return absl::DataLossError(absl::StrCat(spec.csr, " is damaged; run ninja to make it again"));
  if (!request.ok()) return request.status();
  if ((spki != nullptr && request->spki != *spki) || !request->ProvesItsKey()) {
    return absl::FailedPreconditionError(
        absl::StrCat(spec.csr, " is not a request of the key ", spec.key, "; run ninja to make it again"));
  }
  return request->spki;
}

absl::Status CheckNames(const CertificateSpec& spec, absl::string_view made, const Certificate& issuer) {
  if (issuer.permitted_names.empty() && issuer.excluded_names.empty()) return absl::OkStatus();
  CertificatePtr certificate = FromDer<CertificatePtr>(made, d2i_X509);
  CertificatePtr signer = FromDer<CertificatePtr>(issuer.der, d2i_X509);
  if (certificate == nullptr || signer == nullptr) return OpenSslError("cannot check name constraints");
  NameConstraintsPtr constraints(
      static_cast<NAME_CONSTRAINTS*>(X509_get_ext_d2i(signer.get(), NID_name_constraints, nullptr, nullptr)));
  if (constraints == nullptr) return OpenSslError("cannot check name constraints");
  X509_check_purpose(certificate.get(), -1, 0);  // fills in the names that the next line looks at
  int verdict = NAME_CONSTRAINTS_check(certificate.get(), constraints.get());
  ERR_clear_error();
  if (verdict == X509_V_OK) return absl::OkStatus();
  return Refuse(spec.issuer, absl::StrCat("its name constraints do not allow every name of ", spec.path, " (",
                                          X509_verify_cert_error_string(verdict), ")"));
}

}  // namespace kplan
