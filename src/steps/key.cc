#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/artifact_file.h"
#include "src/steps/private_key.h"
#include "src/steps/step.h"

// A private key. Record:
//   {"algo":"rsa|ecdsa","ca":bool,"certificate":"pki/ca.pem","kind":"key","path":"pki/ca-key.pem","size":bits}
// "ca" is the promise that this file is never replaced; "certificate", of a CA, is where its certificate is.
// Digest: of the SubjectPublicKeyInfo.

namespace kplan {
namespace {

struct Spec {
  std::string path, algo, certificate;
  int size = 0;
  bool ca = false;
  std::string kind() const { return KeyKind(algo, size); }
};

// What is on disk: the right key, or why another has to be made.
struct Found {
  std::optional<PrivateKey> key;
  std::string reason;
  bool exists = false, damaged = false;
};

// Whether a CA key that is not there may be made. A run that is killed leaves a key without its certificate,
// never the other way about; a certificate alone means that the key was lost, or is kept elsewhere, and a new
// key would quietly begin another CA under the same name while the old one is trusted on every host.
absl::Status CheckNewCaKey(const Spec& spec) {
  struct stat info;
  if (lstat(spec.certificate.c_str(), &info) != 0) return absl::OkStatus();
  if (lstat(spec.path.c_str(), &info) == 0) return absl::OkStatus();  // another run has just made both
  return absl::FailedPreconditionError(absl::StrCat(
      spec.path, " is missing, but the CA certificate ", spec.certificate,
      " is there; a CA key is never made a second time. Restore the key from a backup; to begin a new CA, "
      "move the "
      "certificate away too (every host has to trust the new one, and every certificate is signed again)"));
}

absl::Status OtherKindOfCaKey(const Spec& spec, const std::string& kind) {
  return absl::FailedPreconditionError(
      absl::StrCat(spec.path, " holds a key of kind ", kind, ", and the spec asks for ", spec.kind(),
                   "; a CA key is never replaced. Either put ", kind,
                   " back into the spec, or rotate: give the new CA another name (a generation in its CN) "
                   "and files of its own, let every host trust both "
                   "certificates while the leaves are signed again, and only then drop the old one"));
}

absl::StatusOr<Found> Look(const Spec& spec) {
  Found found;
  absl::StatusOr<PrivateKey> key = PrivateKey::Read(spec.path);
  if (absl::IsNotFound(key.status())) {
    struct stat info;
    if (lstat(spec.path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
      return absl::FailedPreconditionError(absl::StrCat(
          spec.path,
          " is a symbolic link to a file that is not there; mount what it points to, or remove the link"));
    }
    found.reason = "missing";
    if (spec.ca) {
      if (absl::Status status = CheckNewCaKey(spec); !status.ok()) return status;
    }
    return found;
  }
  found.exists = true;
  if (absl::IsDataLoss(key.status())) {
    if (spec.ca) {
      return absl::DataLossError(
          absl::StrCat(key.status().message(),
                       ". A CA key is never overwritten: restore it from a backup; to begin a new CA, move ",
                       spec.path, " and its certificate away"));
    }
    found.reason = "damaged";
    found.damaged = true;
    return found;
  }
  if (!key.ok()) return key.status();  // no permission, encrypted: nothing is known to be wrong with the key
  if (key->kind() != spec.kind()) {
    if (spec.ca) return OtherKindOfCaKey(spec, key->kind());
    found.reason = absl::StrCat("spec asks for ", spec.kind(), ", the file holds ", key->kind());
    return found;
  }
  found.key = *std::move(key);
  return found;
}

absl::StatusOr<StepResult> Adopt(const Spec& spec, const PrivateKey& key, const std::string& reason) {
  absl::StatusOr<std::string> protection = ProtectKeyFile(spec.path);
  if (!protection.ok()) return protection.status();
  StepResult result;
  result.digest = Sha256Hex(key.spki());
  result.files = {spec.path};
  result.reason = JoinReasons(reason, *protection);
  return result;
}

}  // namespace

absl::StatusOr<StepResult> KeyStep(const StepContext&, const Record& record) {
  Spec spec;
  spec.path = record.String("path");
  spec.algo = record.String("algo");
  spec.size = static_cast<int>(std::clamp<int64_t>(record.Int("size"), 0, 1 << 20));
  spec.ca = record.Bool("ca");
  if (spec.ca) spec.certificate = record.String("certificate");
  if (!record.status().ok()) return record.status();

  absl::StatusOr<Found> found = Look(spec);
  if (!found.ok()) return found.status();
  if (found->key.has_value()) return Adopt(spec, *found->key, "");

  // Outside of the lock: it takes long, and the keys of one folder are made in parallel.
  absl::StatusOr<PrivateKey> key = PrivateKey::Generate(spec.algo, spec.size);
  if (!key.ok()) return key.status();
  absl::StatusOr<Secret> pem = key->ToPem();
  if (!pem.ok()) return pem.status();

  absl::StatusOr<FolderLock> lock = FolderLock::Acquire(spec.path);
  if (!lock.ok()) return lock.status();
  found = Look(spec);  // another run may have been quicker: its key is as good, and may be in use already
  if (!found.ok()) return found.status();
  if (found->key.has_value()) return Adopt(spec, *found->key, "");
  std::string reason = found->reason;
  if (found->damaged) {
    absl::StatusOr<std::string> kept = SetAside(spec.path);
    if (!kept.ok()) return kept.status();
    if (absl::StatusOr<std::string> status = ProtectKeyFile(*kept); !status.ok()) return status.status();
    absl::StrAppend(&reason, " (what was there is kept as ", *kept, ")");
    found->exists = false;
  }
  absl::Status written =
      WriteFile(spec.path, pem->view(), 0600, found->exists ? Overwrite::kYes : Overwrite::kNo);
  if (absl::IsAlreadyExists(
          written)) {  // written by something that takes no lock, a restore from backup for one
    found = Look(spec);
    if (!found.ok()) return found.status();
    if (found->key.has_value()) return Adopt(spec, *found->key, "");
  }
  if (!written.ok()) return written;
  return Adopt(spec, *key, reason);
}

}  // namespace kplan
