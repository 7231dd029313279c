#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/host/artifact_file.h"
#include "src/pki/certificate.h"
#include "src/pki/certificate_check.h"
#include "src/pki/der.h"
#include "src/pki/key_text.h"
#include "src/pki/passphrase.h"
#include "src/pki/pkcs12.h"
#include "src/pki/private_key.h"
#include "src/step/certificate_changes.h"
#include "src/step/foresee.h"
#include "src/step/outlook.h"
#include "src/step/step.h"

// A certificate together with what it is used with:
//   chain   PEM: the certificate and the CAs above it, nearest first, as TLS servers send them
//   bundle  PEM: the key in front of that, as HAProxy, MongoDB and etcd's --cert-file take it
//   pkcs12  pki/pkcs12.h, under the passphrase, with the friendly name
// Digest: of the DER of the public key
// (if there is one), the certificates, and the name.

namespace kplan {
namespace {

constexpr size_t kMaxFile = 1 << 20;

struct Spec {
  std::string path, form, certificate, key, name;
  std::vector<std::string> issuers;
  PassphraseSource passphrase;

  bool HasKey() const { return form != "chain"; }
  bool IsPkcs12() const { return form == "pkcs12"; }
};

// What goes into the file. Of a look some of it may not be known yet: it will be another one than there is.
struct Parts {
  std::vector<std::shared_ptr<const Certificate>> certificates;  // null: of a key that is not made yet
  std::vector<bool> exact;  // as certificates: whether they are known to the byte
  std::optional<PrivateKey> key;
  bool key_anew = false;
  Secret key_pem;     // its block as it stands in its file; empty when it will stand there in another way
  Secret passphrase;  // of a PKCS#12 file

  // Of what is known to the byte.
  bool Known() const { return !key_anew && std::find(exact.begin(), exact.end(), false) == exact.end(); }
  std::string PublicPart() const {
    std::string all = key.has_value() ? key->spki() : "";
    for (const auto& certificate : certificates) absl::StrAppend(&all, certificate->der);
    return all;
  }
};

absl::StatusOr<Spec> ReadSpec(const BundleRecord& record) {
  Spec spec;
  spec.path = record.path;
  spec.form = record.form;
  spec.certificate = record.cert;
  spec.issuers = record.issuers;
  if (spec.form != "chain" && spec.form != "bundle" && spec.form != "pkcs12") {
    return absl::InvalidArgumentError(absl::StrCat("there is no form \"", spec.form, "\" of a bundle"));
  }
  if (absl::Status status = record.Complete(); !status.ok()) return status;
  if (spec.HasKey()) spec.key = record.key;
  if (spec.IsPkcs12()) spec.name = record.name;
  spec.passphrase = record.passphrase;
  return spec;
}

// The private key's block out of the file TEXT, in which PrivateKey has found one: without the explanatory
// text and the parameters that may stand in front of it (RFC 7468 5.2), which some readers trip over.
Secret KeyBlock(absl::string_view text) {
  size_t begin = 0;
  for (;; ++begin) {
    begin = text.find("-----BEGIN ", begin);
    if (begin == absl::string_view::npos) return Secret();
    absl::string_view line = text.substr(begin, text.find('\n', begin) - begin);
    if ((begin == 0 || text[begin - 1] == '\n') && absl::StrContains(line, "PRIVATE KEY-----")) break;
  }
  size_t end = text.find("-----END ", begin);
  if (end == absl::string_view::npos) return Secret();
  absl::string_view block = text.substr(begin, text.find('\n', end) - begin);
  if (absl::EndsWith(block, "\r")) block.remove_suffix(1);
  return Secret(absl::StrCat(block, "\n"));
}

// The passphrase of a PKCS#12 file, which nothing but the file itself is opened with.
absl::StatusOr<Secret> ReadPkcs12Passphrase(const Spec& spec) {
  absl::StatusOr<Secret> passphrase = ReadPassphrase(spec.passphrase);
  if (!passphrase.ok()) return passphrase.status();
  if (!IsPkcs12Passphrase(passphrase->view())) {
    return absl::FailedPreconditionError(
        absl::StrCat(spec.passphrase.Text(),
                     " has characters that are not printable ASCII, and Java and others "
                     "would not open ",
                     spec.path, " with it; take another passphrase"));
  }
  return passphrase;
}

absl::Status ReadCertificates(const Spec& spec, const Foreseen& foreseen, Parts* parts) {
  std::vector<std::string> paths = {spec.certificate};
  paths.insert(paths.end(), spec.issuers.begin(), spec.issuers.end());
  for (size_t i = 0; i < paths.size(); ++i) {
    absl::StatusOr<std::shared_ptr<const Certificate>> read = SeeCertificate(paths[i], foreseen);
    if (!read.ok()) return read.status();
    const Certificate* below = i > 0 ? parts->certificates.back().get() : nullptr;
    const Certificate* certificate = read->get();
    if (below != nullptr && certificate != nullptr &&
        (!certificate->is_ca || !below->NamesAsIssuer(*certificate) || !below->IsSignedBy(*certificate))) {
      return absl::FailedPreconditionError(
          absl::StrCat(paths[i - 1], " was not signed by ", paths[i],
                       ", so that no chain comes of the two; run ninja to sign it again"));
    }
    const ForeseenFile* file = foreseen.Find(paths[i]);
    parts->exact.push_back(file == nullptr || (certificate != nullptr && file->content.has_value()));
    parts->certificates.push_back(*std::move(read));
  }
  return absl::OkStatus();
}

absl::Status NotItsKey(const Spec& spec) {
  return absl::FailedPreconditionError(absl::StrCat(spec.key, " is not the key of the certificate ",
                                                    spec.certificate, "; run ninja to sign it again"));
}

absl::Status ReadKey(const Spec& spec, const Foreseen& foreseen, Parts* parts) {
  const Certificate* certificate = parts->certificates.front().get();
  const ForeseenFile* file = foreseen.Find(spec.key);
  if (file != nullptr && file->spki.empty()) {
    parts->key_anew = true;
    return certificate == nullptr ? absl::OkStatus() : NotItsKey(spec);
  }
  Secret text;
  absl::StatusOr<PrivateKey> key = PrivateKey::Read(spec.key, {}, &text);
  if (!key.ok()) return key.status();
  if (!key->usable()) {
    return absl::FailedPreconditionError(
        absl::StrCat(spec.key, " holds a key of the kind ", key->kind(), ", which kplan cannot use"));
  }
  if (certificate != nullptr && key->spki() != certificate->spki) return NotItsKey(spec);
  parts->key = *std::move(key);
  Secret block = KeyBlock(file == nullptr ? text.view() : WithoutByteOrderMark(text.view()));
  if (block.view().empty()) {
    return absl::DataLossError(absl::StrCat(spec.key, " holds no private key in PEM"));
  }
  if (file == nullptr || file->same_block) parts->key_pem = std::move(block);
  return absl::OkStatus();
}

// Without the passphrase.
absl::StatusOr<Parts> ReadParts(const Spec& spec, const Foreseen& foreseen) {
  Parts parts;
  absl::Status status = ReadCertificates(spec, foreseen, &parts);
  if (status.ok() && spec.HasKey()) status = ReadKey(spec, foreseen, &parts);
  if (!status.ok()) return status;
  return parts;
}

// The PEM of PARTS; of what is not known, of a look, there is nothing in it.
Secret TextOf(const Parts& parts) {
  std::string certificates;
  for (size_t i = 0; i < parts.certificates.size(); ++i) {
    if (parts.exact[i]) absl::StrAppend(&certificates, parts.certificates[i]->ToPem());
  }
  return Secret(absl::StrCat(parts.key_pem.view(), certificates));
}

// Why the PEM file with the content OLD is not the one with PARTS in it.
std::vector<Reason> TextReasons(absl::string_view old, const Parts& parts, bool has_key) {
  const bool key_known = !has_key || !parts.key_pem.view().empty();
  const Secret wanted = TextOf(parts);
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

std::vector<std::string> DerOf(const Parts& parts) {
  std::vector<std::string> certificates;
  for (const auto& certificate : parts.certificates) certificates.push_back(certificate->der);
  return certificates;
}

std::vector<Reason> Pkcs12Reasons(absl::string_view old, const Spec& spec, const Parts& parts) {
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
std::vector<Reason> ShutPkcs12Reasons(absl::string_view old, const Parts& parts) {
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
absl::StatusOr<Found> Look(const Spec& spec, const Parts& parts, bool shut) {
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
std::string DigestOf(const Spec& spec, absl::string_view public_part) {
  return Sha256Hex(absl::StrCat(public_part, spec.name));
}

// Of a look: what is in the PEM file OLD in the place of each part, and what will be.
struct Replaced {
  std::string public_part;                 // as Parts::PublicPart
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

std::vector<Change> ChangesOf(const Replaced& old, const Parts& parts) {
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

absl::Status WriteBundle(const Spec& spec, const Parts& parts) {
  if (!spec.IsPkcs12()) return WriteFile(spec.path, TextOf(parts).view(), spec.HasKey() ? 0600 : 0644);
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
  absl::StatusOr<Spec> spec = ReadSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<Parts> parts = ReadParts(*spec, Foreseen());
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
  absl::StatusOr<Spec> spec = ReadSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<Parts> parts = ReadParts(*spec, context.foreseen);
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
    if (parts->Known()) file.content = std::string(TextOf(*parts).view());
  }
  outlook.files.emplace_back(spec->path, std::move(file));
  if (spec->IsPkcs12()) return outlook;
  const Replaced old = ReadReplaced(found->old.view());
  outlook.changes_digest = outlook.digest.empty() || outlook.digest != DigestOf(*spec, old.public_part);
  outlook.changes = ChangesOf(old, *parts);
  return outlook;
}

}  // namespace kplan
