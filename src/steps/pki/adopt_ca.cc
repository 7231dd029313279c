#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/artifact_file.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_policy.h"
#include "src/pki/certificate_spec.h"
#include "src/pki/private_key.h"
#include "src/pki/verifier_objections.h"
#include "src/step/certificate_changes.h"
#include "src/step/foresee.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/pki/certificate_wish.h"

// A CA that was there before kplan: its certificate is copied, its key used where it is.
//
// Digest: of the DER. Both given files are their owner's: they are checked, and never changed.

namespace kplan {
namespace {

// Who can read a CA's key can sign in its name.
absl::Status CheckProtection(const std::string& key) {
  struct stat info, folder;
  if (stat(key.c_str(), &info) != 0)
    return ErrnoStatus(errno, absl::StrCat("cannot look at the CA key ", key));
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the CA key %s has mode %04o, so that others than its owner may use it; run chmod "
                        "600 %s, and think about whether they have",
                        key, info.st_mode & 07777, key));
  }
  // As for kplan's own keys the owner may be we, root, or whoever the folder belongs to (a run with sudo).
  if (info.st_uid == geteuid() || info.st_uid == 0 ||
      (stat(FolderOf(key).c_str(), &folder) == 0 && folder.st_uid == info.st_uid)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("the CA key ", key, " belongs to the user ", info.st_uid,
                                                    ", who is a stranger in its folder; chown it"));
}

absl::StatusOr<Certificate> ReadGiven(const CertificateSpec& spec) {
  absl::StatusOr<Certificate> certificate = Certificate::Read(spec.from);
  if (absl::IsDataLoss(certificate.status()) || absl::IsFailedPrecondition(certificate.status())) {
    return absl::Status(
        certificate.status().code(),
        absl::StrCat("the CA certificate ", spec.from,
                     " has to be one certificate in PEM, and nothing else in the file but text (",
                     certificate.status().message(), ")"));
  }
  return certificate;
}

// A CA of its user's that can be used.
struct Given {
  Certificate certificate;
  std::string output;  // for the person; usually empty
};

// SPEC's, when nothing is wrong with it; EVIDENCE has the key, unless somebody else has it or it is shut.
absl::StatusOr<Given> CheckGiven(const CertificateSpec& spec, Certificate certificate,
                                 const Evidence& evidence) {
  Given given;
  std::vector<Reason> reasons = WhyStale(certificate, spec, evidence);
  const std::vector<Objection> objections = ObjectionsTo(certificate);
  if (!reasons.empty() && reasons.back().name == kExpiresSoon) {
    given.output = absl::StrCat(spec.from, " ", reasons.back().text,
                                "; kplan cannot renew a CA that it did not make: put another certificate of "
                                "the same key and subject there in time");
    reasons.pop_back();
  }
  // What OpenSSL cannot read nobody here could use.
  if (!objections.empty() && objections[0].property == "encoding") {
    reasons.push_back({objections[0].property, objections[0].what});
  } else if (!objections.empty()) {
    absl::StrAppend(&given.output, given.output.empty() ? "" : "\n", spec.from,
                    " is a CA that not everybody takes: ", ObjectionsText(objections));
  }
  if (!reasons.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(spec.from, spec.key.empty() ? "" : absl::StrCat(" (key ", spec.key, ")"),
                     " cannot be used as a CA: ", Join(reasons)));
  }
  given.certificate = std::move(certificate);
  return given;
}

// What is in PATH.
struct Found {
  std::vector<Reason> reasons;        // why it is not a copy of the one given
  std::optional<Certificate> before;  // none when it is missing or damaged
};

absl::StatusOr<Found> Look(const CertificateSpec& spec, const Certificate& given) {
  absl::StatusOr<Certificate> copy = Certificate::Read(spec.path);
  Found found;
  if (absl::IsNotFound(copy.status())) {
    found.reasons = {{"missing", "missing"}};
    return found;
  }
  if (absl::IsDataLoss(copy.status())) {
    found.reasons = {{"damaged", "damaged"}};
    return found;
  }
  if (!copy.ok()) return copy.status();
  if (copy->spki != given.spki) {
    return absl::FailedPreconditionError(absl::StrCat(
        spec.path, " is the certificate of another key than ", spec.from,
        ", and so of another CA; nothing was changed. If the CA is to be another one, move ", spec.path,
        " away (every host has to trust the new one, and every certificate is signed again)"));
  }
  if (copy->der != given.der) found.reasons = {{"source", absl::StrCat("differs from ", spec.from)}};
  found.before = *std::move(copy);
  return found;
}

absl::StatusOr<std::string> Publish(const CertificateSpec& spec, const Certificate& given) {
  absl::StatusOr<FolderLock> lock = FolderLock::Acquire(spec.path);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<Found> found = Look(spec, given);
  if (!found.ok()) return found.status();
  std::string reason = Join(found->reasons);
  if (reason.empty()) return reason;
  if (found->reasons.front().name == "damaged") {
    absl::StatusOr<std::string> kept = SetAside(spec.path);
    if (!kept.ok()) return kept.status();
    absl::StrAppend(&reason, " (what was there is kept as ", *kept, ")");
  }
  if (absl::Status status = WriteFile(spec.path, given.ToPem(), 0644); !status.ok()) return status;
  return reason;
}

}  // namespace

absl::StatusOr<StepResult> AdoptCaStep(const StepContext& context, const AdoptCaRecord& record) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpecOf(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<Certificate> certificate = ReadGiven(*spec);
  if (!certificate.ok()) return certificate.status();
  Evidence evidence;
  evidence.now = context.now;
  std::string spki;
  if (!spec->key.empty()) {
    if (absl::Status status = CheckProtection(spec->key); !status.ok()) return status;
    absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(spec->key, spec->passphrase);
    if (!key.ok()) return key.status();
    spki = key->spki();
    evidence.spki = &spki;
  }
  absl::StatusOr<Given> given = CheckGiven(*spec, *std::move(certificate), evidence);
  if (!given.ok()) return given.status();

  StepResult result;
  result.output = std::move(given->output);
  absl::StatusOr<Found> found = Look(*spec, given->certificate);
  if (!found.ok()) return found.status();
  absl::StatusOr<std::string> reason = "";
  if (!found->reasons.empty()) {
    reason = Publish(*spec, given->certificate);
  } else if (spec->from != spec->path) {
    reason = PublishFile(spec->path);
  }
  if (!reason.ok()) return reason.status();
  result.reason = *std::move(reason);
  result.digest = Sha256Hex(given->certificate.der);
  result.files = {spec->from};
  if (spec->path != spec->from) result.files.push_back(spec->path);
  return result;
}

absl::StatusOr<Outlook> AdoptCaLook(const LookContext& context, const AdoptCaRecord& record) {
  absl::StatusOr<CertificateSpec> spec = CertificateSpecOf(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<Certificate> certificate = ReadGiven(*spec);
  if (!certificate.ok()) return certificate.status();
  Evidence evidence;
  evidence.now = context.now;
  absl::StatusOr<SeenKey> key = SeenKey();
  if (!spec->key.empty()) {
    // One that is elsewhere (look/notes.h) is protected there, or is not.
    const bool here = context.foreseen.Find(spec->key) == nullptr;
    if (absl::Status status = here ? CheckProtection(spec->key) : absl::OkStatus(); !status.ok())
      return status;
    key = SeeKey(spec->key, spec->passphrase, context.foreseen);
    if (!key.ok()) return key.status();
    evidence.spki = key->known();
  }
  absl::StatusOr<Given> given = CheckGiven(*spec, *std::move(certificate), evidence);
  if (!given.ok()) return given.status();
  absl::StatusOr<Found> found = Look(*spec, given->certificate);
  if (!found.ok()) return found.status();

  Outlook outlook;
  outlook.note = std::move(given->output);
  outlook.digest = Sha256Hex(given->certificate.der);
  if (found->reasons.empty()) {
    if (spec->from == spec->path) return outlook;
    absl::Status status = AddFileDifferences(PublicFileDifferences(spec->path), "", &outlook);
    if (!status.ok()) return status;
    return outlook;
  }
  outlook.reasons = std::move(found->reasons);
  outlook.changes_digest = true;
  if (found->before.has_value()) {
    outlook.changes = CertificateChanges(*found->before, given->certificate);
  }
  ForeseenFile file;
  file.content = given->certificate.ToPem();
  file.certificate = std::make_shared<const Certificate>(std::move(given->certificate));
  outlook.files.emplace_back(spec->path, std::move(file));
  return outlook;
}

}  // namespace kplan
