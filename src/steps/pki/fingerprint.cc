#include <optional>
#include <string>
#include <utility>

#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/pki/certificate.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

namespace kplan {
namespace {

struct Found {
  std::string text;              // what the file is to hold; empty where that is not known before
  std::optional<Reason> reason;  // why it has to be written
};

absl::StatusOr<Found> LookAtFingerprint(const FingerprintRecord& record, const Foreseen& foreseen) {
  Found found;
  if (foreseen.Find(record.certificate) != nullptr) {
    // A certificate is known before it is signed, but for its number and its signature.
    found.reason = Reason{"content", "the certificate will be another one"};
    return found;
  }
  absl::StatusOr<Certificate> certificate = Certificate::Read(record.certificate);
  if (!certificate.ok()) return certificate.status();
  found.text = Sha256Hex(certificate->der) + "\n";
  absl::StatusOr<std::string> old = ReadFile(record.path);
  if (absl::IsNotFound(old.status())) {
    found.reason = Reason{"missing", "missing"};
  } else if (!old.ok()) {
    return old.status();
  } else if (*old != found.text) {
    found.reason = Reason{"content", "content differs"};
  }
  return found;
}

}  // namespace

absl::StatusOr<StepResult> FingerprintStep(const StepContext&, const FingerprintRecord& record) {
  absl::StatusOr<Found> found = LookAtFingerprint(record, Foreseen());
  if (!found.ok()) return found.status();
  StepResult result;
  result.digest = Sha256Hex(found->text);
  result.files = {record.path};
  if (!found->reason.has_value()) return result;
  result.reason = found->reason->text;
  if (absl::Status status = WriteFile(record.path, found->text, 0644); !status.ok()) return status;
  return result;
}

absl::StatusOr<Outlook> FingerprintLook(const LookContext& context, const FingerprintRecord& record) {
  absl::StatusOr<Found> found = LookAtFingerprint(record, context.foreseen);
  if (!found.ok()) return found.status();
  Outlook outlook;
  if (!found->text.empty()) outlook.digest = Sha256Hex(found->text);
  if (!found->reason.has_value()) return outlook;
  outlook.changes_digest = true;
  outlook.reasons.push_back(*std::move(found->reason));
  // For the looks of the steps that read it.
  ForeseenFile file;
  if (!found->text.empty()) file.content = std::move(found->text);
  outlook.files.emplace_back(record.path, std::move(file));
  return outlook;
}

}  // namespace kplan
