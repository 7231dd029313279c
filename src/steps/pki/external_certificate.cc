#include "src/steps/pki/external_certificate.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/host/artifact_file.h"
#include "src/pki/certificate.h"
#include "src/pki/distinguished_name.h"
#include "src/step/foresee.h"

namespace kplan {
namespace {

// What a person has to do, after a ":" or ";".
std::string HaveItSigned(const CertificateSpec& spec, const Evidence& evidence, absl::string_view again) {
  return absl::StrCat("have ", spec.csr, " signed ", again, "by ",
                      evidence.issuer == nullptr ? spec.issuer : NameText(evidence.issuer->subject.get()),
                      " and put the certificate at ", spec.path);
}

std::string WaitsText(const CertificateSpec& spec, const Evidence& evidence) {
  return absl::StrCat("waits for signing: ", HaveItSigned(spec, evidence, ""));
}

struct Found {
  std::string digest;
  std::string output;  // for the person; usually empty
};

// What is in SPEC's place, when it can be taken. NotFound when there is nothing.
absl::StatusOr<Found> Look(const CertificateSpec& spec, const Evidence& evidence) {
  absl::StatusOr<Certificate> certificate = Certificate::Read(spec.path);
  if (absl::IsDataLoss(certificate.status())) {
    return absl::DataLossError(absl::StrCat(
        certificate.status().message(),
        "; nothing was changed. One certificate in PEM is needed: ", HaveItSigned(spec, evidence, "")));
  }
  if (!certificate.ok()) return certificate.status();
  Found found;
  found.digest = Sha256Hex(certificate->der);
  std::vector<Reason> reasons = WhyStale(*certificate, spec, evidence);
  if (!reasons.empty() && reasons.back().name == kExpiresSoon) {
    found.output =
        absl::StrCat(spec.path, " ", reasons.back().text, ": ", HaveItSigned(spec, evidence, "again "));
    reasons.pop_back();
  }
  if (!reasons.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        spec.path, " is not the certificate that ", spec.csr, " asks for: ", Join(reasons),
        "; nothing was changed. Either ", HaveItSigned(spec, evidence, "again "), ", or change the spec"));
  }
  return found;
}

}  // namespace

absl::StatusOr<StepResult> TakeExternalCertificate(const CertificateSpec& spec, const Evidence& evidence) {
  absl::StatusOr<Found> found = Look(spec, evidence);
  if (absl::IsNotFound(found.status())) return absl::FailedPreconditionError(WaitsText(spec, evidence));
  if (!found.ok()) return found.status();
  StepResult result;
  result.output = std::move(found->output);
  absl::StatusOr<std::string> mode = PublishFile(spec.path);
  if (!mode.ok()) return mode.status();
  result.reason = *std::move(mode);
  result.digest = std::move(found->digest);
  result.files = {spec.path};
  return result;
}

absl::StatusOr<Outlook> LookAtExternalCertificate(const CertificateSpec& spec, const Evidence& evidence) {
  absl::StatusOr<Found> found = Look(spec, evidence);
  Outlook outlook;
  if (absl::IsNotFound(found.status())) {
    outlook.waits = true;
    outlook.reasons = {{"missing", "waits for signing"}};
    outlook.note = WaitsText(spec, evidence);
    return outlook;
  }
  if (!found.ok()) return found.status();
  outlook.note = std::move(found->output);
  outlook.digest = std::move(found->digest);
  absl::Status status = AddFileDifferences(PublicFileDifferences(spec.path), "", &outlook);
  if (!status.ok()) return status;
  return outlook;
}

}  // namespace kplan
