#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/base/usages.h"
#include "src/steps/artifact_file.h"
#include "src/steps/certificate.h"
#include "src/steps/certificate_check.h"
#include "src/steps/distinguished_name.h"
#include "src/steps/issue.h"
#include "src/steps/private_key.h"
#include "src/steps/step.h"

// A self-signed CA certificate. Record:
//   {"expiry":seconds,"key":"pki/ca-key.pem","kind":"ca-cert","path":"pki/ca.pem","subject":[...]}
// and, optionally, "renew-before": seconds. Digest: of the DER.
//
// Made again with the same key and subject (another expiry, or near its end) it takes nothing from the
// leaves: name and key identifier stay, so they verify under the new one as under the old one.

namespace kplan {
namespace {

constexpr uint16_t kUsage = kCertSign | kCrlSign;

std::string Difference(const Certificate& c, const X509_NAME* subject, const Lifetime& lifetime,
                       absl::Time now) {
  std::vector<std::string> reasons;
  if (!SameName(subject, c.subject.get())) {
    reasons.push_back(absl::StrCat("subject differs: spec ", NameText(subject), ", certificate ",
                                   NameText(c.subject.get())));
  }
  if (c.version != 3 || !c.is_ca || c.has_path_length) {
    reasons.emplace_back("basic constraints differ: spec a CA without path length");
  }
  if (c.key_usage != kUsage || !c.extended_key_usages.empty()) {
    reasons.push_back(absl::StrCat("usages differ: spec ", UsagesText(kUsage, {}), ", certificate ",
                                   UsagesText(c.key_usage, c.extended_key_usages)));
  }
  if (c.subject_key_id.empty()) reasons.emplace_back("it has no subject key identifier");
  if (!c.NamesAsIssuer(c) || !c.IsSignedBy(c)) reasons.emplace_back("its signature is not its own");
  if (std::string time = TimeDifference(c.validity(), lifetime, now); !time.empty())
    reasons.push_back(std::move(time));
  return absl::StrJoin(reasons, "; ");
}

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

}  // namespace

absl::StatusOr<StepResult> CaCertStep(const StepContext& context, const Record& record) {
  const std::string path = record.String("path");
  const std::string key_path = record.String("key");
  const StringPairs subject = record.Pairs("subject");
  Lifetime lifetime;
  lifetime.expiry = record.Int("expiry");
  if (record.Has("renew-before")) lifetime.renew_before = record.Int("renew-before");
  if (!record.status().ok()) return record.status();
  if (absl::Status status = CheckLifetime(lifetime); !status.ok()) return status;
  absl::StatusOr<NamePtr> name = MakeName(subject);
  if (!name.ok()) return name.status();
  absl::StatusOr<PrivateKey> key = PrivateKey::ReadUsable(key_path);
  if (!key.ok()) return key.status();

  StepResult result;
  result.files = {path};
  // What is on disk, and in result.reason why another one has to be made; empty when it is right, and when it
  // cannot be told.
  auto look = [&] {
    absl::StatusOr<Certificate> found = Certificate::Read(path);
    if (absl::IsNotFound(found.status())) {
      result.reason = "missing";
    } else if (absl::IsDataLoss(found.status())) {
      result.reason = "damaged";
    } else {
      bool ours = found.ok() && found->spki == key->spki();
      result.reason = ours ? Difference(*found, name->get(), lifetime, context.now) : "";
    }
    return found;
  };
  absl::StatusOr<Certificate> certificate = look();
  absl::StatusOr<FolderLock> lock = absl::NotFoundError("not needed yet");
  if (!result.reason.empty()) {
    // Another run may be making it at this moment: whoever comes second takes what the first one made.
    lock = FolderLock::Acquire(path);
    if (!lock.ok()) return lock.status();
    certificate = look();
  }
  if (!certificate.ok() && result.reason.empty()) return certificate.status();
  if (certificate.ok() && certificate->spki != key->spki()) return OtherKey(path, key_path);
  if (absl::IsDataLoss(certificate.status())) {
    absl::StatusOr<std::string> kept = SetAside(path);
    if (!kept.ok()) return kept.status();
    absl::StrAppend(&result.reason, " (what was there is kept as ", *kept, ")");
  }

  if (result.reason.empty()) {
    absl::StatusOr<std::string> mode = PublishFile(path);
    if (!mode.ok()) return mode.status();
    result.reason = *std::move(mode);
    result.digest = Sha256Hex(certificate->der);
    return result;
  }
  absl::StatusOr<std::string> serial = RandomSerial();
  if (!serial.ok()) return serial.status();
  absl::StatusOr<std::string> der =
      MakeCaCertificate(subject, *key, *serial, ValidityFrom(context.now, lifetime.expiry));
  if (!der.ok()) return der.status();
  absl::StatusOr<Certificate> made = Certificate::Parse(*der);
  if (!made.ok()) return made.status();
  if (std::string wrong = Difference(*made, name->get(), lifetime, context.now); !wrong.empty()) {
    return absl::InternalError(
        absl::StrCat("the certificate made for ", path, " fails its own check: ", wrong));
  }
  if (absl::Status status = WriteFile(path, made->ToPem(), 0644); !status.ok()) return status;
  result.digest = Sha256Hex(*der);
  return result;
}

}  // namespace kplan
