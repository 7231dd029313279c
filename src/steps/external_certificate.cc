#include "src/steps/external_certificate.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/steps/artifact_file.h"
#include "src/steps/certificate.h"
#include "src/steps/distinguished_name.h"

namespace kplan {
namespace {

// What a person has to do, after a ":" or ";".
std::string HaveItSigned(const CertificateSpec& spec, const Certificate& issuer, absl::string_view again) {
  return absl::StrCat("have ", spec.csr, " signed ", again, "by ", NameText(issuer.subject.get()),
                      " and put the certificate at ", spec.path);
}

}  // namespace

absl::StatusOr<StepResult> TakeExternalCertificate(const CertificateSpec& spec, const Evidence& evidence) {
  const Certificate& issuer = *evidence.issuer;
  absl::StatusOr<Certificate> certificate = Certificate::Read(spec.path);
  if (absl::IsNotFound(certificate.status())) {
    return absl::FailedPreconditionError(absl::StrCat("waits for signing: ", HaveItSigned(spec, issuer, "")));
  }
  if (absl::IsDataLoss(certificate.status())) {
    return absl::DataLossError(absl::StrCat(
        certificate.status().message(),
        "; nothing was changed. One certificate in PEM is needed: ", HaveItSigned(spec, issuer, "")));
  }
  if (!certificate.ok()) return certificate.status();
  StepResult result;
  std::vector<Reason> reasons = WhyStale(*certificate, spec, evidence);
  if (!reasons.empty() && reasons.back().name == kExpiresSoon) {
    result.output =
        absl::StrCat(spec.path, " ", reasons.back().text, ": ", HaveItSigned(spec, issuer, "again "));
    reasons.pop_back();
  }
  if (!reasons.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        spec.path, " is not the certificate that ", spec.csr, " asks for: ", Join(reasons),
        "; nothing was changed. Either ", HaveItSigned(spec, issuer, "again "), ", or change the spec"));
  }
  absl::StatusOr<std::string> mode = PublishFile(spec.path);
  if (!mode.ok()) return mode.status();
  result.reason = *std::move(mode);
  result.digest = Sha256Hex(certificate->der);
  result.files = {spec.path};
  return result;
}

}  // namespace kplan
