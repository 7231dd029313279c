#include "src/steps/pki/bundle_parts.h"

#include <utility>

#include "absl/strings/match.h"
#include "src/base/fields.h"
#include "src/pki/der.h"
#include "src/pki/key_text.h"
#include "src/pki/pkcs12.h"
#include "src/step/foresee.h"

namespace kplan {
namespace {

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

// Whether ISSUER's key signed BELOW, as far as both say.
bool Signed(const Certificate& issuer, const Certificate& below) {
  return issuer.is_ca && below.NamesAsIssuer(issuer) && below.IsSignedBy(issuer);
}

constexpr size_t kMaxFile = 1 << 20;

absl::Status ReadCertificates(const BundleSpec& spec, const Foreseen& foreseen, BundleParts* parts) {
  std::vector<std::string> paths = {spec.certificate};
  paths.insert(paths.end(), spec.issuers.begin(), spec.issuers.end());
  for (size_t i = 0; i < paths.size(); ++i) {
    absl::StatusOr<std::shared_ptr<const Certificate>> read = SeeCertificate(paths[i], foreseen);
    if (!read.ok()) return read.status();
    const Certificate* below = i > 0 ? parts->certificates.back().get() : nullptr;
    const Certificate* certificate = read->get();
    if (below != nullptr && certificate != nullptr && !Signed(*certificate, *below)) {
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

// The certificate of the CA above all, signed by the generation before: as long as that is trusted it is in a
// file. Afterwards it stays where it is beside the same certificate, and goes when that is made again: no
// server has to show another chain for it.
absl::Status AddCross(const BundleSpec& spec, const Foreseen& foreseen, BundleParts* parts) {
  const Certificate* below = parts->certificates.back().get();
  if (spec.cross.empty() || below == nullptr) return absl::OkStatus();
  absl::StatusOr<std::shared_ptr<const Certificate>> cross = SeeCertificate(spec.cross, foreseen);
  if (!cross.ok() && !absl::IsNotFound(cross.status())) return cross.status();
  if (cross.ok()) {
    if (*cross == nullptr || !Signed(**cross, *below)) return absl::OkStatus();
    const ForeseenFile* file = foreseen.Find(spec.cross);
    parts->exact.push_back(file == nullptr || file->content.has_value());
    parts->certificates.push_back(*std::move(cross));
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> text = ReadFile(spec.path, kMaxFile);
  if (!text.ok()) return absl::OkStatus();
  const Secret wiped(*std::move(text));
  absl::StatusOr<std::vector<PemBlock>> blocks = ParsePem(wiped.view());
  const size_t own = spec.HasKey() ? 1 : 0, count = parts->certificates.size();
  if (!blocks.ok() || blocks->size() != own + count + 1 || !parts->Known()) return absl::OkStatus();
  for (size_t i = 0; i < count; ++i) {
    if ((*blocks)[own + i].der.view() != parts->certificates[i]->der) return absl::OkStatus();
  }
  absl::StatusOr<Certificate> kept = Certificate::Parse(blocks->back().der.view());
  if (!kept.ok() || kept->subject_der == kept->issuer_der || !Signed(*kept, *below)) return absl::OkStatus();
  parts->exact.push_back(true);
  parts->certificates.push_back(std::make_shared<const Certificate>(*std::move(kept)));
  return absl::OkStatus();
}

absl::Status NotItsKey(const BundleSpec& spec) {
  return absl::FailedPreconditionError(absl::StrCat(spec.key, " is not the key of the certificate ",
                                                    spec.certificate, "; run ninja to sign it again"));
}

absl::Status ReadKey(const BundleSpec& spec, const Foreseen& foreseen, BundleParts* parts) {
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

}  // namespace

absl::StatusOr<BundleSpec> ReadBundleSpec(const BundleRecord& record) {
  BundleSpec spec;
  spec.path = record.path;
  spec.form = record.form;
  spec.certificate = record.cert;
  spec.issuers = record.issuers;
  spec.cross = record.cross;
  if (spec.form != "chain" && spec.form != "bundle" && spec.form != "pkcs12") {
    return absl::InvalidArgumentError(absl::StrCat("there is no form \"", spec.form, "\" of a bundle"));
  }
  if (absl::Status status = record.Complete(); !status.ok()) return status;
  if (spec.HasKey()) spec.key = record.key;
  if (spec.IsPkcs12()) spec.name = record.name;
  spec.passphrase = record.passphrase;
  return spec;
}

absl::StatusOr<Secret> ReadPkcs12Passphrase(const BundleSpec& spec) {
  absl::StatusOr<Secret> passphrase = ReadPassphrase(spec.passphrase);
  if (!passphrase.ok()) return passphrase.status();
  if (!IsPkcs12Passphrase(passphrase->view())) {
    return absl::FailedPreconditionError(
        absl::StrCat(spec.passphrase.Text(),
                     " has characters that are not printable ASCII, and Java and others would not open ",
                     spec.path, " with it; take another passphrase"));
  }
  return passphrase;
}

absl::StatusOr<BundleParts> ReadBundleParts(const BundleSpec& spec, const Foreseen& foreseen) {
  BundleParts parts;
  absl::Status status = ReadCertificates(spec, foreseen, &parts);
  if (status.ok()) status = AddCross(spec, foreseen, &parts);
  if (status.ok() && spec.HasKey()) status = ReadKey(spec, foreseen, &parts);
  if (!status.ok()) return status;
  return parts;
}

Secret BundleText(const BundleParts& parts) {
  std::string certificates;
  for (size_t i = 0; i < parts.certificates.size(); ++i) {
    if (parts.exact[i]) absl::StrAppend(&certificates, parts.certificates[i]->ToPem());
  }
  return Secret(absl::StrCat(parts.key_pem.view(), certificates));
}

}  // namespace kplan
