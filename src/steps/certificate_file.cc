#include "src/steps/certificate_file.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/artifact_file.h"
#include "src/steps/certificate.h"

namespace kplan {
namespace {

bool IsOtherCa(const CertificateSpec& spec, const Evidence& evidence, const Certificate& c) {
  return spec.extensions.is_ca && c.spki != *evidence.spki;
}

// The certificate on disk, and in *REASON why another one has to be made; empty when it is right, and when
// nothing may be made (it cannot be told what is there, or it is another CA's).
absl::StatusOr<Certificate> Look(const CertificateSpec& spec, const Evidence& evidence, std::string* reason) {
  absl::StatusOr<Certificate> found = Certificate::Read(spec.path);
  reason->clear();
  if (absl::IsNotFound(found.status())) {
    *reason = "missing";
  } else if (absl::IsDataLoss(found.status())) {
    *reason = "damaged";
  } else if (found.ok() && !IsOtherCa(spec, evidence, *found)) {
    *reason = Join(WhyStale(*found, spec, evidence));
  }
  return found;
}

// What the issuer signed is out in the world, until it expires or a CRL says otherwise; so it is not lost.
absl::Status KeepSuperseded(const CertificateSpec& spec, const Evidence& evidence, const Certificate& old) {
  if (spec.superseded.empty() || evidence.issuer == nullptr || !old.NamesAsIssuer(*evidence.issuer) ||
      !old.IsSignedBy(*evidence.issuer)) {
    return absl::OkStatus();
  }
  const std::string serial = absl::BytesToHexString(old.serial);
  const std::string path = absl::StrCat(spec.superseded, "/", absl::StripPrefix(serial, "0"), ".pem");
  return WriteFileIfChanged(path, old.ToPem(), 0644).status();
}

// DER, unless it is not the certificate that SPEC wants.
absl::StatusOr<Certificate> CheckMade(const CertificateSpec& spec, const Evidence& evidence,
                                      const std::string& der) {
  absl::StatusOr<Certificate> made = Certificate::Parse(der);
  if (!made.ok()) return made;
  std::vector<Reason> wrong = WhyStale(*made, spec, evidence);
  if (wrong.empty()) return made;
  return absl::InternalError(
      absl::StrCat("the certificate made for ", spec.path, " fails its own check: ", Join(wrong)));
}

}  // namespace

// A certificate of another key than the one on disk is never replaced, though it is public and the key is the
// more precious of the two. Either file may be the wrong one, and the two mistakes do not cost the same:
// refusing costs a person one `mv`; replacing it would make every host of a running cluster distrust every
// other while the new certificate spreads, because of a key restored from the wrong backup, and what the
// hosts trusted could not be made again without the old key.
absl::Status OtherKey(const std::string& path, const std::string& key_path) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is the certificate of another key than ", key_path,
                   ", so one of the two files is the wrong one; nothing was changed. Restore the key that "
                   "belongs to the certificate from a backup; or, if the "
                   "key is right, move the certificate away (every host has to trust the new one, and every "
                   "certificate is signed again)"));
}

absl::StatusOr<StepResult> KeepCertificate(const CertificateSpec& spec, const Evidence& evidence,
                                           absl::FunctionRef<absl::StatusOr<std::string>()> make) {
  StepResult result;
  result.files = {spec.path};
  absl::StatusOr<Certificate> made = absl::NotFoundError("not needed yet");
  absl::StatusOr<FolderLock> lock = absl::NotFoundError("not needed yet");
  absl::StatusOr<Certificate> certificate = Look(spec, evidence, &result.reason);
  if (!result.reason.empty()) {
    // Outside of the lock: the certificates of one folder are signed in parallel, and a CA key that is
    // encrypted takes its time to open. Another run may have been quicker: whoever comes second takes what
    // the first one made.
    absl::StatusOr<std::string> der = make();
    if (!der.ok()) return der.status();
    made = CheckMade(spec, evidence, *der);
    if (!made.ok()) return made.status();
    lock = FolderLock::Acquire(spec.path);
    if (!lock.ok()) return lock.status();
    certificate = Look(spec, evidence, &result.reason);
  }
  if (!certificate.ok() && result.reason.empty()) return certificate.status();
  if (certificate.ok() && IsOtherCa(spec, evidence, *certificate)) return OtherKey(spec.path, spec.key);
  if (result.reason.empty()) {
    absl::StatusOr<std::string> mode = PublishFile(spec.path);
    if (!mode.ok()) return mode.status();
    result.reason = *std::move(mode);
    result.digest = Sha256Hex(certificate->der);
    return result;
  }

  if (certificate.ok()) {
    if (absl::Status status = KeepSuperseded(spec, evidence, *certificate); !status.ok()) return status;
  } else if (spec.extensions.is_ca && absl::IsDataLoss(certificate.status())) {
    absl::StatusOr<std::string> kept = SetAside(spec.path);
    if (!kept.ok()) return kept.status();
    absl::StrAppend(&result.reason, " (what was there is kept as ", *kept, ")");
  }
  if (absl::Status status = WriteFile(spec.path, made->ToPem(), 0644); !status.ok()) return status;
  result.digest = Sha256Hex(made->der);
  return result;
}

}  // namespace kplan
