#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/artifact_file.h"
#include "src/pki/certificate.h"
#include "src/pki/der.h"
#include "src/pki/pkcs12.h"
#include "src/pki/private_key.h"
#include "src/step/certificate_changes.h"
#include "src/step/foresee.h"
#include "src/step/outlook.h"
#include "src/step/step.h"
#include "src/steps/pki/bundle_parts.h"

// A certificate together with what it is used with:
//   chain   PEM: the certificate and the CAs above it, nearest first, as TLS servers send them
//   bundle  PEM: the key in front of that, as HAProxy, MongoDB and etcd's --cert-file take it
//   pkcs12  pki/pkcs12.h, under the passphrase, with the friendly name
// Digest: of the DER of the public key (if there is one), the certificates, and the name.

namespace kplan {
namespace {

constexpr size_t kMaxFile = 1 << 20;

// Why the PEM file with the content OLD is not the one with PARTS in it.
std::vector<Reason> TextReasons(absl::string_view old, const BundleParts& parts, bool has_key) {
  const bool key_known = !has_key || !parts.key_pem.view().empty();
  const Secret wanted = BundleText(parts);
  if (key_known && parts.Known() && old == wanted.view()) return {};
  absl::StatusOr<std::vector<PemBlock>> was = ParsePem(old);
  const size_t own = has_key ? 1 : 0;  // where the certificate stands
  if (!was.ok() || was->size() <= own) return {{"damaged", "damaged"}};
  std::vector<Reason> reasons;
  if (has_key) {
    absl::StatusOr<std::vector<PemBlock>> key = ParsePem(parts.key_pem.view());
    if (!key_known || !key.ok() || (*was)[0].label != key->front().label ||
        (*was)[0].der.view() != key->front().der.view()) {
      reasons.push_back({"key", "key changed"});
    }
  }
  auto differs = [&](size_t i) {
    const PemBlock& block = (*was)[own + i];
    return !parts.exact[i] || block.label != "CERTIFICATE" || block.der.view() != parts.certificates[i]->der;
  };
  if (differs(0)) reasons.push_back({"certificate", "certificate changed"});
  bool issuers = was->size() != own + parts.certificates.size();
  for (size_t i = 1; !issuers && i < parts.certificates.size(); ++i) issuers = differs(i);
  if (issuers) reasons.push_back({"issuers", "issuers changed"});
  if (reasons.empty()) reasons.push_back({"text", "its text differs"});
  return reasons;
}

std::vector<std::string> DerOf(const BundleParts& parts) {
  std::vector<std::string> certificates;
  for (const auto& certificate : parts.certificates) certificates.push_back(certificate->der);
  return certificates;
}

std::vector<Reason> Pkcs12Reasons(absl::string_view old, const BundleSpec& spec, const BundleParts& parts) {
  absl::StatusOr<Pkcs12Content> content = OpenPkcs12(old, parts.passphrase.view());
  if (absl::IsDataLoss(content.status())) return {{"damaged", "damaged"}};
  if (absl::IsPermissionDenied(content.status())) {
    return {{"passphrase",
             absl::StrCat("passphrase changed (", spec.passphrase.Text(), " does not open it), or damaged")}};
  }
  if (!content.ok()) return {{"form", std::string(content.status().message())}};
  std::vector<Reason> reasons;
  if (content->spki != parts.key->spki()) reasons.push_back({"key", "key changed"});
  const std::vector<std::string> certificates = DerOf(parts);
  if (content->certificates.empty() || content->certificates.front() != certificates.front()) {
    reasons.push_back({"certificate", "certificate changed"});
  } else if (content->certificates != certificates) {
    reasons.push_back({"issuers", "issuers changed"});
  }
  if (content->name != spec.name) reasons.push_back({"name", "name changed"});
  return reasons;
}

// The same for a look, which opens no file that needs a passphrase: all that is known of it is whether it is
// damaged outside, and what the steps before will change in it.
std::vector<Reason> ShutPkcs12Reasons(absl::string_view old, const BundleParts& parts) {
  absl::Status status = CheckPkcs12(old);
  if (absl::IsDataLoss(status)) return {{"damaged", "damaged"}};
  if (!status.ok()) return {{"form", std::string(status.message())}};
  std::vector<Reason> reasons;
  if (parts.key_anew) reasons.push_back({"key", "key changed"});
  if (!parts.exact.front()) {
    reasons.push_back({"certificate", "certificate changed"});
  } else if (!parts.Known()) {
    reasons.push_back({"issuers", "issuers changed"});
  }
  return reasons;
}

// What is in the bundle's place.
struct Found {
  Secret old;
  std::vector<Reason> reasons;  // why the file has to be written
};

// SHUT: without the passphrase of a PKCS#12 file.
absl::StatusOr<Found> Look(const BundleSpec& spec, const BundleParts& parts, bool shut) {
  Found found;
  absl::StatusOr<std::string> bytes = ReadFile(spec.path, kMaxFile);
  if (absl::IsNotFound(bytes.status())) {
    found.reasons = {{"missing", "missing"}};
    return found;
  }
  if (absl::IsOutOfRange(bytes.status())) {
    found.reasons = {{"damaged", "damaged"}};
    return found;
  }
  if (!bytes.ok()) return bytes.status();
  found.old = Secret(*std::move(bytes));
  if (!spec.IsPkcs12()) {
    found.reasons = TextReasons(found.old.view(), parts, spec.HasKey());
  } else if (shut) {
    found.reasons = ShutPkcs12Reasons(found.old.view(), parts);
  } else {
    found.reasons = Pkcs12Reasons(found.old.view(), spec, parts);
  }
  return found;
}

// The digest of the bundle of this PUBLIC part.
std::string DigestOf(const BundleSpec& spec, absl::string_view public_part) {
  return Sha256Hex(absl::StrCat(public_part, spec.name));
}

// What is in the PEM file OLD in the place of each part. A look compares it with what will be.
struct Replaced {
  std::string public_part;                 // as BundleParts::PublicPart
  std::optional<PrivateKey> key;           // null: there is none that can be read
  std::optional<Certificate> certificate;  // likewise
};

Replaced ReadReplaced(absl::string_view old) {
  Replaced replaced;
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(old);
  if (!blocks.ok()) return replaced;
  absl::StatusOr<PrivateKey> key = PrivateKey::Parse(old);
  if (key.ok() && key->usable()) {
    replaced.public_part = key->spki();
    replaced.key = *std::move(key);
  }
  for (const PemBlock& block : *blocks) {
    if (block.label != "CERTIFICATE") continue;
    absl::StrAppend(&replaced.public_part, block.der.view());
    if (replaced.certificate.has_value()) continue;
    absl::StatusOr<Certificate> certificate = Certificate::Parse(block.der.view());
    if (certificate.ok()) replaced.certificate = *std::move(certificate);
  }
  return replaced;
}

std::vector<Change> ChangesOf(const Replaced& old, const BundleParts& parts) {
  std::vector<Change> changes;
  const Certificate* certificate = parts.certificates.front().get();
  if (old.certificate.has_value() && certificate != nullptr) {
    changes = CertificateChanges(*old.certificate, *certificate);
  } else if (old.certificate.has_value() || old.key.has_value()) {
    const std::string& spki = old.certificate.has_value() ? old.certificate->spki : old.key->spki();
    changes.push_back({"key", KeyFingerprint(spki), kNewKey});
  }
  return changes;
}

absl::Status WriteBundle(const BundleSpec& spec, const BundleParts& parts) {
  if (!spec.IsPkcs12()) return WriteFile(spec.path, BundleText(parts).view(), spec.HasKey() ? 0600 : 0644);
  absl::StatusOr<std::string> der = MakePkcs12(*parts.key, DerOf(parts), spec.name, parts.passphrase.view());
  if (!der.ok()) return der.status();
  if (std::vector<Reason> wrong = Pkcs12Reasons(*der, spec, parts); !wrong.empty()) {
    return absl::InternalError(
        absl::StrCat("the file made for ", spec.path, " fails its own check: ", Join(wrong)));
  }
  return WriteFile(spec.path, *der, 0600);
}

}  // namespace

absl::StatusOr<StepResult> BundleStep(const StepContext&, const BundleRecord& record) {
  absl::StatusOr<BundleSpec> spec = ReadBundleSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<BundleParts> parts = ReadBundleParts(*spec, Foreseen());
  if (!parts.ok()) return parts.status();
  if (spec->IsPkcs12()) {
    absl::StatusOr<Secret> passphrase = ReadPkcs12Passphrase(*spec);
    if (!passphrase.ok()) return passphrase.status();
    parts->passphrase = *std::move(passphrase);
  }

  StepResult result;
  result.files = {spec->path};
  result.digest = DigestOf(*spec, parts->PublicPart());
  absl::StatusOr<Found> found = Look(*spec, *parts, /*shut=*/false);
  absl::StatusOr<FolderLock> lock = absl::NotFoundError("not needed yet");
  if (found.ok() && !found->reasons.empty()) {
    // Another run may be making it at this moment: whoever comes second takes what the first one made.
    lock = FolderLock::Acquire(spec->path);
    if (!lock.ok()) return lock.status();
    found = Look(*spec, *parts, /*shut=*/false);
  }
  if (!found.ok()) return found.status();
  if (!found->reasons.empty()) {
    if (absl::Status status = WriteBundle(*spec, *parts); !status.ok()) return status;
  }
  absl::StatusOr<std::string> mode = spec->HasKey() ? ProtectKeyFile(spec->path) : PublishFile(spec->path);
  if (!mode.ok()) return mode.status();
  result.reason = JoinReasons(Join(found->reasons), *mode);
  return result;
}

absl::StatusOr<Outlook> BundleLook(const LookContext& context, const BundleRecord& record) {
  absl::StatusOr<BundleSpec> spec = ReadBundleSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<BundleParts> parts = ReadBundleParts(*spec, context.foreseen);
  if (!parts.ok()) return parts.status();
  absl::StatusOr<Found> found = Look(*spec, *parts, /*shut=*/true);
  if (!found.ok()) return found.status();

  Outlook outlook;
  if (parts->Known()) outlook.digest = DigestOf(*spec, parts->PublicPart());
  if (found->reasons.empty()) {
    absl::Status status = AddFileDifferences(
        spec->HasKey() ? KeyFileDifferences(spec->path) : PublicFileDifferences(spec->path), "", &outlook);
    if (!status.ok()) return status;
    return outlook;
  }
  outlook.reasons = std::move(found->reasons);
  outlook.changes_digest = true;
  ForeseenFile file;
  if (spec->form == "chain") {
    file.certificate = parts->certificates.front();
    if (parts->Known()) file.content = std::string(BundleText(*parts).view());
  }
  outlook.files.emplace_back(spec->path, std::move(file));
  if (spec->IsPkcs12()) return outlook;
  const Replaced old = ReadReplaced(found->old.view());
  outlook.changes_digest = outlook.digest.empty() || outlook.digest != DigestOf(*spec, old.public_part);
  outlook.changes = ChangesOf(old, *parts);
  return outlook;
}

}  // namespace kplan
