#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "src/base/digest.h"
#include "src/base/files.h"
#include "src/steps/artifact_file.h"
#include "src/steps/certificate.h"
#include "src/steps/der.h"
#include "src/steps/passphrase.h"
#include "src/steps/pkcs12.h"
#include "src/steps/private_key.h"
#include "src/steps/step.h"

// A certificate together with what it is used with. Record:
//   {"cert":"pki/x.pem","form":"chain|bundle|pkcs12","issuers":["pki/sub.pem",...],"key":"pki/x-key.pem",
//    "kind":"bundle","name":"x","passphrase":PASS,"path":"pki/x-chain.pem"}
//   chain   PEM: the certificate and the CAs above it, nearest first, as TLS servers send them
//   bundle  PEM: the key in front of that, as HAProxy, MongoDB and etcd's --cert-file take it
//   pkcs12  pkcs12.h, under the passphrase (passphrase.h), with the friendly name "name"
// "key" is there for the last two, "name" and "passphrase" for the last. Digest: of the DER of the public key
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

// What goes into the file.
struct Parts {
  std::vector<Certificate> certificates;
  std::optional<PrivateKey> key;
  Secret key_pem;     // its block as it stands in its file
  Secret passphrase;  // of a PKCS#12 file

  std::string PublicPart() const {
    std::string all = key.has_value() ? key->spki() : "";
    for (const Certificate& certificate : certificates) absl::StrAppend(&all, certificate.der);
    return all;
  }
};

absl::StatusOr<Spec> ReadSpec(const Record& record) {
  Spec spec;
  spec.path = record.String("path");
  spec.form = record.String("form");
  spec.certificate = record.String("cert");
  spec.issuers = record.Strings("issuers");
  if (spec.HasKey()) spec.key = record.String("key");
  if (spec.IsPkcs12()) spec.name = record.StringOr("name", "");
  absl::StatusOr<PassphraseSource> passphrase = PassphraseSource::From(record, "passphrase");
  if (!record.status().ok()) return record.status();
  if (!passphrase.ok()) return passphrase.status();
  spec.passphrase = *std::move(passphrase);
  if (spec.form != "chain" && spec.form != "bundle" && spec.form != "pkcs12") {
    return absl::InvalidArgumentError(absl::StrCat("there is no form \"", spec.form, "\" of a bundle"));
  }
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

absl::StatusOr<Parts> ReadParts(const Spec& spec) {
  Parts parts;
  std::vector<std::string> paths = {spec.certificate};
  paths.insert(paths.end(), spec.issuers.begin(), spec.issuers.end());
  for (size_t i = 0; i < paths.size(); ++i) {
    absl::StatusOr<Certificate> certificate = Certificate::Read(paths[i]);
    if (!certificate.ok()) return certificate.status();
    if (i > 0 && (!certificate->is_ca || !parts.certificates.back().NamesAsIssuer(*certificate) ||
                  !parts.certificates.back().IsSignedBy(*certificate))) {
      return absl::FailedPreconditionError(
          absl::StrCat(paths[i - 1], " was not signed by ", paths[i],
                       ", so that no chain comes of the two; run ninja to sign it again"));
    }
    parts.certificates.push_back(*std::move(certificate));
  }
  if (!spec.HasKey()) return parts;

  Secret text;
  absl::StatusOr<PrivateKey> key = PrivateKey::Read(spec.key, {}, &text);
  if (!key.ok()) return key.status();
  if (!key->usable()) {
    return absl::FailedPreconditionError(
        absl::StrCat(spec.key, " holds a key of the kind ", key->kind(), ", which kplan cannot use"));
  }
  if (key->spki() != parts.certificates.front().spki) {
    return absl::FailedPreconditionError(absl::StrCat(spec.key, " is not the key of the certificate ",
                                                      spec.certificate, "; run ninja to sign it again"));
  }
  parts.key = *std::move(key);
  parts.key_pem = KeyBlock(text.view());
  if (parts.key_pem.view().empty()) {
    return absl::DataLossError(absl::StrCat(spec.key, " holds no private key in PEM"));
  }
  if (spec.IsPkcs12()) {
    absl::StatusOr<Secret> passphrase = ReadPassphrase(spec.passphrase);
    if (!passphrase.ok()) return passphrase.status();
    if (!IsPkcs12Passphrase(passphrase->view())) {
      return absl::FailedPreconditionError(
          absl::StrCat(spec.passphrase.Text(),
                       " has characters that are not printable ASCII, and Java and others "
                       "would not open ",
                       spec.path, " with it; take another passphrase"));
    }
    parts.passphrase = *std::move(passphrase);
  }
  return parts;
}

Secret TextOf(const Parts& parts) {
  std::string certificates;
  for (const Certificate& certificate : parts.certificates) {
    absl::StrAppend(&certificates, certificate.ToPem());
  }
  return Secret(absl::StrCat(parts.key_pem.view(), certificates));
}

// Why the PEM file with the content OLD is not the one with the content WANTED, or "".
std::string TextDifference(absl::string_view old, absl::string_view wanted, bool has_key) {
  if (old == wanted) return "";
  absl::StatusOr<std::vector<PemBlock>> was = ParsePem(old), is = ParsePem(wanted);
  const size_t own = has_key ? 1 : 0;  // where the certificate stands
  if (!was.ok() || !is.ok() || was->size() <= own) return "damaged";
  auto differs = [&](size_t i) {
    return (*was)[i].label != (*is)[i].label || (*was)[i].der.view() != (*is)[i].der.view();
  };
  std::string reasons;
  if (has_key && differs(0)) reasons = "key changed";
  if (differs(own)) reasons = JoinReasons(reasons, "certificate changed");
  bool issuers = was->size() != is->size();
  for (size_t i = own + 1; !issuers && i < is->size(); ++i) issuers = differs(i);
  if (issuers) reasons = JoinReasons(reasons, "issuers changed");
  return reasons.empty() ? "its text differs" : reasons;
}

std::string Pkcs12Difference(absl::string_view old, const Spec& spec, const Parts& parts) {
  absl::StatusOr<Pkcs12Content> content = OpenPkcs12(old, parts.passphrase.view());
  if (absl::IsDataLoss(content.status())) return "damaged";
  if (absl::IsPermissionDenied(content.status())) {
    return absl::StrCat("passphrase changed (", spec.passphrase.Text(), " does not open it), or damaged");
  }
  if (!content.ok()) return std::string(content.status().message());
  std::string reasons;
  if (content->spki != parts.key->spki()) reasons = "key changed";
  std::vector<std::string> certificates;
  for (const Certificate& certificate : parts.certificates) certificates.push_back(certificate.der);
  if (content->certificates.empty() || content->certificates.front() != certificates.front()) {
    reasons = JoinReasons(reasons, "certificate changed");
  } else if (content->certificates != certificates) {
    reasons = JoinReasons(reasons, "issuers changed");
  }
  if (content->name != spec.name) reasons = JoinReasons(reasons, "name changed");
  return reasons;
}

// Why the file has to be written, or "".
absl::StatusOr<std::string> Look(const Spec& spec, const Parts& parts) {
  absl::StatusOr<std::string> bytes = ReadFile(spec.path, kMaxFile);
  if (absl::IsNotFound(bytes.status())) return "missing";
  if (absl::IsOutOfRange(bytes.status())) return "damaged";
  if (!bytes.ok()) return bytes.status();
  Secret old(*std::move(bytes));
  if (spec.IsPkcs12()) return Pkcs12Difference(old.view(), spec, parts);
  return TextDifference(old.view(), TextOf(parts).view(), spec.HasKey());
}

absl::Status WriteBundle(const Spec& spec, const Parts& parts) {
  if (!spec.IsPkcs12()) return WriteFile(spec.path, TextOf(parts).view(), spec.HasKey() ? 0600 : 0644);
  std::vector<std::string> certificates;
  for (const Certificate& certificate : parts.certificates) certificates.push_back(certificate.der);
  absl::StatusOr<std::string> der = MakePkcs12(*parts.key, certificates, spec.name, parts.passphrase.view());
  if (!der.ok()) return der.status();
  if (std::string wrong = Pkcs12Difference(*der, spec, parts); !wrong.empty()) {
    return absl::InternalError(
        absl::StrCat("the file made for ", spec.path, " fails its own check: ", wrong));
  }
  return WriteFile(spec.path, *der, 0600);
}

}  // namespace

absl::StatusOr<StepResult> BundleStep(const StepContext&, const Record& record) {
  absl::StatusOr<Spec> spec = ReadSpec(record);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<Parts> parts = ReadParts(*spec);
  if (!parts.ok()) return parts.status();

  StepResult result;
  result.files = {spec->path};
  result.digest = Sha256Hex(absl::StrCat(parts->PublicPart(), spec->name));
  absl::StatusOr<std::string> reason = Look(*spec, *parts);
  absl::StatusOr<FolderLock> lock = absl::NotFoundError("not needed yet");
  if (reason.ok() && !reason->empty()) {
    // Another run may be making it at this moment: whoever comes second takes what the first one made.
    lock = FolderLock::Acquire(spec->path);
    if (!lock.ok()) return lock.status();
    reason = Look(*spec, *parts);
  }
  if (!reason.ok()) return reason.status();
  if (!reason->empty()) {
    if (absl::Status status = WriteBundle(*spec, *parts); !status.ok()) return status;
  }
  absl::StatusOr<std::string> mode = spec->HasKey() ? ProtectKeyFile(spec->path) : PublishFile(spec->path);
  if (!mode.ok()) return mode.status();
  result.reason = JoinReasons(*reason, *mode);
  return result;
}

}  // namespace kplan
