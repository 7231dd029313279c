#include "src/steps/pki/certificate_file.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/artifact_file.h"
#include "src/step/certificate_changes.h"
#include "src/step/foresee.h"

namespace kplan {
namespace {

bool IsOtherCa(const CertificateSpec& spec, const Evidence& evidence, const Certificate& c) {
  return spec.extensions.is_ca &&
         (evidence.key_anew || (evidence.spki != nullptr && c.spki != *evidence.spki));
}

// What is in the place of a certificate.
struct Found {
  std::optional<Certificate> certificate;  // none when it is missing or damaged
  bool damaged = false;
  std::vector<Reason> reasons;  // why another one has to be made; empty: it is the right one
};

// Errors: it cannot be told what is there, or it is another CA's, and nothing may be made.
absl::StatusOr<Found> Look(const CertificateSpec& spec, const Evidence& evidence) {
  absl::StatusOr<Certificate> certificate = Certificate::Read(spec.path);
  Found found;
  if (absl::IsNotFound(certificate.status())) {
    found.reasons = {{"missing", "missing"}};
  } else if (absl::IsDataLoss(certificate.status())) {
    found.damaged = true;
    found.reasons = {{"damaged", "damaged"}};
  } else if (!certificate.ok()) {
    return certificate.status();
  } else if (IsOtherCa(spec, evidence, *certificate)) {
    return OtherKey(spec.path, spec.key);
  } else {
    found.reasons = WhyStale(*certificate, spec, evidence);
    found.certificate = *std::move(certificate);
  }
  return found;
}

// Where OLD is kept when it is replaced; empty: nowhere. What the issuer signed is out in the world, until it
// expires or a CRL says otherwise; so it is not lost.
std::string SupersededPath(const CertificateSpec& spec, const Evidence& evidence, const Certificate& old) {
  if (spec.superseded.empty() || evidence.issuer == nullptr || !old.NamesAsIssuer(*evidence.issuer) ||
      !old.IsSignedBy(*evidence.issuer)) {
    return "";
  }
  const std::string serial = absl::BytesToHexString(old.serial);
  return absl::StrCat(spec.superseded, "/", absl::StripPrefix(serial, "0"), ".pem");
}

// An error unless MADE is the certificate that SPEC wants.
absl::Status CheckMade(const CertificateSpec& spec, const Evidence& evidence, const Certificate& made) {
  std::vector<Reason> wrong = WhyStale(made, spec, evidence);
  if (wrong.empty()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the certificate made for ", spec.path, " fails its own check: ", Join(wrong)));
}

// What a look says of FOUND, which is stale, and of what is to be MADE.
void AddChanges(const Found& found, const Evidence& evidence, const std::optional<ToBeMade>& made,
                Outlook* outlook) {
  if (!found.certificate.has_value()) return;
  if (made.has_value()) outlook->changes = CertificateChanges(*found.certificate, made->certificate);
  if (made.has_value() && !made->key_known) {
    auto is_key = [](const Change& change) { return change.what == "key"; };
    outlook->changes.erase(std::remove_if(outlook->changes.begin(), outlook->changes.end(), is_key),
                           outlook->changes.end());
  }
  if (evidence.key_anew) {
    outlook->changes.push_back({"key", KeyFingerprint(found.certificate->spki), kNewKey});
  }
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
                   "belongs to the certificate from a backup; or, if the key is right, move the certificate "
                   "away (every host has to trust the new one, and every certificate is signed again)"));
}

absl::StatusOr<StepResult> KeepCertificate(const CertificateSpec& spec, const Evidence& evidence,
                                           absl::FunctionRef<absl::StatusOr<std::string>()> make) {
  StepResult result;
  result.files = {spec.path};
  absl::StatusOr<Certificate> made = absl::NotFoundError("not needed yet");
  absl::StatusOr<FolderLock> lock = absl::NotFoundError("not needed yet");
  absl::StatusOr<Found> found = Look(spec, evidence);
  if (found.ok() && !found->reasons.empty()) {
    // Outside of the lock: the certificates of one folder are signed in parallel, and a CA key that is
    // encrypted takes its time to open. Another run may have been quicker: whoever comes second takes what
    // the first one made.
    absl::StatusOr<std::string> der = make();
    if (!der.ok()) return der.status();
    made = Certificate::Parse(*der);
    if (!made.ok()) return made.status();
    if (absl::Status status = CheckMade(spec, evidence, *made); !status.ok()) return status;
    lock = FolderLock::Acquire(spec.path);
    if (!lock.ok()) return lock.status();
    found = Look(spec, evidence);
  }
  if (!found.ok()) return found.status();
  if (found->reasons.empty()) {
    absl::StatusOr<std::string> mode = PublishFile(spec.path);
    if (!mode.ok()) return mode.status();
    result.reason = *std::move(mode);
    result.digest = Sha256Hex(found->certificate->der);
    return result;
  }

  result.reason = Join(found->reasons);
  if (found->certificate.has_value()) {
    const Certificate& old = *found->certificate;
    if (std::string path = SupersededPath(spec, evidence, old); !path.empty()) {
      absl::StatusOr<bool> kept = WriteFileIfChanged(path, old.ToPem(), 0644);
      if (!kept.ok()) return kept.status();
    }
  } else if (spec.extensions.is_ca && found->damaged) {
    absl::StatusOr<std::string> kept = SetAside(spec.path);
    if (!kept.ok()) return kept.status();
    absl::StrAppend(&result.reason, " (what was there is kept as ", *kept, ")");
  }
  if (absl::Status status = WriteFile(spec.path, made->ToPem(), 0644); !status.ok()) return status;
  result.digest = Sha256Hex(made->der);
  return result;
}

absl::StatusOr<Outlook> LookAtCertificate(
    const CertificateSpec& spec, const Evidence& evidence,
    absl::FunctionRef<absl::StatusOr<std::optional<ToBeMade>>(const Certificate* found)> foresee) {
  absl::StatusOr<Found> found = Look(spec, evidence);
  if (!found.ok()) return found.status();
  Outlook outlook;
  if (found->reasons.empty()) {
    outlook.digest = Sha256Hex(found->certificate->der);
    absl::Status status = AddFileDifferences(PublicFileDifferences(spec.path), "", &outlook);
    if (!status.ok()) return status;
    return outlook;
  }

  absl::StatusOr<std::optional<ToBeMade>> made =
      foresee(found->certificate.has_value() ? &*found->certificate : nullptr);
  if (!made.ok()) return made.status();
  if (made->has_value()) {
    Evidence own = evidence;
    own.spki = &(*made)->certificate.spki;
    own.key_anew = false;
    if (absl::Status status = CheckMade(spec, own, (*made)->certificate); !status.ok()) return status;
  }
  outlook.changes_digest = true;
  AddChanges(*found, evidence, *made, &outlook);
  outlook.reasons = std::move(found->reasons);
  ForeseenFile file;
  if (made->has_value() && (*made)->key_known) {
    file.certificate = std::make_shared<const Certificate>(std::move((*made)->certificate));
  }
  outlook.files.emplace_back(spec.path, std::move(file));
  if (!found->certificate.has_value()) return outlook;
  const Certificate& old = *found->certificate;
  if (std::string path = SupersededPath(spec, evidence, old); !path.empty()) {
    ForeseenFile kept;
    kept.content = old.ToPem();
    outlook.files.emplace_back(std::move(path), std::move(kept));
  }
  return outlook;
}

}  // namespace kplan
